import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { Deployment } from '#redis/deployment.js';
import { eventually } from '../../../test/support/eventually.js';
import { startRedis, type RedisServer } from '../../../test/support/redis-server.js';
import { Journal, type JournalEntry } from '../journal/journal.js';
import { ACCOUNT, startBridge, TestEngine, type RunningBridge } from '../running-bridge.fixture.js';

describe('a bridge at its limits', () => {
  let redis: RedisServer;
  let engine: TestEngine;
  let running: RunningBridge | undefined;

  beforeEach(async () => {
    redis = await startRedis({ appendOnly: true });
    engine = await TestEngine.open(redis.url);
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
  });

  afterEach(async () => {
    await running?.stop();
    engine.close();
    await redis.stop();
  });

  const get = (path: string) => fetch(`http://127.0.0.1:${running!.port}${path}`);
  const refused = async (reason: string) =>
    Number(new RegExp(`^magpie_bridge_refused_total\\{reason="${reason}"\\} (\\d+)`, 'm').exec(await (await get('/metrics')).text())?.[1] ?? 0);

  /** A bridge that has just started looks through its files first, and stores in them until then. */
  const usesJournal = () =>
    eventually('bodies go to the journal', async () => {
      await running!.post('{"Records":[]}');
      return /result="journal"\} [1-9]/.test(await (await get('/metrics')).text());
    });

  it('refuses bodies while the journal is full, says so, and takes them again', async () => {
    const limit = 5;
    running = await startBridge({ redisUrl: redis.url, keyPrefix: engine.prefix, journalLimit: limit, claimIdle: 600_000 });
    await usesJournal();
    // Another bridge has taken what lies there and does not finish.
    const taken: JournalEntry[] = [];
    const other = new Journal(engine.client, await Deployment.open(engine.client, engine.prefix), {
      consumer: 'other',
      onEntries: (entries) => taken.push(...entries),
      room: () => 100,
    });
    const waiting = minioBody({ key: 'a' });
    for (let i = 0; i < limit; i += 1) await other.append({ source: 'store', receivedAt: Date.now(), bytes: Buffer.from(waiting) }, 'store/photos/a');
    expect(await running.post(minioBody({ key: 'a' }))).toBe(503);
    expect(await refused('JournalFull')).toBe(1);
    expect(await (await get('/readyz')).json()).toEqual({ status: 'ready', refusing: 'events', reason: expect.stringMatching(/^JournalFull/) });
    for (const entry of taken) await other.settle({ entry, parked: [] });
    expect(await running.post(minioBody({ key: 'a' }))).toBe(200);
    expect(await engine.arrived(1)).toEqual(['a']);
    expect(await (await get('/readyz')).json()).toEqual({ status: 'ready' });
  });

  it('refuses bodies while Redis is away and the write-ahead log is full, and loses none that it took', async () => {
    running = await startBridge({ redisUrl: redis.url, keyPrefix: engine.prefix, writeAheadLimit: 5_000 });
    await redis.kill9();
    const took: string[] = [];
    for (let i = 0; i < 10; i += 1) if ((await running.post(minioBody({ key: `kept ${i}` }))) === 200) took.push(`kept ${i}`);
    expect(took.length).toBeGreaterThan(1);
    expect(took.length).toBeLessThan(10);
    expect(await refused('WriteAheadLogFull')).toBe(10 - took.length);
    expect((await get('/readyz')).status).toBe(503);
    await redis.restart();
    expect((await engine.arrived(took.length, 'events', 20_000)).sort()).toEqual(took.sort());
    await eventually('taken again', async () => (await running!.post(minioBody({ key: 'again' }))) === 200, { within: 10_000 });
    expect(await engine.arrived(1)).toEqual(['again']);
  }, 60_000);
});
