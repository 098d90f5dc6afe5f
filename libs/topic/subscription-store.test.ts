import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { QueueStore } from '#queue/queue-store.js';
import { QueueUpkeep } from '#queue/upkeep.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { PendingDeliveries } from './pending-deliveries.js';
import type { LeaseReply, Wakeup } from './pending-delivery.js';
import { Publisher } from './publisher.js';
import type { Subscription } from './subscription.js';
import { SubscriptionStore } from './subscription-store.js';
import { TopicStore } from './topic-store.js';
import { drainRun } from '../../test/support/sample-delivery.js';

const ACCOUNT = '1234567890123456';
const START = 1_700_000_000_000;
const LEASE = { count: 16, leaseMillis: 15_000, lastLook: true };

let client: RedisClient;
let clock: SettableClock;
let topics: TopicStore;
let subscriptions: SubscriptionStore;
let publisher: Publisher;
let pending: PendingDeliveries;
let upkeep: QueueUpkeep;
let woken: Wakeup[];
let s1: Subscription;

beforeAll(() => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
});

afterAll(async () => {
  await client.quit();
});

beforeEach(async () => {
  clock = new SettableClock(START);
  const deployment = await Deployment.open(client, `test-${randomUUID()}`);
  topics = new TopicStore(client, deployment, clock);
  woken = [];
  const drains = { wake: async (wakeups: readonly Wakeup[]) => void woken.push(...wakeups) };
  publisher = new Publisher(topics, drains);
  subscriptions = new SubscriptionStore(topics, drains);
  pending = new PendingDeliveries(client, deployment, clock);
  upkeep = new QueueUpkeep(new QueueStore(client, deployment, clock), { region: 'cn-hangzhou', logger: silentLogger });
  await topics.createTopic(ACCOUNT, 'news', {});
  s1 = await subscribe('s1');
});

const subscribe = async (name: string): Promise<Subscription> => {
  const endpoint = 'http://127.0.0.1:1/notifications';
  await topics.subscribe(ACCOUNT, 'news', name, { endpoint, notifyStrategy: 'BACKOFF_RETRY', notifyContentFormat: 'XML' });
  return topics.getSubscription(ACCOUNT, 'news', name);
};
const publish = (body: string) => publisher.publish(ACCOUNT, 'news', { body });
const lease = (epoch: number) => pending.lease(s1.pendingQueue, drainRun(epoch), LEASE);
const handles = (reply: LeaseReply) => (reply.state === 'leased' ? reply.deliveries.map(({ handle }) => handle) : []);
const bodies = (reply: LeaseReply) => (reply.state === 'leased' ? reply.deliveries.map(({ message }) => message.body) : []);
const sweep = () => pending.sweep(s1.pendingQueue.partition, 10_000);
const QUIET = { wakeups: [], timers: [] };

describe('a paused subscription', () => {
  it('is left alone by publish, drain, timer and sweep, and keeps what it is owed', async () => {
    await publish('before');
    await subscriptions.pause(s1, 'maintenance');
    expect(await lease(1)).toEqual({ state: 'ended' });
    await publish('meanwhile');
    expect(woken.map(({ epoch }) => epoch)).toEqual([1]);
    clock.advance(60_000);
    expect(await sweep()).toEqual(QUIET);
    expect(await pending.fireTimer(s1.pendingQueue, START)).toBeUndefined();
    expect(await subscriptions.getState(s1)).toMatchObject({
      state: 'paused',
      reason: 'maintenance',
      since: START,
      pendingDeliveries: 2,
      oldestPublishTime: START,
    });
    await subscriptions.resume(s1);
    expect(woken.at(-1)).toEqual({ ...s1.pendingQueue, epoch: 2 });
    expect(bodies(await lease(2))).toEqual(['before', 'meanwhile']);
    expect(await subscriptions.getState(s1)).toMatchObject({ state: 'enabled', reason: null, since: null });
  });

  it('lets attempts under way end as they end', async () => {
    await publish('a');
    await publish('b');
    const [a, b] = handles(await lease(1));
    await subscriptions.pause(s1, 'x');
    const settled = await pending.settle(s1.pendingQueue, [
      { handle: a!, outcome: 'delivered' },
      { handle: b!, outcome: 'retry', notBefore: START + 15_000 },
    ]);
    expect(settled).toEqual({ counted: [true, true] });
    expect(await sweep()).toEqual(QUIET);
    await subscriptions.resume(s1);
    // The drain of the resume finds nothing due yet and sets the timer that the pause had taken away.
    expect(await lease(2)).toEqual({ state: 'idle', timer: START + 15_000 });
  });

  it('gets a timer of its own again when an old one fired meanwhile', async () => {
    await publish('a');
    await pending.settle(s1.pendingQueue, [{ handle: handles(await lease(1))[0]!, outcome: 'retry', notBefore: START + 15_000 }]);
    expect(await lease(1)).toEqual({ state: 'idle', timer: START + 15_000 });
    await subscriptions.pause(s1, 'x');
    // The old timer's job is just running, a little early.
    clock.advance(14_500);
    expect(await pending.fireTimer(s1.pendingQueue, START + 15_000)).toBeUndefined();
    await subscriptions.resume(s1);
    expect(await lease(2)).toEqual({ state: 'idle', timer: START + 15_001 });
  });

  it('is found by the sweep when the wake-up of its resumption is lost', async () => {
    await publish('a');
    await subscriptions.pause(s1, 'x');
    clock.advance(60_000);
    await subscriptions.resume(s1);
    expect(await sweep()).toEqual(QUIET);
    clock.advance(20_000);
    expect((await sweep()).wakeups).toEqual([{ ...s1.pendingQueue, epoch: 3 }]);
  });

  it('gives up its backlog when its retention ends, counted', async () => {
    await subscriptions.pause(s1, 'x');
    for (let i = 0; i < 300; i++) await publish(`${i}`);
    clock.advance(86_400_000);
    await publish('fresh');
    await upkeep.run(s1.pendingQueue.partition);
    expect(await subscriptions.getState(s1)).toMatchObject({
      state: 'paused',
      pendingDeliveries: 1,
      oldestPublishTime: clock.now(),
      expiredDeliveries: 300,
      failedDeliveries: 300,
      droppedDeliveries: 0,
    });
  });
});

describe('an endpoint that is gone', () => {
  it('disables its subscription in the step that settles; its delivery waits with the others, counted', async () => {
    await publish('a');
    await publish('b');
    const [a] = handles(await pending.lease(s1.pendingQueue, drainRun(1), { ...LEASE, count: 1 }));
    await pending.settle(s1.pendingQueue, [{ handle: a!, outcome: 'gone', reason: 'HTTP 410' }]);
    expect(await lease(1)).toEqual({ state: 'ended' });
    await subscriptions.pause(s1, 'too late');
    expect(await subscriptions.getState(s1)).toMatchObject({ state: 'disabled', reason: 'HTTP 410', since: START, pendingDeliveries: 2 });
    await subscriptions.resume(s1);
    const reply = await lease(2);
    expect(bodies(reply)).toEqual(['b', 'a']);
    expect(reply).toMatchObject({ deliveries: [{ attempts: 0 }, { attempts: 1 }] });
  });
});

describe('retention of a subscription', () => {
  it('bounds its own deliveries; the body lives for whoever keeps it longest', async () => {
    const s2 = await subscribe('s2');
    await topics.setDeliveryOptions(ACCOUNT, 'news', 's1', { retentionSeconds: 60 });
    await topics.setDeliveryOptions(ACCOUNT, 'news', 's2', { retentionSeconds: 604_800 });
    await publish('x');
    clock.advance(60_000);
    expect(await lease(1)).toEqual({ state: 'idle' });
    // Kept with what was given up, for three days.
    clock.advance(259_200_000);
    await upkeep.run(s1.pendingQueue.partition);
    expect(await subscriptions.getState(s1)).toMatchObject({ failedDeliveries: 0, droppedDeliveries: 1 });
    expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(1);
    clock.advance(604_800_000 - 259_200_000 - 60_001);
    await upkeep.run(s1.pendingQueue.partition);
    const reply = await pending.lease(s2.pendingQueue, drainRun(1), LEASE);
    expect(reply).toMatchObject({ deliveries: [{ message: { body: 'x' }, expireTime: START + 604_800_000 }] });
    await pending.settle(s2.pendingQueue, [{ handle: handles(reply)[0]!, outcome: 'returned' }]);
    clock.advance(1);
    await upkeep.run(s1.pendingQueue.partition);
    expect(await subscriptions.getState(s2)).toMatchObject({ pendingDeliveries: 0, failedDeliveries: 1 });
    clock.advance(259_200_000);
    await upkeep.run(s1.pendingQueue.partition);
    expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(0);
  });
});
