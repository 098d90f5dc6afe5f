import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { QueueUpkeep } from '#queue/upkeep.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { DeadLetterMover } from './dead-letter-mover.js';
import { FailedDeliveryStore } from './failed-delivery-store.js';
import { PendingDeliveries } from './pending-deliveries.js';
import type { Wakeup } from './pending-delivery.js';
import { Publisher } from './publisher.js';
import type { Subscription } from './subscription.js';
import { SubscriptionStore } from './subscription-store.js';
import type { NewTopicMessage } from './topic.js';
import { TopicStore } from './topic-store.js';
import { drainRun } from '../../test/support/sample-delivery.js';

const ACCOUNT = '1234567890123456';
const START = 1_700_000_000_000;
const HOUR = 3_600_000;

let client: RedisClient;
let clock: SettableClock;
let queues: QueueStore;
let messages: MessageStore;
let topics: TopicStore;
let subscriptions: SubscriptionStore;
let failed: FailedDeliveryStore;
let mover: DeadLetterMover;
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
  queues = new QueueStore(client, deployment, clock);
  messages = new MessageStore(queues, new LongPoll(new EventEmitter() as RedisClient, deployment));
  topics = new TopicStore(client, deployment, clock);
  woken = [];
  const drains = { wake: async (wakeups: readonly Wakeup[]) => void woken.push(...wakeups) };
  publisher = new Publisher(topics, drains);
  subscriptions = new SubscriptionStore(topics, drains);
  failed = new FailedDeliveryStore(topics, drains);
  pending = new PendingDeliveries(client, deployment, clock);
  mover = new DeadLetterMover(failed, queues, { region: 'cn-hangzhou', logger: silentLogger });
  const moveFailedDeliveries = (partition: number, id: string) => mover.move(partition, id);
  upkeep = new QueueUpkeep(queues, { region: 'cn-hangzhou', logger: silentLogger, moveFailedDeliveries });
  await topics.createTopic(ACCOUNT, 'news', {});
  const attributes = { endpoint: 'http://127.0.0.1:1/', notifyStrategy: 'BACKOFF_RETRY', notifyContentFormat: 'XML' } as const;
  await topics.subscribe(ACCOUNT, 'news', 's1', attributes);
  s1 = await topics.getSubscription(ACCOUNT, 'news', 's1');
});

const publish = async (message: NewTopicMessage) => (await publisher.publish(ACCOUNT, 'news', message)).messageId;
const leaseAll = async () => {
  const reply = await pending.lease(s1.pendingQueue, drainRun(woken.at(-1)!.epoch), { count: 200, leaseMillis: 15_000, lastLook: true });
  return reply.state === 'leased' ? reply.deliveries : [];
};
/** Gives up all that is due, and lets the drain end. */
const giveUp = async (reason = 'HTTP 500') => {
  for (;;) {
    const due = await leaseAll();
    if (due.length === 0) return;
    await pending.settle(s1.pendingQueue, due.map(({ handle }) => ({ handle, outcome: 'failed', reason })));
  }
};
const runUpkeep = () => upkeep.run(s1.pendingQueue.partition);
const state = () => subscriptions.getState(s1);
const setOptions = (options: Record<string, unknown>) => topics.setDeliveryOptions(ACCOUNT, 'news', 's1', options);
const keyNames = async () => (await client.keys(`${queues.deployment.prefix}:*`)).sort();
const receive = async (queue: string) => {
  const result = await messages.receiveMessages(ACCOUNT, queue, { count: 16 });
  return result.map(({ body, userProperties, systemProperties = [] }) => ({
    body,
    userProperties,
    letter: Object.fromEntries(systemProperties.map(({ name, value }) => [name, value])),
  }));
};

describe('what a subscription gave up', () => {
  it('is kept with it, and counted', async () => {
    await publish({ body: 'a' });
    await publish({ body: 'b' });
    await giveUp();
    expect(await state()).toMatchObject({ pendingDeliveries: 0, failedDeliveries: 2, droppedDeliveries: 0 });
    expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(2);
  });

  it('is dropped after three days, and nothing is left of it', async () => {
    const before = await keyNames();
    for (let i = 0; i < 300; i++) await publish({ body: `${i}` });
    await giveUp();
    clock.advance(72 * HOUR - 1);
    await runUpkeep();
    expect(await state()).toMatchObject({ failedDeliveries: 300, droppedDeliveries: 0 });
    clock.advance(1);
    await runUpkeep();
    expect(await state()).toMatchObject({ failedDeliveries: 0, droppedDeliveries: 300 });
    expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(0);
    expect(await keyNames()).toEqual(before);
  });

  it('is ten thousand deliveries at the most: the oldest is dropped', async () => {
    const first = await publish({ body: 'first' });
    await giveUp();
    const { partition, id } = s1.pendingQueue;
    const pipeline = client.pipeline();
    // 9,999 that were given up a moment later, all of the same body, which therefore outlives them.
    const base = `${queues.deployment.base(partition)}:q:${id}`;
    const entry = await client.hgetBuffer(`${base}:fd`, Buffer.from(first, 'hex'));
    const body = await client.hincrby(`${queues.deployment.base(partition)}:t:${await client.hget(base, 'tid')}:b:0`, 'n1', 9_999);
    expect(body).toBe(10_000);
    for (let i = 1; i < 10_000; i++) {
      const key = Buffer.alloc(16, 0);
      key.writeUInt32BE(i, 12);
      pipeline.zadd(`${base}:f`, START + 1, key);
      pipeline.hset(`${base}:fd`, key, entry!);
    }
    await pipeline.exec();
    expect(await state()).toMatchObject({ failedDeliveries: 10_000 });
    clock.advance(1_000);
    await publish({ body: 'last' });
    await giveUp();
    expect(await state()).toMatchObject({ failedDeliveries: 10_000, droppedDeliveries: 1 });
    expect(await failed.replay(s1, first)).toBe(false);
  });

  it('is 64 MB of bodies at the most: the oldest are dropped', async () => {
    const body = 'x'.repeat(60_000);
    const { partition, id } = s1.pendingQueue;
    const first = await publish({ body });
    await giveUp();
    const stateKey = `${queues.deployment.base(partition)}:q:${id}`;
    expect(Number(await client.hget(stateKey, 'fb'))).toBeGreaterThan(60_000);
    // As if a good thousand more of that size were kept.
    await client.hincrby(stateKey, 'fb', 64 * 1_048_576 - 130_000);
    clock.advance(1_000);
    await publish({ body });
    await giveUp();
    expect(await state()).toMatchObject({ failedDeliveries: 2, droppedDeliveries: 0 });
    clock.advance(1_000);
    await publish({ body });
    await giveUp();
    expect(await state()).toMatchObject({ failedDeliveries: 2, droppedDeliveries: 1 });
    expect(await failed.replay(s1, first)).toBe(false);
  });

  it.each(['unsubscribe', 'deleteTopic'] as const)('goes with %s', async (how) => {
    await topics.deleteTopic(ACCOUNT, 'news');
    const bare = await keyNames();
    await topics.createTopic(ACCOUNT, 'news', {});
    await topics.subscribe(ACCOUNT, 'news', 's1', { ...s1 });
    s1 = await topics.getSubscription(ACCOUNT, 'news', 's1');
    for (let i = 0; i < 600; i++) await publish({ body: `${i}` });
    await giveUp();
    await failed.startReplay(s1, { limit: 100, maxPerSecond: 1 });
    await publish({ body: 'pending' });
    if (how === 'unsubscribe') {
      await topics.unsubscribe(ACCOUNT, 'news', 's1');
      await runUpkeep();
      expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(0);
    }
    await topics.deleteTopic(ACCOUNT, 'news');
    await runUpkeep();
    expect(await keyNames()).toEqual(bare);
  });
});

describe('a dead-letter queue of a subscription', () => {
  const properties = [{ name: 'k', value: 'v', type: 'STRING' }] as const;

  it('takes what was given up, with what it was and why', async () => {
    await queues.createQueue(ACCOUNT, 'dead', { messageRetentionPeriod: 3_600 });
    await setOptions({ deadLetterQueue: 'dead' });
    const messageId = await publish({ body: 'a', messageTag: 'vip', userProperties: properties });
    clock.advance(20 * HOUR);
    await giveUp('HTTP 503');
    expect(await state()).toMatchObject({ failedDeliveries: 1 });
    await runUpkeep();
    const letter = {
      DLQMessageType: 'Topic',
      DLQSourceArn: `acs:mns:cn-hangzhou:${ACCOUNT}:/topics/news/subscriptions/s1`,
      DLQOriginMessageId: messageId,
    };
    const added = { DLQAttempts: '1', DLQReason: 'HTTP 503', DLQMessageTag: 'vip' };
    const facts = Object.entries(added).map(([name, value]) => ({ name, value, type: 'STRING' }));
    expect(await receive('dead')).toEqual([{ body: 'a', userProperties: [...properties, ...facts], letter }]);
    expect(await state()).toMatchObject({ failedDeliveries: 0, droppedDeliveries: 0 });
    expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(0);
  });

  it('takes what was given up before it was named, and once although its mover died', async () => {
    await publish({ body: 'a' });
    await giveUp();
    await queues.createQueue(ACCOUNT, 'dead', {});
    await setOptions({ deadLetterQueue: 'dead' });
    const { partition, id } = s1.pendingQueue;
    const dying = Object.assign(Object.create(failed) as FailedDeliveryStore, { forget: () => Promise.reject(new Error('killed')) });
    const killed = new DeadLetterMover(dying, queues, { region: 'cn-hangzhou', logger: silentLogger });
    await expect(killed.move(partition, id)).rejects.toThrow('killed');
    await runUpkeep();
    expect((await receive('dead')).map(({ body }) => body)).toEqual(['a']);
    expect(await state()).toMatchObject({ failedDeliveries: 0 });
  });

  it('that is missing is waited for, and what waits can be kept after all', async () => {
    await setOptions({ deadLetterQueue: 'dead' });
    await publish({ body: 'a' });
    await giveUp();
    await runUpkeep();
    expect(await state()).toMatchObject({ failedDeliveries: 1 });
    await queues.createQueue(ACCOUNT, 'dead', { queueType: 'fifo' });
    clock.advance(10_000);
    await runUpkeep();
    expect((await receive('dead')).map(({ body }) => body)).toEqual(['a']);
  });
});

describe('a replay', () => {
  it('of one message makes it again with its whole schedule, in its old shape', async () => {
    const messageId = await publish({ body: 'a', messageTag: 'vip' });
    await giveUp();
    clock.advance(HOUR);
    expect(await failed.replay(s1, messageId)).toBe(true);
    expect(await failed.replay(s1, messageId)).toBe(false);
    expect(await leaseAll()).toMatchObject([
      { messageId, attempts: 0, publishTime: START, expireTime: clock.now() + 86_400_000, message: { body: 'a', messageTag: 'vip' } },
    ]);
    expect(await failed.replay(s1, 'F'.repeat(32))).toBe(false);
  });

  it('of a span of time keeps to the span, the limit and the rate, and goes on after a crash', async () => {
    for (const body of ['early', 'a', 'b', 'c', 'late']) {
      await publish({ body });
      await giveUp();
      clock.advance(1_000);
    }
    expect(await failed.startReplay(s1, { from: START + 1_000, to: START + 3_000, maxPerSecond: 1 })).toBe(true);
    expect(await failed.startReplay(s1, {})).toBe(false);
    expect(await failed.getReplay(s1)).toMatchObject({ state: 'running', totalDeliveries: 3, replayedDeliveries: 1 });
    clock.advance(1_000);
    await failed.advance(s1.pendingQueue.partition);
    expect(await failed.getReplay(s1)).toMatchObject({ state: 'running', replayedDeliveries: 2 });
    clock.advance(15_000);
    await failed.advance(s1.pendingQueue.partition);
    expect(await failed.getReplay(s1)).toMatchObject({ state: 'completed', replayedDeliveries: 3, endTime: clock.now() });
    expect((await leaseAll()).map(({ message }) => message.body)).toEqual(['a', 'b', 'c']);
    expect(await state()).toMatchObject({ failedDeliveries: 2 });
  });

  it('takes each delivery once, also what fails again meanwhile', async () => {
    for (let i = 0; i < 300; i++) await publish({ body: `${i}` });
    await giveUp();
    clock.advance(1_000);
    await failed.startReplay(s1, { limit: 200, maxPerSecond: 100 });
    clock.advance(1);
    await giveUp();
    clock.advance(5_000);
    await failed.advance(s1.pendingQueue.partition);
    expect(await failed.getReplay(s1)).toMatchObject({ state: 'completed', totalDeliveries: 200, replayedDeliveries: 200 });
    expect(await leaseAll()).toHaveLength(100);
  });

  it('can be cancelled', async () => {
    for (let i = 0; i < 3; i++) await publish({ body: `${i}` });
    await giveUp();
    await failed.startReplay(s1, { maxPerSecond: 1 });
    expect(await failed.cancelReplay(s1)).toMatchObject({ state: 'cancelled', replayedDeliveries: 1 });
    clock.advance(10_000);
    await failed.advance(s1.pendingQueue.partition);
    expect(await state()).toMatchObject({ failedDeliveries: 2, pendingDeliveries: 1 });
  });

  it('for a paused subscription waits with what it is owed', async () => {
    const messageId = await publish({ body: 'a' });
    await giveUp();
    await subscriptions.pause(s1, 'x');
    const before = woken.length;
    expect(await failed.replay(s1, messageId)).toBe(true);
    expect(woken.length).toBe(before);
    await subscriptions.resume(s1);
    expect((await leaseAll()).map(({ message }) => message.body)).toEqual(['a']);
  });
});
