import type { Deployment } from '#redis/deployment.js';
import type { RedisClient } from '#redis/redis-client.js';

/** One attempt to deliver a message to a subscription, as it is remembered. */
export interface Attempt {
  /** 32 upper-case hexadecimal digits. */
  readonly messageId: string;
  /** Of the subscription: 11 characters of base64url. */
  readonly pendingQueueId: string;
  /** Account that owns the topic, and alone is told of the attempt: 16 digits. */
  readonly topicOwner: string;
  readonly topicName: string;
  readonly subscriptionName: string;
  /** 1 for the first. */
  readonly number: number;
  /** When its outcome was known; milliseconds since the epoch. */
  readonly time: number;
  /** The last two are what the provider said afterwards of an attempt that it had taken: the receiver has it, or will never get it. */
  readonly outcome: 'delivered' | 'retry' | 'failed' | 'confirmed' | 'undelivered';
  /** The answer's number in the channel's own protocol, when there was an answer. */
  readonly code?: number;
  /** Absent when delivered to every recipient. */
  readonly reason?: string;
  readonly latencyMillis: number;
  /** Earliest start of the next attempt, for `retry`; milliseconds since the epoch. */
  readonly nextAttemptTime?: number;
}

/** What a provider said of an attempt afterwards. */
export interface Receipt {
  readonly outcome: 'confirmed' | 'undelivered';
  readonly time: number;
  readonly code?: number;
  /** Says of whom, where an attempt had several receivers. */
  readonly reason: string;
}

/** Lines that receipts may add to one attempt: it has at most 100 receivers. */
const MOST_RECEIPTS = 200;

/** Attempts are kept for three days. */
export const ATTEMPT_LIFE_MILLIS = 72 * 3_600_000;

/** Attempts of one partition that are kept at the most; 64 partitions of that size are some 200 MB. */
const PARTITION_LIMIT = 20_000;

const HOUR = 3_600_000;
const ID_BYTES = 16;
const PARTITION_AT = 6;
const QUEUE_ID_BYTES = 8;
/** Where what this file alone reads begins; what stands before makes a record unique and findable. */
const DETAILS_AT = ID_BYTES + QUEUE_ID_BYTES + 2;
const FORMAT = 2;
const OUTCOMES = ['delivered', 'retry', 'failed', 'confirmed', 'undelivered'] as const;
const FIXED_DETAILS = 28;
const ACCOUNT_DIGITS = 16;
const LONGEST_REASON = 200;

/**
 * | bytes | meaning                                               |
 * | ----- | ----------------------------------------------------- |
 * | 16    | message id                                            |
 * | 8     | pending queue id                                      |
 * | 2     | attempt number                                        |
 * | 1     | format: 2; records of format 1 named no owner         |
 * | 1     | outcome: its place among `OUTCOMES`                   |
 * | 6     | time (ms)                                             |
 * | 2     | code, 0 = none                                        |
 * | 4     | latency (ms)                                          |
 * | 6     | next attempt (ms), 0 = none                           |
 * | 8     | account of the topic, as a number                     |
 * | 1 + n | topic name and its length                             |
 * | 1 + n | subscription name and its length                      |
 * | rest  | reason, at most 200 bytes                             |
 */
export function encodeAttempt(attempt: Attempt): Buffer {
  const topic = Buffer.from(attempt.topicName).subarray(0, 255);
  const subscription = Buffer.from(attempt.subscriptionName).subarray(0, 255);
  const reason = Buffer.from(attempt.reason ?? '').subarray(0, LONGEST_REASON);
  const head = Buffer.alloc(DETAILS_AT + FIXED_DETAILS);
  head.write(attempt.messageId, 0, ID_BYTES, 'hex');
  head.write(attempt.pendingQueueId, ID_BYTES, QUEUE_ID_BYTES, 'base64url');
  head.writeUInt16BE(Math.min(attempt.number, 0xffff), DETAILS_AT - 2);
  head.writeUInt8(FORMAT, DETAILS_AT);
  head.writeUInt8(OUTCOMES.indexOf(attempt.outcome), DETAILS_AT + 1);
  head.writeUIntBE(Math.floor(attempt.time), DETAILS_AT + 2, 6);
  head.writeUInt16BE(Math.min(attempt.code ?? 0, 0xffff), DETAILS_AT + 8);
  head.writeUInt32BE(Math.min(Math.round(attempt.latencyMillis), 0xffff_ffff), DETAILS_AT + 10);
  head.writeUIntBE(Math.ceil(attempt.nextAttemptTime ?? 0), DETAILS_AT + 14, 6);
  head.writeBigUInt64BE(BigInt(attempt.topicOwner), DETAILS_AT + 20);
  return Buffer.concat([head, Buffer.of(topic.length), topic, Buffer.of(subscription.length), subscription, reason]);
}

/** Undefined for a record of a format that this release does not know. */
export function decodeAttempt(record: Buffer): Attempt | undefined {
  if (record.length < DETAILS_AT + FIXED_DETAILS + 2 || record[DETAILS_AT] !== FORMAT) return undefined;
  const code = record.readUInt16BE(DETAILS_AT + 8);
  const nextAttemptTime = record.readUIntBE(DETAILS_AT + 14, 6);
  const topicAt = DETAILS_AT + FIXED_DETAILS + 1;
  const topicEnd = topicAt + record[topicAt - 1]!;
  const subscriptionAt = topicEnd + 1;
  const subscriptionEnd = subscriptionAt + (record[topicEnd] ?? 0);
  const reason = record.toString('utf8', subscriptionEnd);
  return {
    messageId: record.toString('hex', 0, ID_BYTES).toUpperCase(),
    pendingQueueId: record.toString('base64url', ID_BYTES, ID_BYTES + QUEUE_ID_BYTES),
    topicOwner: record.readBigUInt64BE(DETAILS_AT + 20).toString().padStart(ACCOUNT_DIGITS, '0'),
    topicName: record.toString('utf8', topicAt, topicEnd),
    subscriptionName: record.toString('utf8', subscriptionAt, subscriptionEnd),
    number: record.readUInt16BE(DETAILS_AT - 2),
    time: record.readUIntBE(DETAILS_AT + 2, 6),
    outcome: OUTCOMES[record[DETAILS_AT + 1]!] ?? 'failed',
    ...(code > 0 && { code }),
    ...(reason !== '' && { reason }),
    latencyMillis: record.readUInt32BE(DETAILS_AT + 10),
    ...(nextAttemptTime > 0 && { nextAttemptTime }),
  };
}

/**
 * What was attempted in the last three days, found by message id.
 *
 * A partition has one sorted set an hour, `<partition>:al:<hour>`, whose members are the records, all with score 0 and hence in the
 * order of their bytes: a message's attempts stand together. They are written in the step that settles the delivery, and each set
 * expires whole.
 */
export class AttemptLog {
  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
    private readonly partitionLimit = PARTITION_LIMIT,
  ) {}

  /** Attempts of one published message, oldest first; none for an id that was never given out. */
  async find(messageId: string): Promise<Attempt[]> {
    if (!/^[0-9A-Fa-f]{32}$/.test(messageId)) return [];
    const id = Buffer.from(messageId, 'hex');
    const partition = id.readUInt16BE(PARTITION_AT);
    if (partition >= this.deployment.partitions) return [];
    const pipeline = this.client.pipeline();
    const low = Buffer.concat([Buffer.from('['), id]);
    const high = Buffer.concat([low, Buffer.alloc(QUEUE_ID_BYTES + 2, 0xff)]);
    for (const key of this.#keys(partition, id.readUIntBE(0, 6))) pipeline.zrangebylexBuffer(key, low, high);
    const records = await answers<Buffer[]>(pipeline);
    const attempts = records.flat().map(decodeAttempt);
    return attempts.filter((attempt) => attempt !== undefined).sort((one, other) => one.time - other.time || one.number - other.number);
  }

  /**
   * Adds what became known of an attempt after it was settled.
   *
   * @returns unknown when the log has no such attempt (yet, or any more); known when it has this very line, or as many as one may have
   */
  async addReceipt(
    receipt: Pick<Attempt, 'messageId' | 'pendingQueueId' | 'topicOwner' | 'number'> & Receipt,
  ): Promise<'added' | 'known' | 'unknown'> {
    const { messageId, pendingQueueId, topicOwner, number, ...news } = receipt;
    const known = (await this.find(messageId)).filter(
      (attempt) => attempt.pendingQueueId === pendingQueueId && attempt.topicOwner === topicOwner && attempt.number === number,
    );
    const attempt = known.find(({ outcome }) => outcome !== 'confirmed' && outcome !== 'undelivered');
    const isRepeated = known.some(({ outcome, reason }) => outcome === news.outcome && reason === news.reason);
    if (attempt === undefined) return 'unknown';
    if (isRepeated || known.length > MOST_RECEIPTS) return 'known';
    const { topicName, subscriptionName } = attempt;
    const facts = { messageId, pendingQueueId, topicOwner, topicName, subscriptionName, number };
    const record = encodeAttempt({ ...facts, latencyMillis: Math.max(0, news.time - attempt.time), ...news });
    const key = `${this.deployment.base(partitionOf(messageId))}:al:${Math.floor(news.time / HOUR)}`;
    const life = Math.ceil((ATTEMPT_LIFE_MILLIS + 2 * HOUR) / 1_000);
    await answers(this.client.pipeline().zadd(key, 0, record).expire(key, life));
    return 'added';
  }

  /**
   * Drops a partition's oldest attempts when it holds more than its share.
   *
   * @returns how many were dropped
   */
  async trim(partition: number): Promise<number> {
    const keys = this.#keys(partition, Date.now() - ATTEMPT_LIFE_MILLIS).reverse();
    const count = this.client.pipeline();
    for (const key of keys) count.zcard(key);
    const sizes = await answers<number>(count);
    const removal = this.client.pipeline();
    let room = this.partitionLimit;
    let dropped = 0;
    for (const [index, size] of sizes.entries()) {
      const surplus = Math.max(0, size - room);
      // The members begin with the message id, which begins with the time of publishing: the first ones are the oldest.
      if (surplus > 0) removal.zremrangebyrank(keys[index]!, 0, surplus - 1);
      room -= size - surplus;
      dropped += surplus;
    }
    if (dropped > 0) await answers(removal);
    return dropped;
  }

  /** The hourly sets that may hold something not older than `since`, oldest first. */
  #keys(partition: number, since: number): string[] {
    const last = Math.floor(Date.now() / HOUR) + 1;
    const first = Math.max(Math.floor(since / HOUR), last - ATTEMPT_LIFE_MILLIS / HOUR - 2);
    const base = this.deployment.base(partition);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => `${base}:al:${first + index}`);
  }
}

function partitionOf(messageId: string): number {
  return Buffer.from(messageId, 'hex').readUInt16BE(PARTITION_AT);
}

/** @throws the first error among the answers. */
async function answers<T>(pipeline: ReturnType<RedisClient['pipeline']>): Promise<T[]> {
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error !== null) throw error;
    return reply as T;
  });
}
