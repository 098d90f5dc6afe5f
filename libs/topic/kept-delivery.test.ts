import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeAttempt } from '#delivery/attempt-log.js';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { QueueUpkeep } from '#queue/upkeep.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { drainRun } from '../../test/support/sample-delivery.js';
import { DeadLetterMover } from './dead-letter-mover.js';
import { FailedDeliveryStore } from './failed-delivery-store.js';
import { KeptDeliveryList, type KeptOutcome } from './kept-delivery-list.js';
import { PendingDeliveries } from './pending-deliveries.js';
import type { Settlement, Wakeup } from './pending-delivery.js';
import { Publisher } from './publisher.js';
import type { Subscription } from './subscription.js';
import { SubscriptionStore } from './subscription-store.js';
import { TopicStore } from './topic-store.js';

const ACCOUNT = '9999999999999999';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = 1_700_000_000_000;

let client: RedisClient;
let deployment: Deployment;
let clock: SettableClock;
let queues: QueueStore;
let topics: TopicStore;
let subscriptions: SubscriptionStore;
let failed: FailedDeliveryStore;
let list: KeptDeliveryList;
let publisher: Publisher;
let pending: PendingDeliveries;
let upkeep: QueueUpkeep;
let trims: number;
let woken: Wakeup[];
let s1: Subscription;

beforeAll(() => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
});
afterAll(() => client.quit());

beforeEach(async () => {
  clock = new SettableClock(START);
  deployment = await Deployment.open(client, `test-${randomUUID()}`);
  queues = new QueueStore(client, deployment, clock);
  topics = new TopicStore(client, deployment, clock);
  woken = [];
  const drains = { wake: async (wakeups: readonly Wakeup[]) => void woken.push(...wakeups) };
  publisher = new Publisher(topics, drains);
  subscriptions = new SubscriptionStore(topics, drains);
  failed = new FailedDeliveryStore(topics, drains);
  list = new KeptDeliveryList(topics);
  pending = new PendingDeliveries(client, deployment, clock);
  trims = 0;
  const mover = new DeadLetterMover(failed, queues, { region: 'cn-hangzhou', logger: silentLogger });
  upkeep = new QueueUpkeep(queues, {
    region: 'cn-hangzhou',
    logger: silentLogger,
    moveFailedDeliveries: (partition, id) => mover.move(partition, id),
    trimAttemptLog: async () => void trims++,
  });
  await topics.createTopic(ACCOUNT, 'news', {});
  const attributes = { endpoint: 'http://127.0.0.1:1/', notifyStrategy: 'BACKOFF_RETRY', notifyContentFormat: 'XML' } as const;
  await topics.subscribe(ACCOUNT, 'news', 's1', attributes);
  s1 = await topics.getSubscription(ACCOUNT, 'news', 's1');
});

const publish = async (body: string, messageTag?: string) =>
  (await publisher.publish(ACCOUNT, 'news', { body, ...(messageTag !== undefined && { messageTag }) })).messageId;
const setOptions = async (options: Record<string, unknown>) => {
  await topics.setDeliveryOptions(ACCOUNT, 'news', 's1', options);
  s1 = await topics.getSubscription(ACCOUNT, 'news', 's1');
};
const leaseAll = async () => {
  const reply = await pending.lease(s1.pendingQueue, drainRun(woken.at(-1)!.epoch), { count: 200, leaseMillis: 15_000, lastLook: true });
  return reply.state === 'leased' ? reply.deliveries : [];
};
/** Lets everything that is due end so, and the drain with it. */
const settleAll = async (outcome: 'delivered' | 'failed') => {
  for (;;) {
    const due = await leaseAll();
    if (due.length === 0) return;
    await pending.settle(s1.pendingQueue, due.map(({ handle }): Settlement => ({ handle, outcome, reason: 'HTTP 500' })));
  }
};
const runUpkeep = () => upkeep.run(s1.pendingQueue.partition);
const state = () => subscriptions.getState(s1);
const keyNames = async () => (await client.keys(`${deployment.prefix}:*`)).sort();
const pages = async (outcome: KeptOutcome, limit: number) => {
  const found: (readonly string[])[] = [];
  let marker: string | undefined;
  do {
    const page = await list.read(s1, outcome, { limit, ...(marker !== undefined && { marker }) });
    found.push(page.deliveries.map(({ messageId }) => messageId));
    marker = page.nextMarker;
  } while (marker !== undefined);
  return found;
};

describe('a list of what was given up', () => {
  it('says what, when, why and after how many attempts, the latest first', async () => {
    const a = await publish('a', '标签');
    await settleAll('failed');
    clock.advance(1_000);
    await publisher.publish(ACCOUNT, 'news', { body: 'b', messageTag: 'vip', userProperties: [{ name: 'k', value: 'v', type: 'STRING' }], messageGroupId: 'g' });
    await settleAll('failed');
    clock.advance(1_000);
    const c = await publish('c');
    await settleAll('failed');
    const { deliveries } = await list.read(s1, 'failed', { limit: 100 });
    const facts = { attempts: 1, reason: 'HTTP 500', bytes: expect.any(Number) };
    expect(deliveries).toEqual([
      { messageId: c, time: START + 2_000, publishTime: START + 2_000, ...facts },
      { messageId: expect.any(String), messageTag: 'vip', time: START + 1_000, publishTime: START + 1_000, ...facts },
      { messageId: a, messageTag: '标签', time: START, publishTime: START, ...facts },
    ]);
    const span = await list.read(s1, 'failed', { limit: 100, since: START + 1_000, until: START + 1_999 });
    expect(span.deliveries).toEqual([deliveries[1]]);
  });

  it('pages over what was given up in the same millisecond, also when the last entry of a page is gone', async () => {
    const ids = new Set<string>();
    for (let i = 0; i < 25; i++) ids.add(await publish(`${i}`));
    await settleAll('failed');
    for (const limit of [1, 4, 5, 25, 100]) {
      const found = await pages('failed', limit);
      expect(found).toHaveLength(Math.ceil(25 / limit));
      expect(new Set(found.flat())).toEqual(ids);
    }
    const [first, second] = await pages('failed', 10);
    const { nextMarker } = await list.read(s1, 'failed', { limit: 10 });
    expect(await failed.replay(s1, first!.at(-1)!)).toBe(true);
    const next = await list.read(s1, 'failed', { limit: 10, marker: nextMarker! });
    expect(next.deliveries.map(({ messageId }) => messageId)).toEqual(second);
  });

  it('is empty for one that gave up nothing, and tells of one that is gone', async () => {
    expect(await list.read(s1, 'failed', { limit: 100 })).toEqual({ deliveries: [] });
    await topics.unsubscribe(ACCOUNT, 'news', 's1');
    await expect(list.read(s1, 'failed', { limit: 100 })).rejects.toThrow('does not exist');
  });
});

describe('what was delivered', () => {
  it('is gone where the subscription does not keep it', async () => {
    const id = await publish('a');
    await settleAll('delivered');
    expect(await failed.replay(s1, id)).toBe(false);
    expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(0);
  });

  it('is kept for as long as the subscription says, and made again as often as is asked', async () => {
    await setOptions({ keepDelivered: 3_600 });
    const id = await publish('a', 'vip');
    await settleAll('delivered');
    expect(await state()).toMatchObject({ keptDeliveries: 1, pendingDeliveries: 0, failedDeliveries: 0 });
    expect((await list.read(s1, 'delivered', { limit: 10 })).deliveries).toMatchObject([{ messageId: id, messageTag: 'vip', attempts: 1, time: START }]);
    for (let i = 0; i < 3; i++) {
      clock.advance(HOUR - 1);
      await runUpkeep();
      expect(await failed.replay(s1, id)).toBe(true);
      expect(await state()).toMatchObject({ keptDeliveries: 0, pendingDeliveries: 1 });
      await settleAll('delivered');
    }
    clock.advance(HOUR);
    await runUpkeep();
    expect(await state()).toMatchObject({ keptDeliveries: 0, droppedDeliveries: 0 });
    expect(await failed.replay(s1, id)).toBe(false);
  });

  it('of a span of time is replayed, once although it is delivered again meanwhile', async () => {
    await setOptions({ keepDelivered: 86_400 });
    for (let i = 0; i < 10; i++) {
      await publish(`${i}`);
      await settleAll('delivered');
      clock.advance(1_000);
    }
    const order = { outcome: 'delivered', from: START + 2_000, to: START + 6_000, maxPerSecond: 2 } as const;
    expect(await failed.startReplay(s1, order)).toBe(true);
    for (let i = 0; i < 5; i++) {
      await settleAll('delivered');
      clock.advance(1_000);
      await failed.advance(s1.pendingQueue.partition);
    }
    expect(await failed.getReplay(s1)).toMatchObject({ state: 'completed', outcome: 'delivered', totalDeliveries: 5, replayedDeliveries: 5 });
    await settleAll('delivered');
    expect(await state()).toMatchObject({ keptDeliveries: 10, pendingDeliveries: 0 });
  });

  it.each(['age', 'option', 'unsubscribe', 'deleteTopic'] as const)('leaves nothing behind when it ends by %s', async (how) => {
    const before = await keyNames();
    await setOptions({ keepDelivered: 604_800 });
    for (let i = 0; i < 600; i++) await publish(`${i}`);
    await settleAll('delivered');
    expect(await state()).toMatchObject({ keptDeliveries: 600 });
    if (how === 'age') clock.advance(7 * DAY);
    if (how === 'option') await setOptions({ keepDelivered: 0 });
    if (how === 'unsubscribe') await topics.unsubscribe(ACCOUNT, 'news', 's1');
    if (how === 'deleteTopic') await topics.deleteTopic(ACCOUNT, 'news');
    await runUpkeep();
    if (how === 'unsubscribe') expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(0);
    const left = await keyNames();
    expect(left.filter((name) => !before.includes(name))).toEqual([]);
    expect(left.filter((name) => name.endsWith(':k') || name.endsWith(':kd') || name.includes(':b:'))).toEqual([]);
  });

  it('is bounded by the bytes of the bodies', async () => {
    await setOptions({ keepDelivered: 3_600 });
    const body = 'x'.repeat(60_000);
    const first = await publish(body);
    await settleAll('delivered');
    const stateKey = `${deployment.base(s1.pendingQueue.partition)}:q:${s1.pendingQueue.id}`;
    await client.hincrby(stateKey, 'kb', 64 * 1_048_576 - 100_000);
    clock.advance(1_000);
    await publish(body);
    await settleAll('delivered');
    expect(await state()).toMatchObject({ keptDeliveries: 1, droppedDeliveries: 0 });
    expect(await failed.replay(s1, first)).toBe(false);
  });
});

describe('a delivery whose retention ends', () => {
  it.each(['paused', 'enabled'] as const)('of a subscription that is %s is given up, counted and in the attempt log', async (which) => {
    if (which === 'paused') await subscriptions.pause(s1, 'x');
    const id = await publish('a', 'vip');
    clock.advance(DAY);
    if (which === 'enabled') expect(await leaseAll()).toEqual([]);
    await runUpkeep();
    expect(await state()).toMatchObject({ pendingDeliveries: 0, expiredDeliveries: 1, failedDeliveries: 1 });
    expect((await list.read(s1, 'failed', { limit: 10 })).deliveries).toMatchObject([{ messageId: id, reason: 'retention', attempts: 0, time: clock.now() }]);
    expect(await logOf(START + DAY)).toEqual([
      {
        messageId: id,
        pendingQueueId: s1.pendingQueue.id,
        topicOwner: ACCOUNT,
        topicName: 'news',
        subscriptionName: 's1',
        number: 0,
        time: START + DAY,
        outcome: 'expired',
        reason: 'retention',
        latencyMillis: 0,
      },
    ]);
    expect(trims).toBe(1);
    await subscriptions.resume(s1);
    expect(await failed.replay(s1, id)).toBe(true);
    expect(await leaseAll()).toMatchObject([{ messageId: id, message: { body: 'a' } }]);
  });

  it('keeps the number of its attempts', async () => {
    await publish('a');
    const [delivery] = await leaseAll();
    await pending.settle(s1.pendingQueue, [{ handle: delivery!.handle, outcome: 'retry', notBefore: START + DAY - 1 }]);
    clock.advance(DAY);
    await runUpkeep();
    expect((await list.read(s1, 'failed', { limit: 10 })).deliveries).toMatchObject([{ reason: 'retention', attempts: 1 }]);
    expect(await logOf(START + DAY)).toMatchObject([{ number: 1, outcome: 'expired' }]);
  });

  it('goes to the dead-letter queue where there is one', async () => {
    await queues.createQueue(ACCOUNT, 'dead', {});
    await setOptions({ deadLetterQueue: 'dead', retentionSeconds: 60 });
    await subscriptions.pause(s1, 'x');
    for (let i = 0; i < 300; i++) await publish(`${i}`);
    clock.advance(60_000);
    await runUpkeep();
    expect(await state()).toMatchObject({ pendingDeliveries: 0, expiredDeliveries: 300, failedDeliveries: 0, droppedDeliveries: 0 });
    const messages = new MessageStore(queues, new LongPoll(new EventEmitter() as RedisClient, deployment));
    const [letter] = await messages.receiveMessages(ACCOUNT, 'dead', { count: 1 });
    const properties = Object.fromEntries((letter!.userProperties ?? []).map(({ name, value }) => [name, value]));
    expect(properties).toEqual({ DLQAttempts: '0', DLQReason: 'retention' });
    expect(await queues.describeQueues(ACCOUNT, ['dead'])).toMatchObject([{ activeMessages: 299 }]);
  });

  it('in mid-attempt may still be delivered', async () => {
    const id = await publish('a');
    clock.advance(DAY - 1);
    const [delivery] = await leaseAll();
    clock.advance(5_000);
    await runUpkeep();
    expect(await state()).toMatchObject({ pendingDeliveries: 1, expiredDeliveries: 0 });
    expect(await pending.settle(s1.pendingQueue, [{ handle: delivery!.handle, outcome: 'delivered' }])).toMatchObject({ counted: [true] });
    await runUpkeep();
    expect(await state()).toMatchObject({ pendingDeliveries: 0, expiredDeliveries: 0, failedDeliveries: 0 });
    expect(await failed.replay(s1, id)).toBe(false);
  });

  it('in mid-attempt of a worker that died is given up when the lease ends', async () => {
    await publish('a');
    clock.advance(DAY - 1);
    expect(await leaseAll()).toHaveLength(1);
    clock.advance(15_000);
    await runUpkeep();
    expect(await state()).toMatchObject({ pendingDeliveries: 0, expiredDeliveries: 1, failedDeliveries: 1 });
  });
});

/** The lines of an hour of the attempt log. */
async function logOf(time: number) {
  const key = `${deployment.base(s1.pendingQueue.partition)}:al:${Math.floor(time / HOUR)}`;
  const records = await client.zrangeBuffer(key, '0', '-1');
  expect(await client.pttl(key)).toBeGreaterThan(0);
  return records.map(decodeAttempt);
}
