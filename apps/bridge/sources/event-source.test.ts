import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readEventRule } from '#event-rule/event-rule.js';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { GapStore } from '#event-source/gap-store.js';
import { Deployment } from '#redis/deployment.js';
import { freePort } from '../../../test/support/free-port.js';
import { eventually } from '../../../test/support/eventually.js';
import { ACCOUNT, startBridge, TestEngine, TOKEN, type RunningBridge } from '../running-bridge.fixture.js';
import { encodeRecord } from '../intake/write-ahead-record.js';

const OTHER = '6543210987654321';
const OWN_TOKEN = 'a-token-of-its-own';

describe('a registered event source', () => {
  let engine: TestEngine;
  let running: RunningBridge;

  beforeAll(async () => {
    engine = await TestEngine.open();
    running = await startBridge({ keyPrefix: engine.prefix });
    for (const account of [ACCOUNT, OTHER]) {
      await engine.queues.createQueue(account, 'events', {});
      const document = { eventTypes: ['ObjectCreated:*'], endpoint: { endpointType: 'queue', endpointValue: 'events' } };
      await engine.rules.put(account, readEventRule('all', document));
    }
  });
  afterAll(async () => {
    await running.stop();
    engine.close();
  });

  const post = async (path: string, authorization: string, body = '{"Records":[]}', port = running.port): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}/intake/s3/${path}`, { method: 'POST', headers: { authorization }, body });
    await response.arrayBuffer();
    return response.status;
  };

  async function receiveOne(account: string): Promise<unknown> {
    const messages = await eventually('a message', async () => {
      const received = await engine.messages.receiveMessages(account, 'events', { count: 1, waitSeconds: 0 });
      return received.length > 0 && received;
    });
    await engine.messages.deleteMessages(account, 'events', [messages[0]!.receiptHandle]);
    return (JSON.parse(Buffer.from(messages[0]!.body, 'base64').toString()) as { events: unknown[] }).events[0];
  }

  it('has a token of its own, then the one of the hub is not good for it', async () => {
    await engine.putSource('own', { intakeToken: OWN_TOKEN });
    await eventually('known', () => running.bridge.sources?.byName.has('own') === true);
    for (const path of ['own', 'own/fast']) {
      for (const good of [OWN_TOKEN, `Bearer ${OWN_TOKEN}`]) expect(await post(path, good)).toBe(200);
      for (const bad of [`Bearer ${TOKEN}`, `${OWN_TOKEN}x`, '']) expect(await post(path, bad)).toBe(401);
    }
    expect(await post('unregistered', `Bearer ${OWN_TOKEN}`)).toBe(401);
    expect(await post('unregistered', `Bearer ${TOKEN}`)).toBe(200);
    await engine.putSource('own', { intakeToken: null });
    await eventually('the token of the hub is good again', async () => (await post('own', TOKEN)) === 200);
  });

  it('sends its sender away while its token is not known yet, and never says that it is wrong', async () => {
    const away = await startBridge({ redisUrl: `redis://127.0.0.1:${await freePort()}`, waitForRedis: false });
    expect(await post('own', OWN_TOKEN, undefined, away.port)).toBe(503);
    expect(await post('own', TOKEN, minioBody({ key: 'kept' }), away.port)).toBe(200);
    await away.stop();
    await away.started;
  });

  it('tells its events to the rules of its account, with the region and account that it names', async () => {
    await engine.putSource('theirs', { region: 'eu-central-1', eventAccount: '1111222233334444' }, OTHER);
    expect(await post('theirs', TOKEN, minioBody({ bucket: 'photos', key: 'one' }))).toBe(200);
    const arn = 'acs:oss:eu-central-1:1111222233334444:photos';
    expect(await receiveOne(OTHER)).toMatchObject({ region: 'eu-central-1', oss: { bucket: { arn, ownerIdentity: '1111222233334444' } } });
    expect(await post('nobodys', TOKEN, minioBody({ bucket: 'photos', key: 'two' }))).toBe(200);
    expect(await receiveOne(ACCOUNT)).toMatchObject({ region: 'cn-hangzhou', oss: { bucket: { arn: `acs:oss:cn-hangzhou:${ACCOUNT}:photos` } } });
    expect(await engine.messages.receiveMessages(ACCOUNT, 'events', { count: 1, waitSeconds: 0 })).toEqual([]);
  });

  it('is searched for what a damaged file of the write-ahead log has lost', async () => {
    await engine.putSource('searched', { endpoint: `http://127.0.0.1:${await freePort()}`, credentials: { accessKey: 'access', secretKey: 'secret-key' }, buckets: ['photos'] });
    const dataDir = await mkdtemp(join(tmpdir(), 'magpie-damaged-'));
    const [first, second, third] = ['a', 'b', 'c'].map((key) => encodeRecord({ source: 'searched', receivedAt: Date.now(), bytes: Buffer.from(minioBody({ key })) }));
    second!.fill(0xff, 20, 40);
    await mkdir(join(dataDir, 'bridge'));
    // No process has this number.
    await writeFile(join(dataDir, 'bridge', `${hostname()}.4194305.0123abcd-00000001.wal`), Buffer.concat([first!, second!, third!]));
    const other = await startBridge({ keyPrefix: engine.prefix, dataDir });
    const gaps = new GapStore(engine.client, await Deployment.open(engine.client, engine.prefix));
    try {
      await eventually('the gap is open', async () => (await gaps.list('searched')).some(({ reasons }) => reasons.includes('journal-damaged')));
      expect((await gaps.list('own')).flatMap(({ reasons }) => reasons)).not.toContain('journal-damaged');
    } finally {
      await other.stop();
      await rm(dataDir, { recursive: true });
    }
  });
});
