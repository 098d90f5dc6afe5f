import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { drainRun } from '../../test/support/sample-delivery.js';
import { PendingDeliveries } from './pending-deliveries.js';
import type { LeaseReply } from './pending-delivery.js';
import { Publisher } from './publisher.js';
import type { PendingQueueAddress } from './subscription.js';
import { TopicStore } from './topic-store.js';

const ACCOUNT = '1234567890123456';
const LEASE = { count: 32, leaseMillis: 600_000, lastLook: false };

let client: RedisClient;
let clock: SettableClock;
let topics: TopicStore;
/** Of two workers. */
let workers: readonly [PendingDeliveries, PendingDeliveries];
let publisher: Publisher;
let s1: PendingQueueAddress;

beforeAll(() => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
});

afterAll(async () => {
  await client.quit();
});

beforeEach(async () => {
  clock = new SettableClock(1_700_000_000_000);
  const deployment = await Deployment.open(client, `test-${randomUUID()}`);
  topics = new TopicStore(client, deployment, clock);
  workers = [new PendingDeliveries(client, deployment, clock), new PendingDeliveries(client, deployment, clock)];
  publisher = new Publisher(topics, { wake: () => Promise.resolve() });
  await topics.createTopic(ACCOUNT, 'news', {});
  const attributes = { endpoint: 'http://127.0.0.1:1/', notifyStrategy: 'BACKOFF_RETRY', notifyContentFormat: 'XML' } as const;
  await topics.subscribe(ACCOUNT, 'news', 's1', attributes);
  s1 = (await topics.getSubscription(ACCOUNT, 'news', 's1')).pendingQueue;
});

const limit = (maxPerSecond: number | null) => topics.setDeliveryOptions(ACCOUNT, 'news', 's1', { maxPerSecond });
const owe = async (count: number) => {
  for (let number = 0; number < count; number++) await publisher.publish(ACCOUNT, 'news', { body: 'x' });
};
const take = (worker = 0) => workers[worker]!.lease(s1, drainRun(1), LEASE);
const taken = (reply: LeaseReply) => (reply.state === 'leased' ? reply.deliveries.length : 0);

describe('maxPerSecond of a subscription', () => {
  it('lets a tenth of a second through at once, then as much as time brings', async () => {
    await limit(50);
    await owe(13);
    expect(taken(await take())).toBe(5);
    expect(await take()).toEqual({ state: 'limited', millis: 50 });
    clock.advance(50);
    expect(taken(await take())).toBe(2);
    clock.advance(10_000);
    expect(taken(await take())).toBe(5);
    expect(await take()).toMatchObject({ state: 'limited' });
  });

  it('is one for all workers, and no second has more than it and a tenth', async () => {
    await limit(20);
    await owe(100);
    const times: number[] = [];
    for (let at = 0; at < 3_000; at += 10) {
      for (let worker = 0; worker < 2; worker++) times.push(...Array<number>(taken(await take(worker))).fill(at));
      clock.advance(10);
    }
    const busiest = Math.max(...times.map((start) => times.filter((time) => time >= start && time < start + 1_000).length));
    expect(busiest).toBeLessThanOrEqual(22);
    expect(times.length).toBeGreaterThanOrEqual(60);
  });

  it('of one a second lets one through each second', async () => {
    await limit(1);
    await owe(3);
    expect(taken(await take())).toBe(1);
    expect(await take()).toEqual({ state: 'limited', millis: 1_000 });
    clock.advance(999);
    expect(await take()).toEqual({ state: 'limited', millis: 1 });
    clock.advance(1);
    expect(taken(await take())).toBe(1);
  });

  it('limits nothing without the option, after its end, or because a text looks like it', async () => {
    await topics.setDeliveryOptions(ACCOUNT, 'news', 's1', { headers: { 'X-Text': '"maxPerSecond":1' } });
    await limit(1);
    await owe(20);
    expect(taken(await take())).toBe(1);
    await limit(null);
    expect(taken(await take())).toBe(19);
    expect(await take()).toEqual({ state: 'idle' });
  });

  it('is no reason to stay when nothing is due', async () => {
    await limit(1);
    await owe(1);
    expect(taken(await take())).toBe(1);
    expect(await take()).toEqual({ state: 'idle' });
  });
});
