import { randomInt, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { LongPoll } from './long-poll.js';
import { MessageStore } from './message-store.js';
import { QueueStore } from './queue-store.js';
import { RedriveMover } from './redrive-mover.js';
import { RedriveStore } from './redrive-store.js';
import { QueueUpkeep } from './upkeep.js';

const ACCOUNT = '1234567890123456';
const START = 1_500_000_000_000;

let client: RedisClient;
let queues: QueueStore;
let messages: MessageStore;
let redrives: RedriveStore;
let clock: SettableClock;
let partition: number;

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
  redrives = new RedriveStore(queues);
  partition = deployment.partitionOf(ACCOUNT, 'dead');
});

const advance = () => new RedriveMover(queues, redrives).advance(partition);

/** The mover dies when it has stored the messages of a portion and before it could say so. */
function advanceAndDie(): Promise<void> {
  class Dying extends RedriveStore {
    override settle(): Promise<void> {
      return Promise.reject(new Error('killed'));
    }
  }
  return new RedriveMover(queues, new Dying(queues)).advance(partition);
}

const receive = (queue: string) => messages.receiveMessages(ACCOUNT, queue, { count: 16 });
const state = () => redrives.get(ACCOUNT, 'dead');

async function count(queue: string): Promise<number[]> {
  const { activeMessages, inactiveMessages, delayMessages } = await queues.getQueue(ACCOUNT, queue);
  return [activeMessages, inactiveMessages, delayMessages];
}

async function fill(number: number, group?: (n: number) => string): Promise<void> {
  for (let from = 0; from < number; from += 16) {
    const batch = Array.from({ length: Math.min(16, number - from) }, (_, n) => {
      return { body: `m${from + n}`, priority: 1 + (n % 3), ...(group && { messageGroupId: group(from + n) }) };
    });
    await messages.sendMessages(ACCOUNT, 'dead', batch);
  }
}

async function drain(queue: string): Promise<string[]> {
  const bodies: string[] = [];
  for (let got = await receive(queue); got.length > 0; got = await receive(queue)) {
    bodies.push(...got.map(({ body }) => body));
    await messages.deleteMessages(ACCOUNT, queue, got.map(({ receiptHandle }) => receiptHandle));
  }
  return bodies;
}

describe('a redrive', () => {
  beforeEach(async () => {
    await queues.createQueue(ACCOUNT, 'dead', { messageRetentionPeriod: 86_400 });
    await queues.createQueue(ACCOUNT, 'orders', {});
  });

  it('brings dead letters back to the queue they came from, as new messages', async () => {
    await queues.createQueue(ACCOUNT, 'work', { visibilityTimeout: 1, deadLetterPolicy: { targetQueue: 'dead', maxReceiveCount: 1 } });
    const userProperties = [{ name: 'n', value: '1', type: 'NUMBER' as const }];
    await messages.sendMessages(ACCOUNT, 'work', [{ body: 'poison', priority: 2, userProperties }]);
    await receive('work');
    clock.advance(1_000);
    const upkeep = new QueueUpkeep(queues, { region: 'cn-hangzhou', logger: silentLogger });
    await upkeep.run(queues.deployment.partitionOf(ACCOUNT, 'work'));
    expect(await count('dead')).toEqual([1, 0, 0]);
    expect(await redrives.start(ACCOUNT, 'dead', {})).toBe(true);
    clock.advance(1_000);
    await upkeep.run(partition);
    const [message] = await receive('work');
    expect(message).toMatchObject({ body: 'poison', priority: 2, dequeueCount: 1, enqueueTime: START + 2_000, userProperties });
    expect(message!.systemProperties).toBeUndefined();
    expect(await count('dead')).toEqual([0, 0, 0]);
    expect(await state()).toEqual({
      state: 'completed',
      target: null,
      maxPerSecond: 500,
      startTime: START + 1_000,
      endTime: START + 2_000,
      totalMessages: 1,
      movedMessages: 1,
      skippedMessages: 0,
      problem: null,
    });
  });

  it('moves no more in a second than it may', async () => {
    await fill(40);
    await redrives.start(ACCOUNT, 'dead', { target: 'orders', maxPerSecond: 10 });
    await advance();
    expect(await count('orders')).toEqual([0, 0, 0]);
    clock.advance(1_500);
    await advance();
    await advance();
    expect(await state()).toMatchObject({ state: 'running', totalMessages: 40, movedMessages: 15 });
    clock.advance(1_000);
    await advance();
    expect([await count('orders'), await count('dead')]).toEqual([[25, 0, 0], [15, 0, 0]]);
  });

  it('moves everything once, in the order in which it would have been received', async () => {
    await fill(200);
    await redrives.start(ACCOUNT, 'dead', { target: 'orders' });
    clock.advance(5_000);
    const order = (await messages.peekMessages(ACCOUNT, 'dead', 16)).map(({ body }) => body);
    await advance();
    const moved = await drain('orders');
    expect(moved.slice(0, 16)).toEqual(order);
    expect(new Set(moved).size).toBe(200);
    expect(moved.length).toBe(200);
    expect(await state()).toMatchObject({ state: 'completed', movedMessages: 200 });
  });

  it('leaves alone what was sent after its start and what a consumer has', async () => {
    await fill(2);
    const [held] = await messages.receiveMessages(ACCOUNT, 'dead', { count: 1 });
    await redrives.start(ACCOUNT, 'dead', { target: 'orders' });
    await messages.sendMessages(ACCOUNT, 'dead', [{ body: 'later' }]);
    clock.advance(1_000);
    await advance();
    expect(await state()).toMatchObject({ state: 'completed', movedMessages: 1 });
    expect(await count('dead')).toEqual([1, 1, 0]);
    expect(await messages.deleteMessages(ACCOUNT, 'dead', [held!.receiptHandle])).toEqual([undefined]);
  });

  it('goes on after its mover died, and doubles nothing', async () => {
    await fill(20);
    await redrives.start(ACCOUNT, 'dead', { target: 'orders' });
    clock.advance(1_000);
    await expect(advanceAndDie()).rejects.toThrow('killed');
    expect([await count('orders'), await count('dead')]).toEqual([[20, 0, 0], [0, 20, 0]]);
    await advance();
    expect(await state()).toMatchObject({ state: 'running', movedMessages: 0 });
    clock.advance(60_000);
    await advance();
    expect(await state()).toMatchObject({ state: 'completed', movedMessages: 20 });
    expect([await count('orders'), await count('dead')]).toEqual([[20, 0, 0], [0, 0, 0]]);
  });

  it('skips what has nowhere to go, uncounted, and says why', async () => {
    await fill(3);
    await redrives.start(ACCOUNT, 'dead', {});
    clock.advance(1_000);
    await advance();
    const problem = expect.stringContaining('name a target');
    expect(await state()).toMatchObject({ state: 'completed', movedMessages: 0, skippedMessages: 3, problem });
    expect((await receive('dead')).map(({ dequeueCount }) => dequeueCount)).toEqual([1, 1, 1]);
  });

  it('skips messages without a group when the target is a FIFO queue, and a target that is gone', async () => {
    await queues.createQueue(ACCOUNT, 'strict', { queueType: 'fifo' });
    await fill(1);
    for (const problem of ['FifoMissingMessageGroupId: strict', 'QueueNotExist: strict']) {
      await redrives.start(ACCOUNT, 'dead', { target: 'strict' });
      if (problem.startsWith('Queue')) await queues.deleteQueue(ACCOUNT, 'strict');
      clock.advance(1_000);
      await advance();
      expect(await state()).toMatchObject({ state: 'completed', skippedMessages: 1, problem });
    }
    expect(await count('dead')).toEqual([1, 0, 0]);
  });

  it('is one at a time, and can be cancelled', async () => {
    await fill(3);
    expect(await redrives.start(ACCOUNT, 'dead', { target: 'orders' })).toBe(true);
    expect(await redrives.start(ACCOUNT, 'dead', { target: 'orders' })).toBe(false);
    expect(await redrives.cancel(ACCOUNT, 'dead')).toMatchObject({ state: 'cancelled' });
    clock.advance(1_000);
    await advance();
    expect(await count('dead')).toEqual([3, 0, 0]);
    expect(await redrives.start(ACCOUNT, 'dead', { target: 'orders' })).toBe(true);
    expect(await state()).toMatchObject({ state: 'running', endTime: null });
  });

  it('ends with its queue', async () => {
    await fill(3);
    await redrives.start(ACCOUNT, 'dead', { target: 'orders' });
    await queues.deleteQueue(ACCOUNT, 'dead');
    clock.advance(1_000);
    await advance();
    expect((await client.keys(`${queues.deployment.prefix}:{*`)).filter((key) => /redrives|:j$/.test(key))).toEqual([]);
  });

  it.each([0, 1_001, 1.5])('cannot move %p messages a second', async (maxPerSecond) => {
    await expect(redrives.start(ACCOUNT, 'dead', { maxPerSecond })).rejects.toThrow('maxPerSecond');
  });

  it('wants a target that exists and is another queue', async () => {
    await expect(redrives.start(ACCOUNT, 'dead', { target: 'none' })).rejects.toThrow('not exist');
    await expect(redrives.start(ACCOUNT, 'dead', { target: 'dead' })).rejects.toThrow('another queue');
    await expect(redrives.start(ACCOUNT, 'none', {})).rejects.toThrow('not exist');
    expect(await state()).toBeUndefined();
  });
});

it('a redrive of a FIFO queue keeps the order of each group', async () => {
  await queues.createQueue(ACCOUNT, 'dead', { queueType: 'fifo' });
  await queues.createQueue(ACCOUNT, 'orders', { queueType: 'fifo' });
  await fill(60, (n) => `g${n % 3}`);
  await redrives.start(ACCOUNT, 'dead', { target: 'orders' });
  clock.advance(1_000);
  await advance();
  expect(await state()).toMatchObject({ state: 'completed', movedMessages: 60 });
  const moved = await drain('orders');
  for (let group = 0; group < 3; group++) {
    const numbers = moved.map((body) => Number(body.slice(1))).filter((n) => n % 3 === group);
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, n) => 3 * n + group));
  }
});

it('a redrive of a FIFO queue goes on behind messages that have expired', async () => {
  await queues.createQueue(ACCOUNT, 'dead', { queueType: 'fifo', messageRetentionPeriod: 600 });
  await queues.createQueue(ACCOUNT, 'orders', { queueType: 'fifo' });
  // Upkeep, which works in the order of arrival, does not reach what has expired behind this one.
  await fill(1, () => 'lasting');
  await queues.setQueueAttributes(ACCOUNT, 'dead', { messageRetentionPeriod: 60 });
  await fill(4, (n) => `g${n % 2}`);
  clock.advance(60_000);
  await fill(4, (n) => `g${n % 2}`);
  await redrives.start(ACCOUNT, 'dead', { target: 'orders' });
  clock.advance(1_000);
  await advance();
  expect(await state()).toMatchObject({ state: 'completed', movedMessages: 5 });
  expect([await count('orders'), await count('dead')]).toEqual([[5, 0, 0], [0, 0, 0]]);
});

describe.each(['normal', 'fifo'] as const)('a redrive from a %s queue whose movers die again and again', (queueType) => {
  it.each([false, true])('loses and doubles nothing, with a consumer that deletes nothing: %p', async (consumer) => {
    await queues.createQueue(ACCOUNT, 'dead', { queueType, visibilityTimeout: 45 });
    await queues.createQueue(ACCOUNT, 'orders', { queueType });
    await fill(150, (n) => `g${n % 40}`);
    await redrives.start(ACCOUNT, 'dead', { target: 'orders', maxPerSecond: 20 });
    for (let step = 0; (await state())?.state === 'running'; step++) {
      expect(step).toBeLessThan(1_000);
      clock.advance(randomInt(1, 30_000));
      if (consumer && randomInt(3) === 0) await messages.receiveMessages(ACCOUNT, 'dead', { count: randomInt(1, 16) });
      if (randomInt(3) === 0) await advanceAndDie().catch(() => undefined);
      else await advance();
    }
    clock.advance(61_000);
    const moved = await drain('orders');
    const left = await drain('dead');
    expect(new Set(moved).size).toBe(moved.length);
    expect(new Set([...moved, ...left]).size).toBe(150);
    if (!consumer) expect(left).toEqual([]);
  });
});
