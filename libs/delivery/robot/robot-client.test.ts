import { afterEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../test/support/free-port.js';
import { startRobotServer, type RobotServer, type RobotService, type ServiceLimit } from '../../../test/support/robot-server.js';
import type { Outcome } from '../outcome.js';
import { PushNetwork } from '../push-network.js';
import type { Rate } from '../rate-budget.js';
import { dingtalk } from './dingtalk.js';
import { feishu } from './feishu.js';
import { RobotClient } from './robot-client.js';
import type { RobotMessage } from './robot-message.js';
import { slack } from './slack.js';
import { wecom } from './wecom.js';

const NEVER = new AbortController().signal;
const PROVIDERS = { dingtalk, feishu, wecom, slack };
const SERVICES = Object.keys(PROVIDERS) as RobotService[];
const PLENTY: Rate = { burst: 1_000, refillMillis: 1 };
const NO_LIMIT: ServiceLimit = { count: 1_000, millis: 1 };
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const plainMessage = (text: string, changes: Partial<RobotMessage> = {}): RobotMessage => ({ text, format: 'text', atMobiles: [], atAll: false, ...changes });

interface Scene {
  readonly server: RobotServer;
  readonly client: RobotClient;
}

async function open(service: RobotService, rate = PLENTY, limit = NO_LIMIT, robot: { webhookUrl?: string; secret?: string } = {}, timeLimit = 2_000): Promise<Scene> {
  const server = await startRobotServer(service, limit);
  const own = { webhookUrl: server.url, ...(server.secret !== '' && { secret: server.secret }) };
  const client = new RobotClient(PROVIDERS[service], { ...own, ...robot }, { network: new PushNetwork(['loopback']), timeLimit, rate });
  cleanUps.push(() => server.stop(), () => client.close());
  return { server, client };
}

describe.each(SERVICES)('robots of %s', (service) => {
  it('takes a signed message, with title, in both formats', async () => {
    const { server, client } = await open(service);
    expect(await client.send(plainMessage('喜鹊 <b>&amp;</b> "q" \\ 🐦', { title: 'Disk full', atAll: true }), NEVER)).toEqual({ kind: 'delivered', code: 200 });
    expect(await client.send(plainMessage('# h\n**b**', { title: 'Disk full', format: 'markdown' }), NEVER)).toMatchObject({ kind: 'delivered' });
    expect(server.seen[0]?.text).toContain('喜鹊 <b>&amp;</b> "q" \\ 🐦');
    expect(server.seen[0]?.at.join()).toMatch(/all/);
    for (const { text, title } of server.seen) expect(`${title} ${text}`).toContain('Disk full');
  });

  it('cuts what is too long between characters, visibly', async () => {
    const { server, client } = await open(service);
    for (const format of ['text', 'markdown'] as const) {
      expect(await client.send(plainMessage('喜🐦'.repeat(30_000), { format, title: 'long' }), NEVER)).toMatchObject({ kind: 'delivered' });
      const shown = server.seen.at(-1)!.text;
      expect(shown).toContain('[truncated, 60000 characters in all]');
      expect(shown).not.toMatch(/[\ud800-\udfff]/u);
      expect(shown.length).toBeGreaterThan(600);
    }
  });

  it('waits as long as the service asks for, and asks nothing meanwhile', async () => {
    const { server, client } = await open(service, PLENTY, { count: 1, millis: 60_000 });
    expect(await client.send(plainMessage('one'), NEVER)).toMatchObject({ kind: 'delivered' });
    const seconds = { dingtalk: 600, feishu: 60, wecom: 60, slack: 7 }[service];
    expect(await client.send(plainMessage('two'), NEVER)).toMatchObject({ kind: 'retryable', retryAfter: seconds });
    const before = server.requests;
    expect(await client.send(plainMessage('three'), NEVER)).toEqual({ kind: 'held', seconds: Math.min(60, seconds) });
    expect(server.requests).toBe(before);
  });

  it('gives up what is refused for its content, and for a robot that is gone', async () => {
    const { server, client } = await open(service);
    server.forbidden = 'secret plan';
    expect(await client.send(plainMessage('the secret plan'), NEVER)).toMatchObject({ kind: 'permanent' });
    expect(await client.send(plainMessage('the weather'), NEVER)).toMatchObject({ kind: 'delivered' });
    const gone = await open(service, PLENTY, NO_LIMIT, { webhookUrl: server.url.replace(/tok3n-0/, 'tok3n-1') });
    expect(await gone.client.send(plainMessage('x'), NEVER)).toMatchObject({ kind: 'permanent' });
  });

  it.each([
    ['500', (response) => void response.writeHead(500).end('oops')],
    ['a page', (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>ok</html>')],
    ['an empty answer', (response) => void response.writeHead(200).end()],
    ['a redirect', (response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['a reset', (response) => void response.socket?.destroy()],
    ['an answer without end', (response) => void response.writeHead(200).write('{"errcode":0')],
    ['silence', () => undefined],
  ] as [string, NonNullable<RobotServer['answer']>][])('takes %s for a failure that may pass', async (_name, answer) => {
    const { server, client } = await open(service, PLENTY, NO_LIMIT, {}, 600);
    server.answer = answer;
    const before = Date.now();
    const outcome = await client.send(plainMessage('x'), NEVER);
    expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringMatching(/\S/) });
    expect(Date.now() - before).toBeLessThan(1_000);
    server.answer = undefined;
    expect(await client.send(plainMessage('y'), NEVER)).toMatchObject({ kind: 'delivered' });
  });

  it('tells no secret, whatever the service answers', async () => {
    const { server, client } = await open(service);
    const outcomes: Outcome[] = [];
    const answers: NonNullable<RobotServer['answer']>[] = [
      (response) => void response.writeHead(400, { 'content-type': 'text/plain' }).end(`bad_${server.url}`),
      (response, body) => void response.end(JSON.stringify({ errcode: 7, code: 7, errmsg: `${server.url} ${server.token} ${server.secret} ${body}`, msg: `${server.token} ${server.secret}` })),
      (response) => void response.socket?.destroy(),
    ];
    for (const answer of answers) {
      server.answer = answer;
      outcomes.push(await client.send(plainMessage('x'), NEVER));
    }
    const closed = new URL(server.url);
    closed.port = String(await freePort());
    const elsewhere = await open(service, PLENTY, NO_LIMIT, { webhookUrl: closed.href });
    outcomes.push(await elsewhere.client.send(plainMessage('x'), NEVER));
    expect(outcomes).toHaveLength(4);
    for (const outcome of outcomes) {
      expect(outcome.kind).toBe('retryable');
      expect(JSON.stringify(outcome)).not.toContain(server.token);
      expect(JSON.stringify(outcome)).not.toMatch(/SECfed|T00000000/);
    }
  });

  it('merges what waits for its turn, and keeps within the limit of the service', async () => {
    const { server, client } = await open(service, { burst: 2, refillMillis: 300 }, { count: 3, millis: 250 });
    const texts = Array.from({ length: 30 }, (_, number) => `message ${number}.`);
    const outcomes = await Promise.all(texts.map((text) => client.send(plainMessage(text), NEVER)));
    expect(outcomes.every(({ kind }) => kind === 'delivered')).toBe(true);
    expect(server.seen).toHaveLength(3);
    for (const text of texts) expect(server.seen.filter((seen) => seen.text.includes(text))).toHaveLength(1);
  });

  it('checks address and signature without a message', async () => {
    const { server, client } = await open(service);
    expect(await client.check(NEVER)).toMatchObject({ kind: 'delivered' });
    expect(server.seen).toHaveLength(0);
    const gone = await open(service, PLENTY, NO_LIMIT, { webhookUrl: server.url.replace(/tok3n-0/, 'tok3n-1') });
    expect(await gone.client.check(NEVER)).toMatchObject({ kind: 'permanent' });
  });
});

describe('RobotClient', () => {
  it.each(['dingtalk', 'feishu'] as const)('of %s tries again when its signature is refused: that can be put right', async (service) => {
    const { client } = await open(service, PLENTY, NO_LIMIT, { secret: 'SECwrong' });
    expect(await client.send(plainMessage('x'), NEVER)).toMatchObject({ kind: 'retryable', reason: expect.stringMatching(/sign/) });
    expect(await client.check(NEVER)).toMatchObject({ kind: 'retryable' });
  });

  it('judges each message alone after a merged one was refused', async () => {
    const { server, client } = await open('dingtalk', { burst: 1, refillMillis: 50 });
    server.forbidden = 'bad';
    const sent = ['good 1', 'bad', 'good 2', 'good 3'];
    const first = await Promise.all(sent.map((text) => client.send(plainMessage(text), NEVER)));
    expect(first.map(({ kind }) => kind)).toEqual(['delivered', 'held', 'held', 'held']);
    const again = await Promise.all(sent.slice(1).map((text) => client.send(plainMessage(text), NEVER)));
    expect(again.map(({ kind }) => kind)).toEqual(['permanent', 'delivered', 'delivered']);
    expect(server.seen.map(({ text }) => text)).toEqual(['good 1', 'good 2', 'good 3']);
  });

  it('merges formats apart, and no more than one message takes', async () => {
    const { server, client } = await open('wecom', { burst: 1, refillMillis: 100 });
    const sizes = [10, 1_500, 1_500, 300].map((length, number) => plainMessage(String(number).repeat(length)));
    const outcomes = await Promise.all([...sizes, plainMessage('**b**', { format: 'markdown' })].map((message) => client.send(message, NEVER)));
    expect(outcomes.every(({ kind }) => kind === 'delivered')).toBe(true);
    expect(server.seen.map(({ text }) => [...new Set(text.replace(/[^0-3*]/g, ''))].join(''))).toEqual(['0', '1', '23', '*']);
  });

  it('holds what finds no turn in time, and counts no attempt', async () => {
    const { client } = await open('dingtalk', { burst: 1, refillMillis: 10_000 }, NO_LIMIT, {}, 400);
    expect(await client.send(plainMessage('one'), NEVER)).toMatchObject({ kind: 'delivered' });
    const outcome = await client.send(plainMessage('two'), NEVER);
    expect(outcome).toEqual({ kind: 'held', seconds: 10 });
  });

  it('lets go at once of a message that waits for its turn', async () => {
    const { server, client } = await open('dingtalk', { burst: 1, refillMillis: 300 });
    await client.send(plainMessage('one'), NEVER);
    const stop = new AbortController();
    const sending = client.send(plainMessage('two'), stop.signal);
    stop.abort(new Error('stop'));
    await expect(sending).rejects.toThrow('stop');
    expect(await client.send(plainMessage('three'), NEVER)).toMatchObject({ kind: 'delivered' });
    expect(server.seen.map(({ text }) => text)).toEqual(['one', 'three']);
  });

  it('calls by mobile number where the service can', async () => {
    for (const service of ['dingtalk', 'wecom'] as const) {
      const { server, client } = await open(service);
      await client.send(plainMessage('x', { atMobiles: ['13800000000'] }), NEVER);
      expect(server.seen[0]?.at).toEqual(['13800000000']);
    }
  });

  it('does not connect where pushes may not go', async () => {
    const { server } = await open('slack');
    const client = new RobotClient(slack, { webhookUrl: server.url }, { network: new PushNetwork([]), timeLimit: 1_000 });
    cleanUps.push(() => client.close());
    expect(await client.send(plainMessage('x'), NEVER)).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('MAGPIE_PUSH_ALLOW') });
    expect(server.requests).toBe(0);
  });
});
