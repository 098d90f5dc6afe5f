import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { eventually } from '../../../test/support/eventually.js';
import { startRedis, type RedisServer } from '../../../test/support/redis-server.js';
import { ACCOUNT, startBridge, TestEngine, type RunningBridge } from '../running-bridge.fixture.js';

const keys = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name} ${index}`);

describe('while Redis is away', () => {
  let redis: RedisServer;
  let engine: TestEngine;
  let running: RunningBridge;

  beforeAll(async () => {
    redis = await startRedis({ appendOnly: true });
    engine = await TestEngine.open(redis.url);
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
    running = await startBridge({ redisUrl: redis.url, keyPrefix: engine.prefix });
  });

  afterAll(async () => {
    await running.stop();
    engine.close();
    await redis.stop();
  });

  const ready = async () => (await fetch(`http://127.0.0.1:${running.port}/readyz`)).status;
  const postAll = async (names: readonly string[], path?: string) => {
    const statuses: number[] = [];
    for (const key of names) statuses.push(await running.post(minioBody({ key }), path));
    return new Set(statuses);
  };
  const arrived = (count: number) => engine.arrived(count, 'events', 20_000);

  it('events go to files and arrive when it is back, those of one object in order', async () => {
    await redis.kill9();
    expect(await ready()).toBe(503);
    const posted = keys(60, 'away');
    expect(await postAll(posted)).toEqual(new Set([200]));
    expect(await postAll(['fast'], '/intake/s3/store/fast')).toEqual(new Set([200]));
    expect(await readdir(join(running.dataDir, 'bridge'))).not.toEqual([]);
    await redis.restart();
    expect((await arrived(61)).sort()).toEqual([...posted, 'fast'].sort());
    await eventually('ready again', async () => (await ready()) === 200, { within: 10_000 });
    await eventually('files are gone', async () => (await readdir(join(running.dataDir, 'bridge'))).length === 0, { within: 10_000 });
    expect(await postAll(['after'])).toEqual(new Set([200]));
    expect(await arrived(1)).toEqual(['after']);
    expect(await engine.receiveKeys()).toEqual([]);
  }, 60_000);

  it('a kill in the middle of a stream of events loses none and doubles none', async () => {
    const posted = keys(600, 'stream');
    const accepted: string[] = [];
    const senders = Array.from({ length: 8 }, async (_, sender) => {
      for (const key of posted.filter((_key, index) => index % 8 === sender)) {
        // A sender like MinIO: the same event again until it is taken.
        const body = minioBody({ key });
        await eventually(`${key} is taken`, async () => (await running.post(body)) === 200, { within: 30_000, every: 100 });
        accepted.push(key);
      }
    });
    await eventually('some are on their way', () => accepted.length > 150);
    await redis.kill9();
    await eventually('some more, without Redis', () => accepted.length > 300, { within: 20_000 });
    await redis.restart();
    await Promise.all(senders);
    const received: string[] = [];
    await eventually('all messages', async () => {
      received.push(...(await engine.receiveKeys()));
      return new Set(received).size === posted.length;
    }, { within: 30_000, every: 50 });
    expect(new Set(received)).toEqual(new Set(posted));
    await eventually('nothing under way', () => running.bridge.held === 0, { within: 20_000 });
    received.push(...(await engine.receiveKeys()));
    expect(received).toHaveLength(posted.length);
  }, 90_000);

  it('a bridge starts, takes events, and hands them over later', async () => {
    await redis.kill9();
    const late = await startBridge({ redisUrl: redis.url, keyPrefix: engine.prefix, waitForRedis: false });
    try {
      expect(await late.post(minioBody({ key: 'before the beginning' }))).toBe(200);
      // There is no pipeline yet that it could be handed to.
      expect(await late.post(minioBody(), '/intake/s3/store/fast')).toBe(503);
      await redis.restart();
      await late.started;
      expect(await arrived(1)).toEqual(['before the beginning']);
    } finally {
      await late.stop();
    }
  }, 60_000);

  it('events are refused when the disk takes none either', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'magpie-bridge-'));
    // Where the directory of the files should be there is something else.
    await writeFile(join(dataDir, 'bridge'), '');
    await chmod(join(dataDir, 'bridge'), 0o400);
    await redis.kill9();
    const helpless = await startBridge({ redisUrl: redis.url, keyPrefix: engine.prefix, dataDir, waitForRedis: false });
    try {
      expect(await helpless.post(minioBody())).toBe(503);
      await redis.restart();
      await helpless.started;
      await eventually('taken again', async () => (await helpless.post(minioBody({ key: 'taken' }))) === 200, { within: 10_000 });
      expect(await arrived(1)).toContain('taken');
    } finally {
      await helpless.stop();
      await rm(dataDir, { recursive: true });
    }
  }, 60_000);
});

describe('while Redis is full', () => {
  it('events are refused, and taken again when there is room', async () => {
    const redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
    const engine = await TestEngine.open(redis.url);
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
    const running = await startBridge({ redisUrl: redis.url, keyPrefix: engine.prefix });
    try {
      // A bridge that has just started looks for files before it uses the journal.
      await eventually('the journal is used', async () => {
        await running.post(minioBody({ key: 'before' }));
        return /way="durable",result="journal"/.test(await (await fetch(`http://127.0.0.1:${running.port}/metrics`)).text());
      });
      await eventually('nothing under way', () => running.bridge.held === 0);
      await engine.receiveKeys();
      await engine.client.config('SET', 'maxmemory', '500kb');
      expect(await running.post(minioBody({ key: 'refused' }))).toBe(503);
      expect((await fetch(`http://127.0.0.1:${running.port}/readyz`)).status).toBe(503);
      await engine.client.config('SET', 'maxmemory', '0');
      await eventually('taken again', async () => (await running.post(minioBody({ key: 'taken' }))) === 200);
      expect(await engine.arrived(1)).toEqual(['taken']);
    } finally {
      await running.stop();
      engine.close();
      await redis.stop();
    }
  });
});

describe('while Redis is above its high-water mark', () => {
  let redis: RedisServer;
  let engine: TestEngine;
  let running: RunningBridge;

  beforeAll(async () => {
    redis = await startRedis({ args: ['--maxmemory', String(30 * 1_048_576), '--maxmemory-policy', 'noeviction'] });
    engine = await TestEngine.open(redis.url);
    await engine.putRule('all');
    running = await startBridge({ redisUrl: redis.url, keyPrefix: engine.prefix });
  });

  afterAll(async () => {
    await running.stop();
    engine.close();
    await redis.stop();
  });

  const get = (path: string) => fetch(`http://127.0.0.1:${running.port}${path}`);
  const refusing = async () => /^magpie_redis_refusing\{[^}]*\} 1$/m.test(await (await get('/metrics')).text());
  const fill = async () => {
    for (let i = 0; i < 52; i++) await engine.client.set(`ballast:${i}`, 'x'.repeat(523_000));
    await eventually('it has noticed', refusing);
  };
  const empty = async () => {
    for (let i = 0; i < 52; i++) await engine.client.del(`ballast:${i}`);
  };

  it('what it has taken before waits, and arrives', async () => {
    const status = () => engine.rules.status(ACCOUNT, 'all');
    // Its queue does not exist yet.
    expect(await running.post(minioBody({ key: 'parked' }))).toBe(200);
    await eventually('it waits', async () => (await status()).waitingEvents === 1);
    await fill();
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    // Lets it be tried again at once.
    await engine.putRule('all');
    await eventually('the reason is told', async () => /RedisFull/.test((await status()).reason ?? ''));
    await empty();
    await eventually('there is room', async () => !(await refusing()));
    await engine.putRule('all');
    expect(await engine.arrived(1)).toEqual(['parked']);
  }, 30_000);

  it('events are refused, so that their store keeps them, until there is room again', async () => {
    await fill();
    expect(await running.post(minioBody({ key: 'kept by its store' }))).toBe(503);
    expect(await running.post(minioBody({ key: 'fast' }), '/intake/s3/store/fast')).toBe(503);
    const ready = await get('/readyz');
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', refusing: 'events', reason: expect.any(String) }]);
    await empty();
    await eventually('taken', async () => (await running.post(minioBody({ key: 'kept by its store' }))) === 200);
    expect(await engine.arrived(1)).toEqual(['kept by its store']);
  }, 30_000);
});
