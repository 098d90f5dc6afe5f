import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../test/support/eventually.js';
import { PendingDeliveries } from './pending-deliveries.js';
import type { DrainRun, Wakeup } from './pending-delivery.js';
import { Publisher } from './publisher.js';
import type { PendingQueueAddress } from './subscription.js';
import { TopicStore } from './topic-store.js';

const url = process.env['MAGPIE_TEST_REDIS_URL']!;
const ACCOUNT = '1234567890123456';
const LEASE = { count: 16, leaseMillis: 15_000, lastLook: true };
const hinted = (epoch: number, name = 'h1'): DrainRun => ({ epoch, name, claim: 'if-free' });
const job = (epoch: number, name = 'j1'): DrainRun => ({ epoch, name, claim: 'take-over' });
const held = (run: DrainRun): DrainRun => ({ ...run, claim: 'held' });

let client: RedisClient;
let subscriber: RedisClient;
let deployment: Deployment;
let pending: PendingDeliveries;
let publisher: Publisher;
let s1: PendingQueueAddress;
let channel: string;
let hints: string[];
let jobs: Wakeup[];

beforeEach(async () => {
  client = connectRedis(url, { role: 'commands', logger: silentLogger });
  subscriber = connectRedis(url, { role: 'subscriber', logger: silentLogger });
  await once(client, 'ready');
  deployment = await Deployment.open(client, `test-${randomUUID()}`);
  const topics = new TopicStore(client, deployment);
  pending = new PendingDeliveries(client, deployment);
  hints = [];
  jobs = [];
  publisher = new Publisher(topics, { wake: async (wakeups) => void jobs.push(...wakeups) });
  await topics.createTopic(ACCOUNT, 'news', {});
  const attributes = { endpoint: 'http://127.0.0.1:1/', notifyStrategy: 'BACKOFF_RETRY', notifyContentFormat: 'XML' } as const;
  await topics.subscribe(ACCOUNT, 'news', 's1', attributes);
  s1 = (await topics.getSubscription(ACCOUNT, 'news', 's1')).pendingQueue;
  channel = `${deployment.base(s1.partition)}:drain`;
  subscriber.on('message', (_channel: string, text: string) => hints.push(text));
});

afterEach(async () => {
  subscriber.disconnect();
  await client.quit();
});

const publish = () => publisher.publish(ACCOUNT, 'news', { body: 'x' });
const listen = () => subscriber.subscribe(channel);
const handlesOf = async (run: DrainRun, options = LEASE): Promise<string[]> => {
  const reply = await pending.lease(s1, run, options);
  return reply.state === 'leased' ? reply.deliveries.map(({ handle }) => handle) : [];
};
const jobAdded = () => eventually('a job is added', () => jobs.length > 0);

describe('a publish that arms a pending queue', () => {
  it('adds a job at once when no worker listens', async () => {
    await publish();
    expect(jobs).toEqual([{ ...s1, epoch: 1 }]);
  });

  it('tells the workers that listen, once', async () => {
    await listen();
    await publish();
    await publish();
    await eventually('the hint is heard', () => hints.length > 0);
    expect(hints).toEqual([`${s1.id} 1`]);
    expect(jobs).toEqual([]);
  });

  it('adds the job later when the hint came to nothing', async () => {
    await listen();
    await publish();
    await jobAdded();
    expect(jobs).toEqual([{ ...s1, epoch: 1 }]);
  });

  it('adds the job later when the drain goes on, because its worker may die', async () => {
    await listen();
    await publish();
    expect(await handlesOf(hinted(1))).toHaveLength(1);
    await jobAdded();
    expect(jobs).toEqual([{ ...s1, epoch: 1 }]);
  });

  it('adds no job when the drain has ended, or has been left to a job', async () => {
    await listen();
    await publish();
    const [handle] = await handlesOf(hinted(1));
    expect(await pending.settle(s1, [{ handle: handle!, outcome: 'delivered' }], hinted(1))).toEqual({ counted: [true], end: {} });
    await publish();
    await handlesOf(hinted(2));
    await pending.entrust(s1, hinted(2));
    await publisher.publish(ACCOUNT, 'news', { body: 'armed already' });
    // Only this one, behind the others, is looked for.
    await new TopicStore(client, deployment).subscribe(ACCOUNT, 'news', 's2', { endpoint: 'http://127.0.0.1:1/', notifyStrategy: 'BACKOFF_RETRY', notifyContentFormat: 'XML' });
    await publish();
    await jobAdded();
    expect(jobs).toHaveLength(1);
    expect(jobs[0]!.id).not.toBe(s1.id);
  });
});

describe('the runs of one epoch', () => {
  beforeEach(async () => {
    await publish();
    await publish();
  });
  const one = { ...LEASE, count: 1 };

  it('are one at a time: of those that were told by a hint the first', async () => {
    expect(await handlesOf(hinted(1, 'h1'), one)).toHaveLength(1);
    expect(await pending.lease(s1, hinted(1, 'h2'), one)).toEqual({ state: 'ended' });
    expect(await handlesOf(held(hinted(1, 'h1')), one)).toHaveLength(1);
  });

  it('give way to one that has a job', async () => {
    await handlesOf(hinted(1), one);
    expect(await handlesOf(job(1), one)).toHaveLength(1);
    expect(await pending.lease(s1, held(hinted(1)), one)).toEqual({ state: 'ended' });
    expect(await pending.lease(s1, hinted(1), one)).toEqual({ state: 'ended' });
  });

  it('give way to one whose job was given to another worker', async () => {
    await handlesOf(job(1, 'j1'), one);
    expect(await handlesOf(job(1, 'j2'), one)).toHaveLength(1);
    expect(await pending.lease(s1, held(job(1, 'j1')), one)).toEqual({ state: 'ended' });
  });

  it('say nothing of the next epoch', async () => {
    const handles = await handlesOf(hinted(1));
    await pending.settle(s1, handles.map((handle) => ({ handle, outcome: 'delivered' })), hinted(1));
    await publish();
    expect(await handlesOf(hinted(2, 'h2'))).toHaveLength(1);
  });

  it('end with the last record only when nothing is due, and only in charge', async () => {
    const [first] = await handlesOf(hinted(1), one);
    expect(await pending.settle(s1, [{ handle: first!, outcome: 'delivered' }], hinted(1))).toEqual({ counted: [true] });
    const [second] = await handlesOf(held(hinted(1)), one);
    await pending.lease(s1, job(1), { ...LEASE, lastLook: false });
    expect(await pending.settle(s1, [{ handle: second!, outcome: 'retry', notBefore: Date.now() + 60_000 }], hinted(1))).toEqual({ counted: [true] });
    expect(await pending.settle(s1, [], job(1))).toEqual({ counted: [], end: { timer: expect.any(Number) } });
  });
});
