import type { QueueAttributes } from '#queue/queue-attributes.js';

/** What a run of random operations plays on: a queue `orders`, and `letters`, where its dead letters go if it has any. */
export interface QueueKind {
  readonly name: string;
  readonly fifo: boolean;
  /** Seconds, of both queues. */
  readonly retention: number;
  readonly visibilityTimeout: number;
  readonly delaySeconds: number;
  readonly maxReceiveCount: number | undefined;
  /** Whether the retention changes in the middle of a run, to 60 seconds and up to the one at the beginning. */
  readonly changesRetention: boolean;
  /** Whether MaxReceiveCount changes in the middle of a run. */
  readonly changesMaxReceiveCount: boolean;
}

const DAYS = 86_400;
const PLAIN = {
  fifo: false,
  retention: 4 * DAYS,
  visibilityTimeout: 30,
  delaySeconds: 0,
  maxReceiveCount: undefined,
  changesRetention: false,
  changesMaxReceiveCount: false,
};
const PERISHABLE = { retention: 300, changesRetention: true };

export const QUEUE_KINDS: readonly QueueKind[] = [
  { ...PLAIN, name: 'normal' },
  { ...PLAIN, name: 'normal delayed', delaySeconds: 20 },
  { ...PLAIN, name: 'normal perishable', ...PERISHABLE },
  { ...PLAIN, name: 'normal with dead letters', maxReceiveCount: 2 },
  { ...PLAIN, name: 'normal with perishable dead letters', retention: 120, maxReceiveCount: 1 },
  { ...PLAIN, name: 'normal with all', ...PERISHABLE, delaySeconds: 5, maxReceiveCount: 3, changesMaxReceiveCount: true },
  { ...PLAIN, name: 'fifo', fifo: true },
  { ...PLAIN, name: 'fifo delayed', fifo: true, delaySeconds: 20 },
  { ...PLAIN, name: 'fifo perishable', fifo: true, ...PERISHABLE },
  { ...PLAIN, name: 'fifo with dead letters', fifo: true, maxReceiveCount: 2 },
  { ...PLAIN, name: 'fifo with perishable dead letters', fifo: true, retention: 120, maxReceiveCount: 1 },
  { ...PLAIN, name: 'fifo with all', fifo: true, ...PERISHABLE, delaySeconds: 5, maxReceiveCount: 3, changesMaxReceiveCount: true },
];

export type QueueName = 'orders' | 'letters';
export const QUEUE_NAMES: readonly QueueName[] = ['orders', 'letters'];

/** `letters` keeps nothing longer than `orders` does, so that what expires on its way between them has expired in both. */
export function attributesOf(kind: QueueKind, name: QueueName): Partial<QueueAttributes> {
  const { maxReceiveCount, visibilityTimeout } = kind;
  const policy = name === 'orders' && maxReceiveCount !== undefined ? { targetQueue: 'letters', maxReceiveCount } : null;
  return {
    visibilityTimeout,
    delaySeconds: name === 'orders' ? kind.delaySeconds : 0,
    messageRetentionPeriod: name === 'letters' && kind.changesRetention ? 60 : kind.retention,
    deadLetterPolicy: policy,
    queueType: kind.fifo ? 'fifo' : 'normal',
  };
}
