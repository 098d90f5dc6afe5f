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
import type { SubscriptionAttributes } from './subscription.js';
import { SubscriptionAlreadyExist, SubscriptionNotExist, TopicAlreadyExist, TopicNotExist } from './topic-errors.js';
import { TopicStore } from './topic-store.js';
import { drainRun } from '../../test/support/sample-delivery.js';

const ACCOUNT = '1234567890123456';
const START = 1_700_000_000_000;
const LEASE = { count: 16, leaseMillis: 15_000, lastLook: true };

let client: RedisClient;
let deployment: Deployment;
let clock: SettableClock;
let topics: TopicStore;
let publisher: Publisher;
let pending: PendingDeliveries;
let woken: Wakeup[];

beforeAll(() => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
});

afterAll(async () => {
  await client.quit();
});

beforeEach(async () => {
  clock = new SettableClock(START);
  deployment = await Deployment.open(client, `test-${randomUUID()}`);
  topics = new TopicStore(client, deployment, clock);
  woken = [];
  publisher = new Publisher(topics, { wake: async (wakeups) => void woken.push(...wakeups) });
  pending = new PendingDeliveries(client, deployment, clock);
  await topics.createTopic(ACCOUNT, 'news', {});
});

const attributes = (filterTag?: string): SubscriptionAttributes => ({
  endpoint: 'http://127.0.0.1:1/notifications',
  notifyStrategy: 'BACKOFF_RETRY',
  notifyContentFormat: 'XML',
  ...(filterTag !== undefined && { filterTag }),
});
const subscribe = (name: string, filterTag?: string) => topics.subscribe(ACCOUNT, 'news', name, attributes(filterTag));
const publish = (body: string, messageTag?: string) =>
  publisher.publish(ACCOUNT, 'news', messageTag === undefined ? { body } : { body, messageTag });
const keyNames = async () => (await client.keys(`${deployment.prefix}:*`)).sort();
const handles = (reply: LeaseReply) => (reply.state === 'leased' ? reply.deliveries.map(({ handle }) => handle) : []);
const bodies = (reply: LeaseReply) => (reply.state === 'leased' ? reply.deliveries.map(({ message }) => message.body) : []);
const addressOf = async (name: string) => (await topics.getSubscription(ACCOUNT, 'news', name)).pendingQueue;

describe('topics and subscriptions', () => {
  it('are created once; again with other attributes is a conflict', async () => {
    expect(await topics.createTopic(ACCOUNT, 'news', {})).toBe('unchanged');
    await expect(topics.createTopic(ACCOUNT, 'news', { maximumMessageSize: 2_048 })).rejects.toThrow(TopicAlreadyExist);
    expect(await subscribe('s1')).toBe('created');
    expect(await subscribe('s1')).toBe('unchanged');
    await expect(subscribe('s1', 'vip')).rejects.toThrow(SubscriptionAlreadyExist);
  });

  it('change and are listed page by page', async () => {
    await subscribe('s2');
    await subscribe('s1');
    await topics.setSubscriptionAttributes(ACCOUNT, 'news', 's1', { notifyStrategy: 'EXPONENTIAL_DECAY_RETRY', filterTag: 'a' });
    expect(await topics.getSubscription(ACCOUNT, 'news', 's1')).toMatchObject({
      filterTag: 'a',
      notifyStrategy: 'EXPONENTIAL_DECAY_RETRY',
      topicOwner: ACCOUNT,
      topicName: 'news',
      createTime: START,
    });
    const first = await topics.listSubscriptions(ACCOUNT, 'news', { limit: 1 });
    expect(first.names).toEqual(['s1']);
    expect(await topics.listSubscriptions(ACCOUNT, 'news', { limit: 1, marker: first.nextMarker })).toEqual({ names: ['s2'] });
    await topics.createTopic(ACCOUNT, 'newspaper', {});
    const page = await topics.listTopics(ACCOUNT, { prefix: 'news', limit: 1 });
    expect(page.names).toEqual(['news']);
    expect(await topics.listTopics(ACCOUNT, { prefix: 'news', limit: 1, marker: page.nextMarker })).toEqual({ names: ['newspaper'] });
  });

  it('go away with everything they were owed', async () => {
    const before = await keyNames();
    await subscribe('s1');
    await subscribe('s2');
    for (let i = 0; i < 30; i++) await publish(`${i}`);
    expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(30);
    expect(await topics.unsubscribe(ACCOUNT, 'news', 's1')).toBe(true);
    expect(await topics.unsubscribe(ACCOUNT, 'news', 's1')).toBe(false);
    await topics.unsubscribe(ACCOUNT, 'news', 's2');
    const queues = new QueueStore(client, deployment, clock);
    const upkeep = new QueueUpkeep(queues, { region: 'cn-hangzhou', logger: silentLogger });
    for (let partition = 0; partition < deployment.partitions; partition++) await upkeep.run(partition);
    expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(0);
    expect(await keyNames()).toEqual(before);
    await topics.deleteTopic(ACCOUNT, 'news');
    await expect(publish('x')).rejects.toThrow(TopicNotExist);
    await expect(topics.getSubscription(ACCOUNT, 'news', 's1')).rejects.toThrow(TopicNotExist);
  });

  it('a subscription that is not there is an error of its own', async () => {
    await expect(topics.getSubscription(ACCOUNT, 'news', 'none')).rejects.toThrow(SubscriptionNotExist);
  });
});

describe('publishing', () => {
  it('appends to the subscriptions whose filter tag matches, and wakes each once', async () => {
    await subscribe('all');
    await subscribe('vip', 'vip');
    await subscribe('other', 'other');
    await publish('one', 'vip');
    await publish('two');
    expect(woken.length).toBe(2);
    const all = woken.find(({ id }) => id !== undefined)!;
    expect(all.epoch).toBe(1);
    const got = await Promise.all(woken.map((wakeup) => pending.lease(wakeup, drainRun(wakeup.epoch), LEASE)));
    expect(got.map(bodies).sort()).toEqual([['one'], ['one', 'two']]);
  });

  it('sees a subscription that another process has just made', async () => {
    await publish('nobody');
    const elsewhere = new TopicStore(client, deployment, clock);
    await elsewhere.subscribe(ACCOUNT, 'news', 's1', attributes());
    await publish('somebody');
    expect(bodies(await pending.lease(woken[0]!, drainRun(1), LEASE))).toEqual(['somebody']);
  });

  it('adds a marked message once', async () => {
    await subscribe('s1');
    const mark = { id: Buffer.alloc(16, 1), seconds: 60 };
    await publisher.publish(ACCOUNT, 'news', { body: 'x' }, mark);
    await publisher.publish(ACCOUNT, 'news', { body: 'x' }, mark);
    expect(bodies(await pending.lease(woken[0]!, drainRun(1), LEASE))).toEqual(['x']);
  });
});

describe('a drain', () => {
  beforeEach(async () => {
    await subscribe('s1');
  });

  it('settles what it delivered; nothing is left but the attempt log', async () => {
    const before = await keyNames();
    await publish('x');
    const wakeup = woken[0]!;
    const reply = await pending.lease(wakeup, drainRun(wakeup.epoch), LEASE);
    expect(reply).toMatchObject({ state: 'leased', subscription: { name: 's1' }, deliveries: [{ attempts: 0, publishTime: START }] });
    const attempt = Buffer.alloc(26, 9);
    expect(await pending.settle(wakeup, [{ handle: handles(reply)[0]!, outcome: 'delivered', attempt }])).toEqual({ counted: [true] });
    expect(await pending.settle(wakeup, [{ handle: handles(reply)[0]!, outcome: 'delivered' }])).toEqual({ counted: [false] });
    expect(await pending.lease(wakeup, drainRun(wakeup.epoch), LEASE)).toEqual({ state: 'idle' });
    expect(await pending.lease(wakeup, drainRun(wakeup.epoch), LEASE)).toEqual({ state: 'ended' });
    const log = `${deployment.base(wakeup.partition)}:al:${Math.floor(START / 3_600_000)}`;
    expect(await keyNames()).toEqual([...before, log].sort());
    expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(0);
  });

  it('of an earlier epoch ends at once', async () => {
    await publish('x');
    expect(await pending.lease(woken[0]!, drainRun(0), LEASE)).toEqual({ state: 'ended' });
  });

  it('asks for a timer when the rest is due later, and the timer drains it with its attempts counted', async () => {
    await publish('x');
    const address = await addressOf('s1');
    const reply = await pending.lease(address, drainRun(1), LEASE);
    await pending.settle(address, [{ handle: handles(reply)[0]!, outcome: 'retry', notBefore: START + 15_000 }]);
    expect(await pending.lease(address, drainRun(1), LEASE)).toEqual({ state: 'idle', timer: START + 15_000 });
    clock.advance(15_000);
    const epoch = await pending.fireTimer(address, START + 15_000);
    expect(epoch).toBe(2);
    expect(await pending.fireTimer(address, START + 15_000)).toBe(2);
    expect(await pending.fireTimer(address, START + 14_000)).toBeUndefined();
    expect(await pending.lease(address, drainRun(2), LEASE)).toMatchObject({ state: 'leased', deliveries: [{ attempts: 1 }] });
  });

  it('gets first attempts before retries', async () => {
    await publish('retried');
    const address = await addressOf('s1');
    const reply = await pending.lease(address, drainRun(1), LEASE);
    await pending.settle(address, [{ handle: handles(reply)[0]!, outcome: 'retry', notBefore: START }]);
    await publish('new');
    expect(bodies(await pending.lease(address, drainRun(1), LEASE))).toEqual(['new', 'retried']);
  });

  it('that died burns no attempt: its delivery comes back when the lease ends', async () => {
    await publish('x');
    const address = await addressOf('s1');
    await pending.lease(address, drainRun(1), LEASE);
    clock.advance(15_000);
    expect(await pending.lease(address, drainRun(1), LEASE)).toMatchObject({ state: 'leased', deliveries: [{ attempts: 0 }] });
  });

  it('gives back what it did not attempt, and gives up what failed for good', async () => {
    await publish('back');
    await publish('failed');
    const address = await addressOf('s1');
    const [back, failed] = handles(await pending.lease(address, drainRun(1), LEASE));
    await pending.settle(address, [
      { handle: back!, outcome: 'returned' },
      { handle: failed!, outcome: 'failed' },
    ]);
    expect(bodies(await pending.lease(address, drainRun(1), LEASE))).toEqual(['back']);
  });

  it('whose job was lost is found by the sweep; so is a lost timer', async () => {
    await publish('x');
    const address = await addressOf('s1');
    expect((await pending.sweep(address.partition, 10_000)).wakeups).toEqual([]);
    clock.advance(10_000);
    expect((await pending.sweep(address.partition, 10_000)).wakeups).toEqual([{ ...address, epoch: 2 }]);
    const reply = await pending.lease(address, drainRun(2), LEASE);
    await pending.settle(address, [{ handle: handles(reply)[0]!, outcome: 'retry', notBefore: clock.now() + 60_000 }]);
    expect(await pending.lease(address, drainRun(2), LEASE)).toMatchObject({ state: 'idle', timer: clock.now() + 60_000 });
    clock.advance(66_000);
    expect((await pending.sweep(address.partition, 10_000)).wakeups).toEqual([{ ...address, epoch: 3 }]);
  });

  it('does not deliver what is older than a day', async () => {
    await publish('old');
    const address = await addressOf('s1');
    clock.advance(86_400_000);
    expect(await pending.lease(address, drainRun(1), LEASE)).toEqual({ state: 'idle' });
    // It is kept with what was given up.
    expect((await topics.getTopic(ACCOUNT, 'news')).messageCount).toBe(1);
  });
});
