import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { AttemptLog, decodeAttempt, encodeAttempt, type Attempt } from './attempt-log.js';

const PARTITION = 17;

function messageId(time = Date.now()): string {
  const id = randomBytes(16);
  id.writeUIntBE(time, 0, 6);
  id.writeUInt16BE(PARTITION, 6);
  return id.toString('hex').toUpperCase();
}

function attempt(changes: Partial<Attempt> = {}): Attempt {
  return {
    messageId: messageId(),
    pendingQueueId: randomBytes(8).toString('base64url'),
    topicOwner: '0234567890123456',
    topicName: 't1',
    subscriptionName: 's1',
    number: 1,
    time: Date.now(),
    outcome: 'delivered',
    code: 204,
    latencyMillis: 12,
    ...changes,
  };
}

describe('encodeAttempt', () => {
  it.each<Partial<Attempt>>([
    {},
    { outcome: 'retry', code: 503, reason: 'HTTP 503', nextAttemptTime: 1_790_299_889_032, number: 176, latencyMillis: 5_000 },
    { answer: 'thank you\n谢谢' },
    { outcome: 'failed', reason: 'x'.repeat(200), answer: 'y'.repeat(1_024) },
    { outcome: 'failed', reason: '服务器拒绝', subscriptionName: 's'.repeat(255), topicName: 't'.repeat(120) },
  ])('keeps what it was given: %j', (changes) => {
    const given = attempt(changes);
    expect(decodeAttempt(encodeAttempt(given))).toEqual(given);
  });

  it('leaves out a code that there was none of', () => {
    const given: Attempt = { ...attempt({ outcome: 'retry', reason: 'connection refused' }) };
    delete (given as { code?: number }).code;
    expect(decodeAttempt(encodeAttempt(given))).toEqual(given);
  });

  it('begins with message id, pending queue id and attempt number', () => {
    const given = attempt({ number: 258 });
    const record = encodeAttempt(given);
    expect(record.subarray(0, 16).toString('hex').toUpperCase()).toBe(given.messageId);
    expect(record.subarray(16, 24).toString('base64url')).toBe(given.pendingQueueId);
    expect([...record.subarray(24, 26)]).toEqual([1, 2]);
  });

  it('cuts a long reason', () => {
    expect(decodeAttempt(encodeAttempt(attempt({ outcome: 'failed', reason: 'x'.repeat(1_000) })))?.reason).toBe('x'.repeat(200));
  });

  it('reads what a release without answers has written', () => {
    const record = encodeAttempt(attempt({ outcome: 'retry', reason: 'HTTP 500' }));
    const lengthAt = record.indexOf('HTTP 500') - 1;
    const old = Buffer.concat([record.subarray(0, lengthAt), record.subarray(lengthAt + 1)]);
    old[26] = 2;
    const decoded = decodeAttempt(old);
    expect(decoded).toMatchObject({ outcome: 'retry', reason: 'HTTP 500' });
    expect(decoded).not.toHaveProperty('answer');
  });

  it('keeps every account id', () => {
    for (const topicOwner of ['9999999999999999', '0000000000000001']) {
      expect(decodeAttempt(encodeAttempt(attempt({ topicOwner })))).toMatchObject({ topicOwner });
    }
  });

  it('is not read when it has another format or is cut', () => {
    const record = encodeAttempt(attempt());
    expect(decodeAttempt(record.subarray(0, 40))).toBeUndefined();
    record[26] = 9;
    expect(decodeAttempt(record)).toBeUndefined();
  });
});

describe('AttemptLog', () => {
  let client: RedisClient;
  let deployment: Deployment;
  beforeAll(async () => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
    await new Promise((resolve) => client.once('ready', resolve));
    deployment = await Deployment.open(client, `test-${randomBytes(6).toString('hex')}`);
  });
  afterAll(() => client.disconnect());

  const bucket = (time: number): string => `${deployment.base(PARTITION)}:al:${Math.floor(time / 3_600_000)}`;
  const write = async (given: Attempt): Promise<void> => {
    await client.zadd(bucket(given.time), 0, encodeAttempt(given));
  };

  it('finds the attempts of one message over the hours and subscriptions', async () => {
    const now = Date.now();
    const id = messageId(now - 5 * 3_600_000);
    const first = attempt({ messageId: id, time: now - 5 * 3_600_000, outcome: 'retry', reason: 'HTTP 500', code: 500 });
    const second = attempt({ messageId: id, time: now - 1_000, number: 2, pendingQueueId: first.pendingQueueId });
    const other = attempt({ messageId: id, time: now - 5 * 3_600_000 + 1, subscriptionName: 's2' });
    const strangers = [attempt({ time: now }), attempt({ messageId: messageId(now - 5 * 3_600_000), time: now })];
    for (const each of [second, ...strangers, other, first]) await write(each);
    const log = new AttemptLog(client, deployment);
    expect(await log.find(id)).toEqual([first, other, second]);
    expect(await log.find(id.toLowerCase())).toHaveLength(3);
  });

  it.each(['', 'xyz', '0'.repeat(31), 'F'.repeat(32), '0'.repeat(32)])('finds nothing for %j', async (id) => {
    expect(await new AttemptLog(client, deployment).find(id)).toEqual([]);
  });

  it('drops the oldest attempts of a partition that has too many', async () => {
    await client.del(bucket(Date.now()), bucket(Date.now() - 3_600_000), bucket(Date.now() - 5 * 3_600_000));
    const now = Date.now();
    const times = Array.from({ length: 20 }, (_, index) => now - (20 - index) * 6 * 60_000);
    const attempts = times.map((time) => attempt({ time, messageId: messageId(time) }));
    for (const each of attempts) await write(each);
    const log = new AttemptLog(client, deployment, { attempts: 12, bytes: 1e9 });
    expect(await log.trim(PARTITION)).toBe(8);
    expect(await log.trim(PARTITION)).toBe(0);
    const found = await Promise.all(attempts.map(async ({ messageId: id }) => (await log.find(id)).length));
    expect(found).toEqual([...Array<number>(8).fill(0), ...Array<number>(12).fill(1)]);
  });

  it('drops the oldest attempts of a partition whose answers take too much memory', async () => {
    const now = Date.now();
    await client.del(bucket(now), bucket(now - 3_600_000), bucket(now - 7_200_000));
    const attempts = Array.from({ length: 100 }, (_, index) => {
      const time = now - 1_000 + index;
      return attempt({ time, messageId: messageId(time), answer: 'x'.repeat(1_024) });
    });
    for (const each of attempts) await write(each);
    const log = new AttemptLog(client, deployment, { attempts: 1_000, bytes: 60_000 });
    const dropped = await log.trim(PARTITION);
    expect(dropped).toBeGreaterThan(30);
    expect(dropped).toBeLessThan(80);
    const found = await Promise.all(attempts.map(async ({ messageId: id }) => (await log.find(id)).length));
    expect(found).toEqual([...Array<number>(dropped).fill(0), ...Array<number>(100 - dropped).fill(1)]);
  });
});
