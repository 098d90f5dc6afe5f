import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { ACCOUNT, TestEngine, TOKEN } from '../../apps/bridge/running-bridge.fixture.js';
import { startBridgeProcess, type BridgeProcess } from '../support/bridge-process.js';
import { eventually } from '../support/eventually.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';

describe('a bridge that is killed', () => {
  let redis: RedisServer;
  let engine: TestEngine;
  let dataDir: string;
  let bridge: BridgeProcess;

  beforeEach(async () => {
    redis = await startRedis({ appendOnly: true });
    engine = await TestEngine.open(redis.url);
    dataDir = await mkdtemp(join(tmpdir(), 'magpie-bridge-'));
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
    bridge = await start(0);
  });

  afterEach(async () => {
    await bridge.end('SIGKILL');
    engine.close();
    await redis.stop();
    await rm(dataDir, { recursive: true });
  });

  function start(port: number): Promise<BridgeProcess> {
    return startBridgeProcess({ redisUrl: redis.url, keyPrefix: engine.prefix, dataDir, account: ACCOUNT, token: TOKEN, port });
  }

  const post = async (port: number, body: string): Promise<number> => {
    const headers = { authorization: TOKEN };
    return fetch(`http://127.0.0.1:${port}/intake/s3/store`, { method: 'POST', headers, body }).then(
      ({ status }) => status,
      () => 0,
    );
  };

  /** Like MinIO with a queue: one event at a time, the same one until it is taken. */
  function senders(count: number, perSender: number, taken: string[]): Promise<unknown> {
    const { port } = bridge;
    return Promise.all(
      Array.from({ length: count }, async (_, sender) => {
        for (let i = 0; i < perSender; i += 1) {
          const key = `${sender}-${i}`;
          const body = minioBody({ key });
          await eventually(`${key} is taken`, async () => (await post(port, body)) === 200, { within: 60_000, every: 20 });
          taken.push(key);
        }
      }),
    );
  }

  async function receiveAll(count: number): Promise<string[]> {
    const received: string[] = [];
    await eventually(`${count} messages`, async () => {
      received.push(...(await engine.receiveKeys()));
      return new Set(received).size >= count;
    }, { within: 60_000, every: 50 });
    // What a second delivery of the journal would bring comes with the same take-over, or never.
    await eventually('the journal is empty', async () => {
      const lengths = await Promise.all((await engine.client.keys(`${engine.prefix}:*:journal:?`)).map((key) => engine.client.xlen(key)));
      return lengths.every((length) => length === 0);
    }, { within: 30_000, every: 100 });
    received.push(...(await engine.receiveKeys()));
    return received;
  }

  it('again and again under load loses no event and doubles none', async () => {
    const taken: string[] = [];
    const sending = senders(8, 150, taken);
    for (let kill = 1; kill <= 4; kill += 1) {
      await eventually('some more are taken', () => taken.length > kill * 150, { within: 30_000 });
      await bridge.end('SIGKILL');
      bridge = await start(bridge.port);
    }
    await sending;
    const received = await receiveAll(taken.length);
    expect(new Set(received)).toEqual(new Set(taken));
    expect(received).toHaveLength(taken.length);
  }, 150_000);

  it('while Redis is away leaves its files to the next', async () => {
    await redis.kill9();
    const taken: string[] = [];
    await senders(2, 20, taken);
    await bridge.end('SIGKILL');
    expect(await readdir(join(dataDir, 'bridge'))).not.toEqual([]);
    await redis.restart();
    bridge = await start(bridge.port);
    expect((await receiveAll(taken.length)).sort()).toEqual(taken.sort());
    expect(await readdir(join(dataDir, 'bridge'))).toEqual([]);
  }, 60_000);

  it('ends by itself when it is told to, and loses nothing that it took', async () => {
    const taken: string[] = [];
    const sending = senders(4, 60, taken);
    await eventually('some are taken', () => taken.length > 60);
    const started = performance.now();
    expect(await bridge.end('SIGTERM')).toBe(0);
    expect(performance.now() - started).toBeLessThan(10_000);
    bridge = await start(bridge.port);
    await sending;
    const received = await receiveAll(taken.length);
    expect(received.sort()).toEqual(taken.sort());
  }, 60_000);
});
