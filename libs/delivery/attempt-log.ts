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
  /** 1 for the first; 0 for what expired without any. */
  readonly number: number;
  /** When its outcome was known; milliseconds since the epoch. */
  readonly time: number;
  /**
   * confirmed and undelivered are what the provider said afterwards of an attempt that it had taken: the receiver has it, or will never get
   * it. expired is no attempt: the delivery became too old to be made, after so many attempts (`number`).
   */
  readonly outcome: (typeof ATTEMPT_OUTCOMES)[number];
  /** The answer's number in the channel's own protocol, when there was an answer. */
  readonly code?: number;
  /** Absent when delivered to every recipient. */
  readonly reason?: string;
  /** How the endpoint's answer began, where the channel reads one: at most 1,024 bytes of text. */
  readonly answer?: string;
  readonly latencyMillis: number;
  /** Earliest start of the next attempt, for `retry`; milliseconds since the epoch. */
  readonly nextAttemptTime?: number;
}

/** Stored as their places in this list. */
export const ATTEMPT_OUTCOMES = ['delivered', 'retry', 'failed', 'confirmed', 'undelivered', 'expired'] as const;

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

/** What one partition keeps at the most, whichever is reached first; 64 partitions of that size are some 250 MB. */
const PARTITION_LIMIT: PartitionLimit = { attempts: 20_000, bytes: 4_000_000 };

export interface PartitionLimit {
  readonly attempts: number;
  /** Memory of Redis, as far as a sample of the records tells. */
  readonly bytes: number;
}

/** Records of a set that are looked at to tell its memory. */
const SAMPLES = 25;

const HOUR = 3_600_000;
const ID_BYTES = 16;
const PARTITION_AT = 6;
const QUEUE_ID_BYTES = 8;
/** Where what this file alone reads begins; what stands before makes a record unique and findable. */
const DETAILS_AT = ID_BYTES + QUEUE_ID_BYTES + 2;
const FORMAT = 3;
/** Had no answer, and its reason was what is the answer now. */
const FORMAT_WITHOUT_ANSWER = 2;
const FIXED_DETAILS = 28;
const ACCOUNT_DIGITS = 16;
const LONGEST_REASON = 200;
const LONGEST_ANSWER = 1_024;

/** Written here first; what it holds is copied before anything else can run. */
const draft = Buffer.alloc(DETAILS_AT + FIXED_DETAILS + 3 * (1 + 255) + LONGEST_ANSWER);

/**
 * | bytes | meaning                                               |
 * | ----- | ----------------------------------------------------- |
 * | 16    | message id                                            |
 * | 8     | pending queue id                                      |
 * | 2     | attempt number                                        |
 * | 1     | format: 3; format 2 has the reason in the answer's place |
 * | 1     | outcome: its place in `ATTEMPT_OUTCOMES`                   |
 * | 6     | time (ms)                                             |
 * | 2     | code, 0 = none                                        |
 * | 4     | latency (ms)                                          |
 * | 6     | next attempt (ms), 0 = none                           |
 * | 8     | account of the topic, as a number                     |
 * | 1 + n | topic name and its length                             |
 * | 1 + n | subscription name and its length                      |
 * | 1 + n | reason, at most 200 bytes, and its length             |
 * | rest  | answer, at most 1,024 bytes                           |
 */
export function encodeAttempt(attempt: Attempt): Buffer {
  const reason = attempt.reason ?? '';
  const answer = attempt.answer ?? '';
  const texts = [attempt.topicName, attempt.subscriptionName, reason];
  const record = draft;
  record.write(attempt.messageId, 0, ID_BYTES, 'hex');
  record.write(attempt.pendingQueueId, ID_BYTES, QUEUE_ID_BYTES, 'base64url');
  record.writeUInt16BE(Math.min(attempt.number, 0xffff), DETAILS_AT - 2);
  record.writeUInt8(FORMAT, DETAILS_AT);
  record.writeUInt8(ATTEMPT_OUTCOMES.indexOf(attempt.outcome), DETAILS_AT + 1);
  record.writeUIntBE(Math.floor(attempt.time), DETAILS_AT + 2, 6);
  record.writeUInt16BE(Math.min(attempt.code ?? 0, 0xffff), DETAILS_AT + 8);
  record.writeUInt32BE(Math.min(Math.round(attempt.latencyMillis), 0xffff_ffff), DETAILS_AT + 10);
  record.writeUIntBE(Math.ceil(attempt.nextAttemptTime ?? 0), DETAILS_AT + 14, 6);
  record.writeBigUInt64BE(BigInt(attempt.topicOwner), DETAILS_AT + 20);
  let at = DETAILS_AT + FIXED_DETAILS;
  for (const [index, text] of texts.entries()) {
    record[at] = record.write(text, at + 1, index === 2 ? LONGEST_REASON : 255);
    at += 1 + record[at]!;
  }
  at += record.write(answer, at, LONGEST_ANSWER);
  return Buffer.from(record.subarray(0, at));
}

/** Undefined for a record of a format that this release does not know. */
export function decodeAttempt(record: Buffer): Attempt | undefined {
  if (record.length < DETAILS_AT + FIXED_DETAILS + 2) return undefined;
  const format = record[DETAILS_AT];
  if (format !== FORMAT && format !== FORMAT_WITHOUT_ANSWER) return undefined;
  const code = record.readUInt16BE(DETAILS_AT + 8);
  const nextAttemptTime = record.readUIntBE(DETAILS_AT + 14, 6);
  const topicAt = DETAILS_AT + FIXED_DETAILS + 1;
  const topicEnd = topicAt + record[topicAt - 1]!;
  const subscriptionAt = topicEnd + 1;
  const subscriptionEnd = subscriptionAt + (record[topicEnd] ?? 0);
  const { reason, answer } = readTexts(record, subscriptionEnd, format);
  return {
    messageId: record.toString('hex', 0, ID_BYTES).toUpperCase(),
    pendingQueueId: record.toString('base64url', ID_BYTES, ID_BYTES + QUEUE_ID_BYTES),
    topicOwner: record.readBigUInt64BE(DETAILS_AT + 20).toString().padStart(ACCOUNT_DIGITS, '0'),
    topicName: record.toString('utf8', topicAt, topicEnd),
    subscriptionName: record.toString('utf8', subscriptionAt, subscriptionEnd),
    number: record.readUInt16BE(DETAILS_AT - 2),
    time: record.readUIntBE(DETAILS_AT + 2, 6),
    outcome: ATTEMPT_OUTCOMES[record[DETAILS_AT + 1]!] ?? 'failed',
    ...(code > 0 && { code }),
    ...(reason !== '' && { reason }),
    ...(answer !== '' && { answer }),
    latencyMillis: record.readUInt32BE(DETAILS_AT + 10),
    ...(nextAttemptTime > 0 && { nextAttemptTime }),
  };
}

function readTexts(record: Buffer, at: number, format: number): { reason: string; answer: string } {
  if (format === FORMAT_WITHOUT_ANSWER) return { reason: record.toString('utf8', at), answer: '' };
  const reasonEnd = at + 1 + (record[at] ?? 0);
  return { reason: record.toString('utf8', at + 1, reasonEnd), answer: record.toString('utf8', reasonEnd) };
}

/** What a record has from its account on, when it is of this topic, or of this subscription. */
export function namesOfRecord(account: string, topic: string, subscription?: string): Buffer {
  const owner = Buffer.alloc(8);
  owner.writeBigUInt64BE(BigInt(account));
  const names = subscription === undefined ? [topic] : [topic, subscription];
  return Buffer.concat([owner, ...names.flatMap((name) => [Buffer.from([Buffer.byteLength(name)]), Buffer.from(name)])]);
}

export function timeOfRecord(record: Buffer): number {
  return record.readUIntBE(DETAILS_AT + 2, 6);
}

/** The set of the attempts that were recorded in an hour (its number since the epoch). */
export function attemptLogKey(deployment: Deployment, partition: number, hour: number): string {
  return `${deployment.base(partition)}:al:${hour}`;
}

/**
 * What was attempted in the last three days, found by message id; `AttemptSearch` finds it by other properties.
 *
 * A partition has one sorted set an hour, `<partition>:al:<hour>`, whose members are the records, all with score 0 and hence in the
 * order of their bytes: a message's attempts stand together. They are written in the step that settles the delivery, and each set
 * expires whole.
 */
export class AttemptLog {
  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
    private readonly limit = PARTITION_LIMIT,
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
    const attempt = known.find(({ outcome }) => outcome === 'delivered' || outcome === 'retry' || outcome === 'failed');
    const isRepeated = known.some(({ outcome, reason }) => outcome === news.outcome && reason === news.reason);
    if (attempt === undefined) return 'unknown';
    if (isRepeated || known.length > MOST_RECEIPTS) return 'known';
    const { topicName, subscriptionName, time } = attempt;
    const facts = { messageId: attempt.messageId, pendingQueueId, topicOwner, topicName, subscriptionName, number };
    const record = encodeAttempt({ ...facts, latencyMillis: Math.max(0, news.time - time), ...news });
    const key = attemptLogKey(this.deployment, partitionOf(messageId), Math.floor(news.time / HOUR));
    const life = Math.ceil((ATTEMPT_LIFE_MILLIS + 2 * HOUR) / 1_000);
    await answers(this.client.pipeline().zadd(key, 0, record).expire(key, life));
    return 'added';
  }

  /**
   * Drops a partition's oldest attempts when it holds more than its share of records or of memory.
   *
   * @returns how many were dropped
   */
  async trim(partition: number): Promise<number> {
    const keys = this.#keys(partition, Date.now() - ATTEMPT_LIFE_MILLIS).reverse();
    const count = this.client.pipeline();
    for (const key of keys) count.zcard(key).memory('USAGE', key, 'SAMPLES', SAMPLES);
    const sizes = await answers<number | null>(count);
    const removal = this.client.pipeline();
    let { attempts, bytes } = this.limit;
    let dropped = 0;
    for (const [index, key] of keys.entries()) {
      const [size, memory] = [sizes[index * 2] ?? 0, sizes[index * 2 + 1] ?? 0];
      const each = size === 0 ? 0 : memory / size;
      const kept = Math.min(size, attempts, each === 0 ? 0 : Math.floor(bytes / each));
      // The members begin with the message id, which begins with the time of publishing: the first ones are the oldest.
      if (kept < size) removal.zremrangebyrank(key, 0, size - kept - 1);
      attempts -= kept;
      bytes = kept < size ? 0 : bytes - memory;
      dropped += size - kept;
    }
    if (dropped > 0) await answers(removal);
    return dropped;
  }

  /** The hourly sets that may hold something not older than `since`, oldest first. */
  #keys(partition: number, since: number): string[] {
    const last = Math.floor(Date.now() / HOUR) + 1;
    const first = Math.max(Math.floor(since / HOUR), last - ATTEMPT_LIFE_MILLIS / HOUR - 2);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => attemptLogKey(this.deployment, partition, first + index));
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
