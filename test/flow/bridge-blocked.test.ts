import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildARN, Client, NotificationConfig, QueueConfig } from 'minio';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { ACCOUNT, TestEngine, TOKEN } from '../../apps/bridge/running-bridge.fixture.js';
import { minioProgram, startMinio, type MinioTestServer } from '../support/minio-server.js';

/** Threads run what is built. */
const program = fileURLToPath(new URL('../../dist/test/support/blockable-bridge.js', import.meta.url));

const BLOCKED = 5_000;

describe('a bridge whose main loop is blocked', () => {
  let engine: TestEngine;
  let dataDir: string;
  let bridge: ChildProcess;
  let url: string;

  beforeAll(async () => {
    engine = await TestEngine.open();
    dataDir = await mkdtemp(join(tmpdir(), 'magpie-bridge-'));
    const settings = { redisUrl: process.env['MAGPIE_TEST_REDIS_URL'], keyPrefix: engine.prefix, account: ACCOUNT, region: 'cn-hangzhou', dataDir };
    bridge = fork(program, [TOKEN, JSON.stringify(settings)]);
    const [{ port }] = (await once(bridge, 'message')) as [{ port: number }];
    url = `http://127.0.0.1:${port}/intake/s3/store`;
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
  });

  afterAll(async () => {
    bridge.kill('SIGKILL');
    await rm(dataDir, { recursive: true, force: true });
    engine.close();
  });

  /** Milliseconds that each step took, one after the other with pauses, as long as the main loop is blocked. */
  async function whileBlocked(step: (n: number) => Promise<void>): Promise<number[]> {
    await step(0);
    const blocks = once(bridge, 'message');
    bridge.send(BLOCKED);
    await blocks;
    const took: number[] = [];
    const end = performance.now() + BLOCKED - 500;
    while (performance.now() < end) {
      const started = performance.now();
      await step(took.length + 1);
      took.push(performance.now() - started);
      await sleep(20);
    }
    return took.sort((one, other) => one - other);
  }

  /** A main loop that had to answer would have had each of them wait for seconds. How quick they are is shown by `npm run bench -- bridge`. */
  function expectNotHeldUp(took: readonly number[]): void {
    expect(took.length).toBeGreaterThan(30);
    expect(took.at(-1)).toBeLessThan(BLOCKED / 4);
  }

  it('takes fast copies at once, and hands them on afterwards', async () => {
    const keys: string[] = [];
    const took = await whileBlocked(async (n) => {
      const body = minioBody({ key: `blocked ${n}` });
      const response = await fetch(`${url}/fast`, { method: 'POST', headers: { authorization: TOKEN }, body });
      await response.arrayBuffer();
      if (response.status === 200) keys.push(`blocked ${n}`);
    });
    expectNotHeldUp(took);
    expect(keys).toHaveLength(took.length + 1);
    expect((await engine.arrived(keys.length, 'events', 10_000)).sort()).toEqual(keys.sort());
  }, 30_000);

  it('refuses a wrong token at once, and keeps the durable way waiting without losing it', async () => {
    const durable: Promise<number>[] = [];
    const took = await whileBlocked(async (n) => {
      const wrong = await fetch(url, { method: 'POST', headers: { authorization: 'wrong' }, body: '{}' });
      expect(wrong.status).toBe(401);
      await wrong.arrayBuffer();
      if (n % 10 === 0) durable.push(fetch(url, { method: 'POST', headers: { authorization: TOKEN }, body: minioBody({ key: `waits ${n}` }) }).then(({ status }) => status));
    });
    expectNotHeldUp(took);
    expect(new Set(await Promise.all(durable))).toEqual(new Set([200]));
    expect(await engine.arrived(durable.length, 'events', 10_000)).toHaveLength(durable.length);
  }, 30_000);

  (minioProgram === undefined ? it.skip : it)('holds up no upload to a MinIO with synchronous events', async () => {
    let store: MinioTestServer | undefined;
    try {
      store = await startMinio({ webhooks: [{ id: 'FAST', endpoint: `${url}/fast`, token: TOKEN }] });
      const { port, accessKey, secretKey } = store;
      const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey, region: 'us-east-1' });
      await client.makeBucket('photos');
      const notification = new NotificationConfig();
      const target = new QueueConfig(buildARN('minio', 'sqs', '', 'FAST', 'webhook'));
      target.addEvent('s3:ObjectCreated:*');
      notification.add(target);
      await client.setBucketNotification('photos', notification);
      const took = await whileBlocked(async (n) => {
        await client.putObject('photos', `upload ${n}`, 'content');
      });
      expectNotHeldUp(took);
      expect(await engine.arrived(took.length + 1, 'events', 10_000)).toHaveLength(took.length + 1);
    } finally {
      await store?.stop();
    }
  }, 90_000);
});
