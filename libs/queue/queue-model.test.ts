import { randomInt, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { QueueModel } from '../../test/support/queue-model.js';
import { LongPoll } from './long-poll.js';
import { MessageStore } from './message-store.js';
import type { NewMessage, ReceivedMessage } from './message.js';
import { QueueStore } from './queue-store.js';
import { QueueUpkeep } from './upkeep.js';

const ACCOUNT = '1234567890123456';
const STEPS = 1_000;
const FIRST_RETENTION = 900;
/** One is the beginning of another, and some are not ASCII. */
const GROUPS = ['a', 'ab', 'a\u00ff', '\u00ff\u00ff\u00ff\u00ff', 'orders', '\u7ec4'];
/** More runs than the one of a usual test: `MAGPIE_MODEL_RUNS=50`. */
const RUNS = Number(process.env['MAGPIE_MODEL_RUNS'] ?? 1);

let client: RedisClient;

beforeAll(() => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
});

afterAll(async () => {
  await client.quit();
});

/** A small generator with a seed (mulberry32), so that a failure can be repeated. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

class Run {
  readonly handles: string[] = [];
  readonly received: ReceivedMessage[] = [];
  readonly random: (below: number) => number;
  readonly model: QueueModel;
  readonly messages: MessageStore;
  readonly upkeep: QueueUpkeep;
  visibility = 30;
  retention = FIRST_RETENTION;
  sent = 0;

  constructor(
    seed: number,
    readonly clock: SettableClock,
    readonly queues: QueueStore,
    readonly changesRetention: boolean,
    maxReceiveCount: number | undefined,
    readonly fifo: boolean,
  ) {
    this.random = randomFrom(seed);
    this.model = new QueueModel(maxReceiveCount, fifo);
    this.messages = new MessageStore(queues, new LongPoll(new EventEmitter() as RedisClient, queues.deployment));
    this.upkeep = new QueueUpkeep(queues, { region: 'cn-hangzhou', logger: silentLogger });
  }

  get now(): number {
    return this.clock.now();
  }

  async step(): Promise<void> {
    const steps = [this.send, this.send, this.send, this.receive, this.receive, this.delete, this.delete, this.change, this.giveBack, this.peek, this.wait, this.setAttributes, this.visit, this.purge];
    await steps[this.random(steps.length)]!.call(this);
  }

  async counters(): Promise<[number, number, number]> {
    const { activeMessages, inactiveMessages, delayMessages } = await this.queues.getQueue(ACCOUNT, 'q');
    return [activeMessages, inactiveMessages, delayMessages];
  }

  async send(): Promise<void> {
    // A receive promotes at most 128 due messages; beyond that the order is only nearly exact.
    if (this.model.messages.length > 100) return;
    const count = 1 + this.random(4);
    const batch = Array.from({ length: count }, (): NewMessage => ({
      body: `m${++this.sent}`,
      priority: 1 + this.random(16),
      ...(this.random(3) === 0 && { delaySeconds: this.random(40) }),
      ...(this.fifo && { messageGroupId: GROUPS[this.random(GROUPS.length)]! }),
    }));
    const sent = await this.messages.sendMessages(ACCOUNT, 'q', batch);
    batch.forEach(({ body, priority = 8, delaySeconds = 0, messageGroupId }, index) => {
      const handle = sent[index]!.receiptHandle;
      expect(handle === undefined).toBe(delaySeconds === 0);
      if (handle !== undefined) this.handles.push(handle);
      this.model.send(this.now, body, priority, delaySeconds * 1_000, this.retention * 1_000, handle, messageGroupId);
    });
  }

  async receive(): Promise<void> {
    const count = 1 + this.random(16);
    const wanted = this.model.receivable(this.now).slice(0, count);
    const got = await this.messages.receiveMessages(ACCOUNT, 'q', { count });
    expect(got.map(({ body }) => body)).toEqual(wanted.map(({ body }) => body));
    got.forEach((message, index) => {
      this.model.received(this.now, wanted[index]!, this.visibility * 1_000, message.receiptHandle);
      const { dequeueCount, firstDequeueTime, visibleTime, priority, enqueueTime } = wanted[index]!;
      if (this.fifo) expect(message.messageGroupId).toBe(wanted[index]!.group);
      expect(message).toMatchObject({ dequeueCount, firstDequeueTime, nextVisibleTime: visibleTime, priority, enqueueTime });
      this.handles.push(message.receiptHandle);
      this.received.push(message);
    });
  }

  async delete(): Promise<void> {
    const handles = Array.from({ length: Math.min(this.handles.length, 1 + this.random(3)) }, () => this.handles[this.random(this.handles.length)]!);
    if (handles.length === 0) return;
    const results = await this.messages.deleteMessages(ACCOUNT, 'q', handles);
    handles.forEach((handle, index) => {
      const message = this.model.byHandle(this.now, handle);
      expect(results[index]?.name).toBe(message === undefined ? 'MessageNotExist' : undefined);
      if (message !== undefined) this.model.remove(message);
    });
  }

  async change(): Promise<void> {
    const handle = this.handles[this.random(this.handles.length || 1)];
    if (handle === undefined) return;
    const message = this.model.byHandle(this.now, handle);
    const seconds = 1 + this.random(60);
    if (message === undefined) {
      await expect(this.messages.changeVisibility(ACCOUNT, 'q', handle, seconds)).rejects.toThrow('Message not exist');
      return;
    }
    const { receiptHandle, nextVisibleTime } = await this.messages.changeVisibility(ACCOUNT, 'q', handle, seconds);
    message.visibleTime = this.now + seconds * 1_000;
    expect(nextVisibleTime).toBe(message.visibleTime);
    message.handles.push(receiptHandle);
    this.handles.push(receiptHandle);
  }

  async giveBack(): Promise<void> {
    const lost = this.received[this.random(this.received.length || 1)];
    if (lost === undefined) return;
    await this.messages.returnMessages(ACCOUNT, 'q', [lost]);
    const message = this.model.byHandle(this.now, lost.receiptHandle);
    if (message?.state === 'leased') this.model.giveBack(message);
  }

  async peek(): Promise<void> {
    const count = 1 + this.random(16);
    const peeked = await this.messages.peekMessages(ACCOUNT, 'q', count);
    expect(peeked.map(({ body }) => body)).toEqual(this.model.receivable(this.now).slice(0, count).map(({ body }) => body));
  }

  async wait(): Promise<void> {
    this.clock.advance(this.random(4) === 0 ? this.random(600_000) : this.random(20_000));
  }

  async setAttributes(): Promise<void> {
    if (this.random(5) !== 0) return;
    this.visibility = 1 + this.random(60);
    if (this.changesRetention) this.retention = 60 + this.random(3_600);
    await this.queues.setQueueAttributes(ACCOUNT, 'q', { visibilityTimeout: this.visibility, messageRetentionPeriod: this.retention });
  }

  async visit(): Promise<void> {
    await this.upkeep.run(this.queues.deployment.partitionOf(ACCOUNT, 'q'));
    // Upkeep removes expired messages in the order of arrival; a retention that was shortened in between may leave some to be counted.
    if (this.retention === FIRST_RETENTION) expect(await this.counters()).toEqual(this.model.counters(this.now));
  }

  async purge(): Promise<void> {
    if (this.random(20) !== 0) return;
    const count = await this.queues.purgeQueue(ACCOUNT, 'q');
    expect(count).toBeGreaterThanOrEqual(this.model.counters(this.now).reduce((sum, counter) => sum + counter));
    this.model.purge();
    expect(await this.counters()).toEqual([0, 0, 0]);
  }

  /** Everything that is left is consumed in the end, each group in its order, and nothing of it stays in Redis. */
  async drain(): Promise<void> {
    this.clock.advance(60_000);
    const left = this.model.remaining(this.now);
    const drained: ReceivedMessage[] = [];
    for (;;) {
      const got = await this.messages.receiveMessages(ACCOUNT, 'q', { count: 16 });
      if (got.length === 0) break;
      drained.push(...got);
      await this.messages.deleteMessages(ACCOUNT, 'q', got.map(({ receiptHandle }) => receiptHandle));
    }
    const byGroup = (group: string | undefined) => drained.filter((message) => !this.fifo || message.messageGroupId === group);
    for (const group of new Set(left.map((message) => message.group))) {
      const wanted = left.filter((message) => message.group === group).map(({ body }) => body);
      expect(byGroup(group).map(({ body }) => body)).toEqual(wanted);
    }
    expect(drained.length).toBe(left.length);
    this.clock.advance(3_700_000);
    for (let partition = 0; partition < this.queues.deployment.partitions; partition++) await this.upkeep.run(partition);
  }
}

const CASES = [false, true].flatMap((fifo) =>
  [undefined, 3].flatMap((maxReceiveCount) => [false, true].map((changesRetention) => ({ fifo, maxReceiveCount, changesRetention }))),
);

describe('the engine agrees with the model', () => {
  it.each(CASES)(`over ${STEPS} random steps: %j`, async ({ fifo, maxReceiveCount, changesRetention }) => {
    for (let runs = 0; runs < RUNS; runs++) await checkRun(randomInt(2 ** 31), fifo, maxReceiveCount, changesRetention);
  }, 120_000 * RUNS);
});

async function checkRun(seed: number, fifo: boolean, maxReceiveCount: number | undefined, changesRetention: boolean): Promise<void> {
  const deployment = await Deployment.open(client, `model-${randomUUID()}`);
  const clock = new SettableClock(1_500_000_000_000);
  const queues = new QueueStore(client, deployment, clock);
  const run = new Run(seed, clock, queues, changesRetention, maxReceiveCount, fifo);
  await queues.createQueue(ACCOUNT, 'q', {
    visibilityTimeout: run.visibility,
    messageRetentionPeriod: run.retention,
    deadLetterPolicy: maxReceiveCount === undefined ? null : { targetQueue: 'dead', maxReceiveCount },
    queueType: fifo ? 'fifo' : 'normal',
  });
  const keys = async () => (await client.keys(`${deployment.prefix}:*`)).sort();
  const before = await keys();
  try {
    for (let i = 0; i < STEPS; i++) await run.step();
    await run.drain();
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  expect(await keys()).toEqual(before);
}
