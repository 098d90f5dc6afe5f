import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { listNames, type NamePage, type Page } from '#redis/name-index.js';
import { PartitionScripts, storage, type ScriptArgument } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { RedisFull } from '#redis/redis-unavailable.js';
import type { Clock } from '#runtime/clock.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import {
  checkDeadLetterTypes,
  checkQueueAttributes,
  DEFAULT_QUEUE_ATTRIBUTES,
  sameAttributes,
  type QueueAttributes,
  type QueueDescription,
} from './queue-attributes.js';
import { FifoMissingMessageGroupId, QueueAlreadyExist, QueueNotExist, ReceiptHandleError } from './queue-errors.js';
import { checkQueueName } from './queue-name.js';
import { RecordCache, STALE } from './record-cache.js';
import { newId, readRecord, type StoredRecord } from './record.js';
import { ReplyCode } from './reply-code.js';

/** A queue as the data plane needs it, from this process's cache. */
export interface QueueRecord extends StoredRecord<QueueAttributes> {
  readonly partition: number;
}

const SCRIPTS = {
  create: new LuaScript(new URL('./commands/createQueue-1.lua', import.meta.url)),
  setAttributes: new LuaScript(new URL('./commands/setQueueAttributes-1.lua', import.meta.url)),
  describe: new LuaScript(new URL('./commands/describeQueues-1.lua', import.meta.url)),
  delete: new LuaScript(new URL('./commands/deleteQueue-1.lua', import.meta.url)),
  purge: new LuaScript(new URL('./commands/purgeQueue-1.lua', import.meta.url)),
};

/** Queues and their attributes. Times in seconds, as the protocol has them; ranges in `limits.ts`. */
export class QueueStore {
  readonly #cache = new RecordCache<QueueRecord>({
    what: 'queue',
    size: 20_000,
    load: (account, name) => this.#load(account, name),
    isSame: (one, other) => one.id === other.id && one.version === other.version,
    judgesByRecord,
  });
  readonly #scripts: PartitionScripts;

  constructor(
    private readonly client: RedisClient,
    readonly deployment: Deployment,
    clock?: Clock,
  ) {
    this.#scripts = new PartitionScripts(client, deployment, clock);
  }

  /**
   * @returns `unchanged` when a queue of that name exists with equal attributes. Those not given count as their defaults; but dead-letter
   *   policy and type, which clients of MNS cannot name, are compared only when they are given.
   * @throws QueueAlreadyExist when its attributes differ · InvalidArgument · InvalidQueueName · QueueNameLengthError · RedisFull
   */
  async createQueue(account: string, name: string, attributes: Partial<QueueAttributes>): Promise<'created' | 'unchanged'> {
    checkQueueName(name);
    checkQueueAttributes(attributes);
    const wanted = { ...DEFAULT_QUEUE_ATTRIBUTES, ...attributes };
    await this.#checkDeadLetterQueue(account, wanted);
    const partition = this.deployment.partitionOf(account, name);
    const args = [
      `${account}/${name}`,
      newId(),
      JSON.stringify(wanted),
      wanted.deadLetterPolicy?.maxReceiveCount ?? 0,
      wanted.queueType === 'fifo' ? 1 : 0,
    ];
    const reply = await this.run(SCRIPTS.create, partition, args).catch((error: unknown) => this.#findInstead(account, name, error));
    const [code, packed] = reply as [number, Buffer];
    const record = this.#remember(account, name, partition, packed);
    if (code === ReplyCode.OK) return 'created';
    const { deadLetterPolicy = record.attributes.deadLetterPolicy, queueType = record.attributes.queueType } = attributes;
    if (!sameAttributes(record.attributes, { ...wanted, deadLetterPolicy, queueType })) throw new QueueAlreadyExist(name);
    return 'unchanged';
  }

  /** Changes what is given and leaves the rest. @throws QueueNotExist · InvalidArgument */
  async setQueueAttributes(account: string, name: string, changes: Partial<QueueAttributes>): Promise<void> {
    checkQueueAttributes(changes);
    await this.withQueue(account, name, async (queue) => {
      const attributes = { ...queue.attributes, ...changes };
      if (attributes.queueType !== queue.attributes.queueType) {
        const { queueType } = queue.attributes;
        throw new InvalidArgument('QueueType', `The type of a queue is fixed when it is created; this one is ${queueType}.`);
      }
      if (changes.deadLetterPolicy) await this.#checkDeadLetterQueue(account, attributes);
      const [code] = (await this.run(SCRIPTS.setAttributes, queue.partition, [
        `${account}/${name}`,
        queue.id,
        queue.version,
        JSON.stringify(attributes),
        attributes.deadLetterPolicy?.maxReceiveCount ?? 0,
      ])) as [number];
      if (code === ReplyCode.STALE) return STALE;
      this.forget(account, name);
      return undefined;
    });
  }

  /** @throws QueueNotExist */
  async getQueue(account: string, name: string): Promise<QueueDescription> {
    checkQueueName(name);
    const [description] = await this.describeQueues(account, [name]);
    if (description === undefined) throw new QueueNotExist(name);
    return description;
  }

  /** Queues that are gone are left out. */
  async describeQueues(account: string, names: readonly string[]): Promise<QueueDescription[]> {
    const byPartition = Map.groupBy(names, (name) => this.deployment.partitionOf(account, name));
    const found = new Map<string, QueueDescription>();
    await Promise.all(
      [...byPartition].map(async ([partition, group]) => {
        const replies = (await this.run(SCRIPTS.describe, partition, group.map((name) => `${account}/${name}`))) as DescribeReply[];
        replies.forEach((reply, index) => {
          const name = group[index]!;
          if (reply.length > 0) found.set(name, describe(name, reply));
        });
      }),
    );
    return names.flatMap((name) => found.get(name) ?? []);
  }

  /** @returns false when there was no such queue */
  async deleteQueue(account: string, name: string): Promise<boolean> {
    checkQueueName(name);
    const partition = this.deployment.partitionOf(account, name);
    this.forget(account, name);
    const [code] = (await this.run(SCRIPTS.delete, partition, [`${account}/${name}`])) as [number];
    return code === ReplyCode.OK;
  }

  /**
   * Takes all messages away, also those that are delayed, received, or on their way to the dead-letter queue.
   * @returns how many there were
   * @throws QueueNotExist
   */
  purgeQueue(account: string, name: string): Promise<number> {
    return this.withQueue(account, name, async (queue) => {
      const [code, count] = (await this.run(SCRIPTS.purge, queue.partition, [queue.id, queue.version])) as [number, number];
      return code === ReplyCode.STALE ? STALE : count;
    });
  }

  listQueues(account: string, page: Page): Promise<NamePage> {
    return storage(() => listNames(this.client, this.deployment, 'queue-names', account, page));
  }

  /**
   * Runs a step with the queue's record; when the step finds the record stale, or refuses something by a record that is stale, again
   * with a fresh one.
   * @throws QueueNotExist
   */
  withQueue<T>(account: string, name: string, step: (queue: QueueRecord) => Promise<T | typeof STALE>): Promise<T> {
    return this.#cache.use(account, name, step);
  }

  /** Whether a record is what Redis has: for those who refuse something without asking a script. @throws QueueNotExist */
  isCurrent(account: string, name: string, queue: QueueRecord): Promise<boolean> {
    return this.#cache.isCurrent(account, name, queue);
  }

  /** @throws RedisUnavailable · RedisFull */
  run(script: LuaScript, partition: number, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#scripts.run(script, partition, args);
  }

  forget(account: string, name: string): void {
    this.#cache.forget(account, name);
  }

  /** The dead-letter queue may come into being later; one that exists must be able to take the messages. @throws InvalidArgument */
  async #checkDeadLetterQueue(account: string, { deadLetterPolicy, queueType }: QueueAttributes): Promise<void> {
    if (deadLetterPolicy === null || queueType === 'fifo') return;
    const [target] = await this.describeQueues(account, [deadLetterPolicy.targetQueue]);
    if (target !== undefined) checkDeadLetterTypes(queueType, target.queueType);
  }

  async #load(account: string, name: string): Promise<QueueRecord> {
    checkQueueName(name);
    this.forget(account, name);
    const partition = this.deployment.partitionOf(account, name);
    const packed = await this.#read(account, name, partition);
    if (packed === null) throw new QueueNotExist(name);
    return this.#remember(account, name, partition, packed);
  }

  #read(account: string, name: string, partition: number): Promise<Buffer | null> {
    return storage(() => this.client.hgetBuffer(`${this.deployment.base(partition)}:queues`, `${account}/${name}`));
  }

  /** Consumers that make sure of their queue when they start must get as far as receiving also while nothing new is stored. */
  async #findInstead(account: string, name: string, error: unknown): Promise<[code: number, record: Buffer]> {
    const packed = error instanceof RedisFull ? await this.#read(account, name, this.deployment.partitionOf(account, name)) : null;
    if (packed === null) throw error;
    return [ReplyCode.EXISTS, packed];
  }

  #remember(account: string, name: string, partition: number, packed: Buffer): QueueRecord {
    const record = { ...readQueueRecord(packed), partition };
    this.#cache.set(account, name, record);
    return record;
  }
}

/** Refusals that depend on the queue's attributes or id. */
function judgesByRecord(error: unknown): boolean {
  return error instanceof InvalidArgument || error instanceof FifoMissingMessageGroupId || error instanceof ReceiptHandleError;
}

/** Attributes that the record does not name, because an older release wrote it, have their defaults. */
export function readQueueRecord(packed: Buffer): StoredRecord<QueueAttributes> {
  const record = readRecord<Partial<QueueAttributes>>(packed);
  return { ...record, attributes: { ...DEFAULT_QUEUE_ATTRIBUTES, ...record.attributes } };
}

type DescribeReply = [record: Buffer, active: number, inactive: number, delayed: number, deadLettering: number];

function describe(name: string, [packed, active, inactive, delayed, deadLettering]: DescribeReply): QueueDescription {
  const { attributes, createTime, lastModifyTime } = readQueueRecord(packed);
  return {
    ...attributes,
    name,
    createTime,
    lastModifyTime,
    activeMessages: active,
    inactiveMessages: inactive,
    delayMessages: delayed,
    deadLettering,
  };
}
