import { Writable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { AttemptLog } from '#delivery/attempt-log.js';
import { readChannelChange } from '#delivery/channel.js';
import { ChannelStore } from '#delivery/channel-store.js';
import { ROBOT_SERVICES, type RobotEndpoint } from '#delivery/endpoint.js';
import { dingtalk } from '#delivery/robot/dingtalk.js';
import { feishu } from '#delivery/robot/feishu.js';
import { RobotClient } from '#delivery/robot/robot-client.js';
import { SEPARATORS } from '#delivery/robot/robot-message.js';
import { slack } from '#delivery/robot/slack.js';
import { wecom } from '#delivery/robot/wecom.js';
import { eventually } from '../../../test/support/eventually.js';
import { clientsOf } from '../../../test/support/provider-channels.js';
import { startRobotServer, type RobotServer } from '../../../test/support/robot-server.js';
import { openPublishingSide, SECRET_KEY, startWorker, workerSettings } from '../../../test/support/running-worker.js';
import { ACCOUNT, sampleDelivery } from '../../../test/support/sample-delivery.js';
import { describeChannel } from './channel.contract.js';
import { RobotChannel } from './robot.channel.js';

const NEVER = new AbortController().signal;
const PROVIDERS = { dingtalk, feishu, wecom, slack };
const TIME_LIMIT = 1_200;

describe.each(ROBOT_SERVICES)('%s', (service) => {
  describeChannel<RobotEndpoint>(`robot of ${service}`, async () => {
    const servers: RobotServer[] = [];
    const open = async (answer?: RobotServer['answer']): Promise<RobotClient> => {
      const server = await startRobotServer(service, { count: 8, millis: 60 });
      server.answer = answer;
      servers.push(server);
      const robot = { webhookUrl: server.url, ...(server.secret !== '' && { secret: server.secret }) };
      return new RobotClient(PROVIDERS[service], robot, { timeLimit: TIME_LIMIT, rate: { burst: 4, refillMillis: 40 } });
    };
    const clients: Readonly<Record<string, RobotClient>> = {
      ops: await open(),
      busy: await open((response) => void response.writeHead(500).end()),
      silent: await open(() => undefined),
      gone: await open(servers[0]!.answer),
    };
    servers[3]!.answer = (response) => {
      const gone = { errcode: service === 'wecom' ? 93000 : 300001, code: 19001, errmsg: 'gone' };
      response.writeHead(service === 'slack' ? 404 : 200).end(service === 'slack' ? 'no_service' : JSON.stringify(gone));
    };
    const find = (_kind: string, _account: string, name = '') => Promise.resolve({ name, type: service, settings: {}, client: clients[name]! });
    return {
      channel: new RobotChannel({ find: find as never }, TIME_LIMIT),
      accepting: `robot:${service}:ops`,
      arrived: () => Promise.resolve(servers[0]!.seen.flatMap(({ text }) => text.replace(/^\d+ messages\n/, '').split(SEPARATORS.text))),
      refusing: `robot:${service}:busy`,
      rejecting: `robot:${service}:gone`,
      silent: `robot:${service}:silent`,
      stop: async () => {
        await Promise.all(Object.values(clients).map((client) => client.close()));
        await Promise.all(servers.map((server) => server.stop()));
      },
    };
  });
});

describe('RobotChannel', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  it('waits for a channel that is not there, or is another service', async () => {
    const clients = clientsOf({ ops: { type: 'slack', settings: { webhookUrl: 'http://127.0.0.1:1/x' } } }, 1_000);
    cleanUps.push(() => clients.close());
    const channel = new RobotChannel(clients);
    expect(await channel.send(sampleDelivery('robot:slack:none'), NEVER)).toMatchObject({ kind: 'retryable', reason: 'channel not configured: none' });
    const wrong = await channel.send(sampleDelivery('robot:feishu:ops'), NEVER);
    expect(wrong).toMatchObject({ kind: 'retryable', reason: 'the channel ops is of type slack, not feishu' });
  });

  it('brings a burst through a slow service: each message once, merged, no attempt spent', async () => {
    const server = await startRobotServer('feishu');
    const side = await openPublishingSide(process.env['MAGPIE_TEST_REDIS_URL']!);
    const worker = await startWorker(workerSettings(process.env['MAGPIE_TEST_REDIS_URL']!, side.prefix));
    cleanUps.push(() => server.stop(), () => side.stop(), () => worker.stop());
    const channels = new ChannelStore(side.client, side.deployment, SECRET_KEY);
    const settings = { webhookUrl: server.url, secret: server.secret };
    await channels.put(ACCOUNT, 'ops', readChannelChange({ type: 'feishu', settings }));
    const topic = await side.subscribed('robot:feishu:ops');
    const ids: string[] = [];
    for (let number = 0; number < 120; number += 1) ids.push(await side.publish(topic, `burst ${number}.`));
    const arrived = (): string[] => server.seen.flatMap(({ text }) => [...text.matchAll(/burst \d+\./g)].map(([found]) => found));
    await eventually('all messages', () => arrived().length >= 120, { within: 20_000 });
    expect(new Set(arrived()).size).toBe(120);
    expect(server.requests).toBe(server.seen.length);
    expect(server.seen.length).toBeLessThan(30);
    const log = new AttemptLog(side.client, side.deployment);
    const last = await eventually('the last attempt', async () => (await log.find(ids.at(-1)!))[0]);
    expect(last).toMatchObject({ outcome: 'delivered', number: 1 });
  });

  it('leaves no secret in logs, attempts and what Redis holds', async () => {
    const server = await startRobotServer('dingtalk');
    const side = await openPublishingSide(process.env['MAGPIE_TEST_REDIS_URL']!);
    const lines: string[] = [];
    const stream = new Writable({ write: (chunk: Buffer, _encoding, done) => (lines.push(chunk.toString()), done()) });
    const worker = await startWorker(workerSettings(process.env['MAGPIE_TEST_REDIS_URL']!, side.prefix), { logger: pino({ level: 'trace' }, stream) });
    cleanUps.push(() => server.stop(), () => side.stop(), () => worker.stop());
    const channels = new ChannelStore(side.client, side.deployment, SECRET_KEY);
    const settings = { webhookUrl: server.url, secret: server.secret };
    await channels.put(ACCOUNT, 'ops', readChannelChange({ type: 'dingtalk', settings }));
    const topic = await side.subscribed('robot:dingtalk:ops');
    const log = new AttemptLog(side.client, side.deployment);
    const attemptOf = (id: string) => eventually('an attempt', async () => (await log.find(id))[0]);

    const first = await side.publish(topic, 'hello');
    expect(await attemptOf(first)).toMatchObject({ outcome: 'delivered', code: 200 });
    expect(server.seen[0]?.text).toBe('hello');
    server.answer = (response, body) => void response.end(JSON.stringify({ errcode: 7, errmsg: `${server.url} ${server.secret} ${body}` }));
    const second = await attemptOf(await side.publish(topic, 'again'));
    expect(second).toMatchObject({ outcome: 'retry', reason: expect.stringContaining('code 7: ***') });

    const keys = await side.client.keys(`${side.prefix}*`);
    const dumps = await Promise.all(keys.map((key) => side.client.dumpBuffer(key)));
    const everything = [...lines, ...dumps.map((dump) => dump?.toString('latin1') ?? ''), JSON.stringify(second)].join('\n');
    expect(lines.length).toBeGreaterThan(1);
    expect(everything).not.toContain(server.token);
    expect(everything).not.toContain(server.secret);
    expect(everything).not.toContain('access_token=');
  });
});
