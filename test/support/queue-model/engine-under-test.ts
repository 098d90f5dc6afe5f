import { EventEmitter } from 'node:events';
import { expect } from '@jest/globals';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import type { ReceivedMessage } from '#queue/message.js';
import { QueueStore } from '#queue/queue-store.js';
import { RedriveStore } from '#queue/redrive-store.js';
import { QueueUpkeep } from '#queue/upkeep.js';
import { Deployment } from '#redis/deployment.js';
import type { RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { attributesOf, QUEUE_NAMES, type QueueKind, type QueueName } from './queue-kind.js';
import { QueueModel, type ModelMessage } from './queue-model.js';

export const ACCOUNT = '1234567890123456';
/** In the future, so that upkeep never takes a date of the settable clock for one that has passed. */
const START = 4_000_000_000_000;
/** Rounds of upkeep within which a partition with so few messages must come to rest. */
const UPKEEP_ROUNDS = 20;

/** One process's view of the engine: each has caches of its own, which the other one makes stale. */
interface EngineProcess {
  readonly queues: QueueStore;
  readonly messages: MessageStore;
  readonly upkeep: QueueUpkeep;
  readonly redrives: RedriveStore;
}

export interface KnownHandle {
  readonly text: string;
  readonly queue: QueueName;
  /** How often the queue had been made again. */
  readonly life: number;
}

/** What the operations are about to do the same to as to the engine. */
export class ModelledQueues {
  orders: QueueModel;
  letters: QueueModel;

  constructor(kind: QueueKind) {
    this.orders = ModelledQueues.fresh(kind, 'orders');
    this.letters = ModelledQueues.fresh(kind, 'letters');
  }

  static fresh(kind: QueueKind, name: QueueName): QueueModel {
    const { visibilityTimeout = 0, delaySeconds = 0, messageRetentionPeriod = 0, deadLetterPolicy } = attributesOf(kind, name);
    return new QueueModel(kind.fifo, {
      visibilityTimeout: visibilityTimeout * 1_000,
      delay: delaySeconds * 1_000,
      retention: messageRetentionPeriod * 1_000,
      maxReceiveCount: deadLetterPolicy?.maxReceiveCount ?? Infinity,
    });
  }

  /** Messages of both queues, with those that may not have been freed yet. */
  get size(): number {
    return QUEUE_NAMES.reduce((sum, name) => sum + this[name].messages.length + this[name].expired.length, 0);
  }
}

/** The engine on a real Redis with a settable clock, and what clients remember of it. */
export class EngineUnderTest {
  readonly clock = new SettableClock(START);
  readonly handles: KnownHandle[] = [];
  readonly received: { readonly message: ReceivedMessage; readonly queue: QueueName; readonly life: number }[] = [];
  readonly lives: Record<QueueName, number> = { orders: 0, letters: 0 };
  sent = 0;
  operations = 0;

  private constructor(
    readonly kind: QueueKind,
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
    readonly processes: readonly EngineProcess[],
  ) {}

  static async open(client: RedisClient, prefix: string, kind: QueueKind): Promise<EngineUnderTest> {
    const deployment = await Deployment.open(client, prefix);
    const processes: EngineProcess[] = [];
    const engine = new EngineUnderTest(kind, client, deployment, processes);
    for (let number = 0; number < 2; number++) {
      const queues = new QueueStore(client, deployment, engine.clock);
      processes.push({
        queues,
        messages: new MessageStore(queues, new LongPoll(new EventEmitter() as RedisClient, deployment)),
        upkeep: new QueueUpkeep(queues, { region: 'cn-hangzhou', logger: silentLogger }),
        redrives: new RedriveStore(queues),
      });
    }
    for (const name of QUEUE_NAMES) await engine.create(name);
    return engine;
  }

  get now(): number {
    return this.clock.now();
  }

  process(number: number): EngineProcess {
    return this.processes[number]!;
  }

  async create(name: QueueName): Promise<void> {
    expect(await this.process(0).queues.createQueue(ACCOUNT, name, attributesOf(this.kind, name))).toBe('created');
  }

  remember(queue: QueueName, text: string): void {
    this.handles.push({ text, queue, life: this.lives[queue] });
  }

  /** Compares what a receive answered with the messages of the model that it took, and leases these too. */
  noteReceived(model: ModelledQueues, queue: QueueName, got: readonly ReceivedMessage[], taken: readonly ModelMessage[]): void {
    got.forEach((message, index) => {
      const wanted = taken[index]!;
      model[queue].received(this.now, wanted, message.receiptHandle);
      const { dequeueCount, firstDequeueTime, visibleTime, priority, enqueueTime, group } = wanted;
      expect(message).toMatchObject({ dequeueCount, firstDequeueTime, nextVisibleTime: visibleTime, priority, enqueueTime });
      if (this.kind.fifo) expect(message.messageGroupId).toBe(group);
      this.remember(queue, message.receiptHandle);
      this.received.push({ message, queue, life: this.lives[queue] });
    });
  }

  /** Upkeep of the partition of a queue, until nothing is due any more. */
  async keepUp(process: number, name: QueueName): Promise<void> {
    for (let round = 0; round < UPKEEP_ROUNDS; round++) {
      const next = await this.process(process).upkeep.run(this.deployment.partitionOf(ACCOUNT, name));
      if (next === undefined || next > this.now) return;
    }
    throw new Error(`upkeep of ${name} does not come to rest`);
  }

  /** Exact where nothing has expired; what has may be counted somewhere until upkeep has freed it. */
  async expectCounters(model: ModelledQueues): Promise<void> {
    const described = await this.process(0).queues.describeQueues(ACCOUNT, QUEUE_NAMES);
    for (const { name, activeMessages, inactiveMessages, delayMessages, deadLettering } of described) {
      const queue = model[name as QueueName];
      const wanted = queue.counters(this.now);
      const counted = [activeMessages, inactiveMessages, delayMessages, deadLettering];
      const surplus = counted.map((count, index) => count - wanted[index]!);
      const most = queue.expired.length;
      const right = surplus.every((count) => count >= 0) && sum(surplus) <= most;
      if (!right) expect({ name, counted, mayBeUncollected: most }).toEqual({ name, counted: wanted, mayBeUncollected: most });
    }
  }

  /** Names of all keys but idempotency marks and what redrives came to, which are bounded by age; ids of queues left out. */
  async keys(): Promise<string[]> {
    const { prefix } = this.deployment;
    const keys = (await this.client.keys(`${prefix}:*`)).map((key) => key.slice(prefix.length));
    return keys.filter((key) => !/:m:\d+:\d+$|:j$/.test(key)).map((key) => key.replace(/:q:[\w-]{11}/, ':q:<id>')).sort();
  }
}

/** The messages of the model that a queue answered with, which must be the wanted ones, in an order that the model leaves open at most. */
export function expectMessages(
  queue: QueueModel,
  got: readonly { readonly body: string }[],
  wanted: readonly ModelMessage[],
): ModelMessage[] {
  const bodies = got.map(({ body }) => body);
  const found = bodies.flatMap((body) => queue.messages.find((message) => message.body === body) ?? []);
  const asGood = (message: ModelMessage, index: number): boolean =>
    wanted[index] !== undefined &&
    queue.rank(message) === queue.rank(wanted[index]) &&
    (message === wanted[index] || queue.isOpen(message, found.toSpliced(index, 1)));
  if (found.length === wanted.length && found.length === got.length && found.every(asGood)) return found;
  expect(bodies).toEqual(wanted.map(({ body }) => body));
  return found;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
