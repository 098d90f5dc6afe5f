import { InvalidArgument } from '#runtime/invalid-argument.js';
import { LIMITS } from './limits.js';

/** After `maxReceiveCount` deliveries a message goes to the queue `targetQueue` of the same account instead of being delivered again. */
export interface DeadLetterPolicy {
  readonly targetQueue: string;
  readonly maxReceiveCount: number;
}

/** `fifo`: the messages of a group are received one after the other, in the order of their arrival. */
export type QueueType = 'normal' | 'fifo';

/** What the owner of a queue can set. Times in seconds, sizes in bytes; ranges in `LIMITS`. */
export interface QueueAttributes {
  readonly delaySeconds: number;
  readonly maximumMessageSize: number;
  readonly messageRetentionPeriod: number;
  readonly visibilityTimeout: number;
  readonly pollingWaitSeconds: number;
  readonly loggingEnabled: boolean;
  readonly deadLetterPolicy: DeadLetterPolicy | null;
  /** Fixed when the queue is created. */
  readonly queueType: QueueType;
}

export const DEFAULT_QUEUE_ATTRIBUTES: QueueAttributes = {
  delaySeconds: 0,
  maximumMessageSize: 65_536,
  messageRetentionPeriod: 345_600,
  visibilityTimeout: 30,
  pollingWaitSeconds: 0,
  loggingEnabled: false,
  deadLetterPolicy: null,
  queueType: 'normal',
};

/** A queue as `getQueue` shows it. */
export interface QueueDescription extends QueueAttributes {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createTime: number;
  readonly lastModifyTime: number;
  /** Messages that can be received; in a FIFO queue also those that wait for an earlier one of their group. */
  readonly activeMessages: number;
  /** Messages received and neither deleted nor visible again. */
  readonly inactiveMessages: number;
  /** Messages whose delay has not ended. */
  readonly delayMessages: number;
  /** Messages on their way to the dead-letter queue. */
  readonly deadLettering: number;
}

const RANGED = [
  ['delaySeconds', 'DelaySeconds', 'seconds'],
  ['maximumMessageSize', 'MaximumMessageSize', 'bytes'],
  ['messageRetentionPeriod', 'MessageRetentionPeriod', 'seconds'],
  ['visibilityTimeout', 'VisibilityTimeout', 'seconds'],
  ['pollingWaitSeconds', 'PollingWaitSeconds', 'seconds'],
] as const;

/** @throws InvalidArgument for the first value outside its range. */
export function checkQueueAttributes(attributes: Partial<QueueAttributes>): void {
  for (const [key, wireName, unit] of RANGED) {
    const value = attributes[key];
    const [low, high] = LIMITS[key];
    if (value !== undefined && !isWholeWithin(value, low, high)) throw InvalidArgument.outOfRange(wireName, low, high, unit);
  }
  const policy = attributes.deadLetterPolicy;
  if (policy) {
    const [low, high] = LIMITS.maxReceiveCount;
    if (!isWholeWithin(policy.maxReceiveCount, low, high)) throw InvalidArgument.outOfRange('MaxReceiveCount', low, high, 'times');
  }
}

/** @throws InvalidArgument when a queue of the second type cannot take the dead letters of one of the first */
export function checkDeadLetterTypes(queueType: QueueType, targetType: QueueType): void {
  if (queueType === 'fifo' || targetType === 'normal') return;
  throw new InvalidArgument('targetQueue', 'A FIFO queue cannot be the dead-letter queue of a normal one: its messages need a group.');
}

export function sameAttributes(one: QueueAttributes, other: QueueAttributes): boolean {
  return (
    RANGED.every(([key]) => one[key] === other[key]) &&
    one.loggingEnabled === other.loggingEnabled &&
    one.queueType === other.queueType &&
    one.deadLetterPolicy?.targetQueue === other.deadLetterPolicy?.targetQueue &&
    one.deadLetterPolicy?.maxReceiveCount === other.deadLetterPolicy?.maxReceiveCount
  );
}

export function isWholeWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}
