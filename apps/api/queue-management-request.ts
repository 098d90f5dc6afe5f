import { DEFAULT_QUEUE_ATTRIBUTES, type DeadLetterPolicy, type QueueAttributes, type QueueType } from '#queue/queue-attributes.js';
import { checkQueueName } from '#queue/queue-name.js';
import type { RedriveOptions } from '#queue/redrive-store.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readMembers } from './management-request.js';

const NUMBERS = ['delaySeconds', 'maximumMessageSize', 'messageRetentionPeriod', 'visibilityTimeout', 'pollingWaitSeconds'] as const;

/**
 * The attributes that a document names; an absent member changes nothing. Ranges are the queue engine's to check.
 * @throws InvalidArgument · InvalidQueueName · QueueNameLengthError
 */
export function readAttributes(queue: string, json: unknown): Partial<QueueAttributes> {
  const members = readMembers(json, 'queue', Object.keys(DEFAULT_QUEUE_ATTRIBUTES));
  const { loggingEnabled, deadLetterPolicy, queueType } = members;
  if (loggingEnabled !== undefined && typeof loggingEnabled !== 'boolean') {
    throw new InvalidArgument('loggingEnabled', 'loggingEnabled is true or false.');
  }
  const numbers = NUMBERS.filter((name) => members[name] !== undefined).map((name) => [name, readNumber(name, members[name])] as const);
  return {
    ...Object.fromEntries(numbers),
    ...(loggingEnabled !== undefined && { loggingEnabled }),
    ...(queueType !== undefined && { queueType: readQueueType(queueType) }),
    ...(deadLetterPolicy !== undefined && { deadLetterPolicy: readDeadLetterPolicy(queue, deadLetterPolicy) }),
  };
}

/** `{"target": "…", "maxPerSecond": 100}`, both optional. @throws InvalidArgument */
export function readRedriveOptions(json: unknown): RedriveOptions {
  const { target, maxPerSecond } = readMembers(json, 'redrive', ['target', 'maxPerSecond']);
  if (target !== undefined && typeof target !== 'string') throw new InvalidArgument('target', 'target is the name of a queue.');
  return {
    ...(target !== undefined && { target }),
    ...(maxPerSecond !== undefined && { maxPerSecond: readNumber('maxPerSecond', maxPerSecond) }),
  };
}

function readQueueType(value: unknown): QueueType {
  const type = typeof value === 'string' ? value.toLowerCase() : value;
  if (type !== 'normal' && type !== 'fifo') throw new InvalidArgument('queueType', 'queueType is normal or fifo.');
  return type;
}

/** `{"targetQueue": "…", "maxReceiveCount": 3}`; null removes the policy. */
function readDeadLetterPolicy(queue: string, value: unknown): DeadLetterPolicy | null {
  if (value === null) return null;
  const { targetQueue, maxReceiveCount } = readMembers(value, 'deadLetterPolicy', ['targetQueue', 'maxReceiveCount']);
  if (typeof targetQueue !== 'string') throw new InvalidArgument('targetQueue', 'deadLetterPolicy.targetQueue is the name of a queue.');
  checkQueueName(targetQueue);
  if (targetQueue === queue) throw new InvalidArgument('targetQueue', 'A queue cannot be its own dead-letter queue.');
  return { targetQueue, maxReceiveCount: readNumber('deadLetterPolicy.maxReceiveCount', maxReceiveCount) };
}

function readNumber(name: string, value: unknown): number {
  if (typeof value !== 'number') throw new InvalidArgument(name, `${name} is a number.`);
  return value;
}
