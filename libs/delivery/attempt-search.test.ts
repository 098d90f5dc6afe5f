import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { attemptLogKey, encodeAttempt, type Attempt } from './attempt-log.js';
import { AttemptSearch, type AttemptFilter } from './attempt-search.js';

const ACCOUNT = '9234567890123456';
const HOUR = 3_600_000;

describe('AttemptSearch', () => {
  let client: RedisClient;
  let deployment: Deployment;
  let search: AttemptSearch;
  let now: number;

  beforeAll(() => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
  });
  afterAll(() => client.quit());
  beforeEach(async () => {
    deployment = await Deployment.open(client, `test-${randomBytes(6).toString('hex')}`);
    search = new AttemptSearch(client, deployment);
    now = Date.now();
  });

  /** One attempt, recorded in the hour of its time; the message was published `age` before. */
  const write = async (changes: Partial<Attempt> = {}, age = 0): Promise<Attempt> => {
    const { topicName = 'news', time = now } = changes;
    const partition = deployment.partitionOf(ACCOUNT, topicName);
    const id = randomBytes(16);
    id.writeUIntBE(time - age, 0, 6);
    id.writeUInt16BE(partition, 6);
    const attempt: Attempt = {
      messageId: id.toString('hex').toUpperCase(),
      pendingQueueId: randomBytes(8).toString('base64url'),
      topicOwner: ACCOUNT,
      topicName,
      subscriptionName: 's1',
      number: 1,
      time,
      outcome: 'delivered',
      latencyMillis: 12,
      ...changes,
    };
    await client.zadd(attemptLogKey(deployment, partition, Math.floor(time / HOUR)), 0, encodeAttempt(attempt));
    return attempt;
  };
  const all = async (filter: AttemptFilter, limit = 1_000): Promise<Attempt[]> => {
    const found: Attempt[] = [];
    let marker: string | undefined;
    do {
      const page = await search.find(ACCOUNT, filter, { limit, ...(marker !== undefined && { marker }) });
      found.push(...page.attempts);
      marker = page.nextMarker;
    } while (marker !== undefined);
    return found;
  };

  it('finds by topic, subscription, outcome and time, newest first', async () => {
    const old = await write({ time: now - 50 * HOUR, outcome: 'failed' });
    const retried = await write({ time: now - 2_000, outcome: 'retry', nextAttemptTime: now + 8_000, answer: 'busy', code: 503 }, 40 * HOUR);
    const other = await write({ time: now - 1_000, subscriptionName: 's' });
    const latest = await write({ time: now });
    await write({ topicName: 'newsletter' });
    await write({ topicOwner: '0000000000000001' });
    expect(await all({ topic: 'news' })).toEqual([latest, other, retried, old]);
    expect(await all({ topic: 'news', subscription: 's1' })).toEqual([latest, retried, old]);
    expect(await all({ topic: 'news', subscription: 's1', outcome: 'failed' })).toEqual([old]);
    expect(await all({ topic: 'news', since: now - 2_000, until: now - 1_000 })).toEqual([other, retried]);
    expect(await all({ topic: 'none' })).toEqual([]);
  });

  it('pages over hours and over what was recorded in the same millisecond, each attempt once', async () => {
    const written: Attempt[] = [];
    for (let i = 0; i < 60; i++) written.push(await write({ time: now - Math.floor(i / 7) * HOUR, subscriptionName: `s${i % 2}` }));
    const found = await all({ topic: 'news' }, 4);
    expect(found.map(({ time }) => time)).toEqual(written.map(({ time }) => time));
    expect(new Set(found.map(({ messageId }) => messageId)).size).toBe(60);
    expect(await all({ topic: 'news', subscription: 's1' }, 1)).toHaveLength(30);
  });

  it('has no further page when the last one is full', async () => {
    for (let i = 0; i < 4; i++) await write({ time: now - i });
    const page = await search.find(ACCOUNT, { topic: 'news' }, { limit: 4 });
    expect([page.attempts.length, page.nextMarker]).toEqual([4, undefined]);
  });

  it('goes on where it was while new attempts are recorded', async () => {
    const written = [await write({ time: now - 2 }), await write({ time: now - 1 }), await write({ time: now })].reverse();
    const first = await search.find(ACCOUNT, { topic: 'news' }, { limit: 2 });
    await write({ time: now + 1 });
    const second = await search.find(ACCOUNT, { topic: 'news' }, { limit: 2, marker: first.nextMarker! });
    expect([...first.attempts, ...second.attempts]).toEqual(written);
  });

  it('finds the newest of an hour with many slices whatever the order of publishing', async () => {
    const partition = deployment.partitionOf(ACCOUNT, 'news');
    const template = await write({ time: now - 5_000 });
    const pipeline = client.pipeline();
    for (let i = 0; i < 3_500; i++) {
      const messageId = randomBytes(16).toString('hex').toUpperCase();
      const record = encodeAttempt({ ...template, messageId, time: now - 5_000 - i, subscriptionName: i % 100 === 0 ? 'rare' : 's1' });
      pipeline.zadd(attemptLogKey(deployment, partition, Math.floor(now / HOUR)), 0, record);
    }
    await pipeline.exec();
    const rare = await all({ topic: 'news', subscription: 'rare' }, 10);
    expect(rare.map(({ time }) => now - 5_000 - time)).toEqual(Array.from({ length: 35 }, (_, index) => index * 100));
  });

  it('looks at so much for one request, and says how far it came', async () => {
    search = new AttemptSearch(client, deployment, 5);
    for (let i = 0; i < 12; i++) await write({ time: now - Math.floor(i / 4) * HOUR, subscriptionName: i === 11 ? 'rare' : 's1' });
    const first = await search.find(ACCOUNT, { topic: 'news', subscription: 'rare' }, { limit: 10 });
    expect([first.attempts, typeof first.nextMarker]).toEqual([[], 'string']);
    expect(await all({ topic: 'news', subscription: 'rare' })).toHaveLength(1);
    expect(await all({ topic: 'news' })).toHaveLength(12);
  });

  it.each(['', 'x', '____', randomBytes(40).toString('base64url')])('refuses the marker %j', async (marker) => {
    await expect(search.find(ACCOUNT, { topic: 'news' }, { limit: 1, marker })).rejects.toThrow('marker');
  });

  it('takes a marker that was made up for what it says', async () => {
    await write();
    for (const byte of [0, 0xff]) {
      const marker = Buffer.alloc(18, byte).toString('base64url');
      expect((await search.find(ACCOUNT, { topic: 'news' }, { limit: 1, marker })).attempts.length).toBe(byte === 0 ? 0 : 1);
    }
  });
});
