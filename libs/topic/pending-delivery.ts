import type { NewTopicMessage } from './topic.js';
import type { PendingQueueAddress, Subscription } from './subscription.js';

/** A pending queue that has something due and needs a drain; `epoch` names this arming of it. */
export interface Wakeup extends PendingQueueAddress {
  readonly epoch: number;
}

/** One run of a drain, as it asks for deliveries. Of the runs of one epoch one is in charge, whoever claimed it. */
export interface DrainRun {
  readonly epoch: number;
  /** No other run has this name. Begins with `h` when the run was told by a hint, with `j` when a job stands behind it. */
  readonly name: string;
  /** How it comes into charge: it is already, unless another one is, or in any case. */
  readonly claim: 'held' | 'if-free' | 'take-over';
}

/** One message that a subscription is owed, leased to a worker. */
export interface PendingDelivery {
  /** Names this lease; opaque. */
  readonly handle: string;
  readonly messageId: string;
  /** Milliseconds since the epoch. */
  readonly publishTime: number;
  /** Milliseconds since the epoch: afterwards the message is too old to be delivered. */
  readonly expireTime: number;
  readonly message: NewTopicMessage;
  /** Attempts whose outcome was recorded; 0 for the first attempt. */
  readonly attempts: number;
}

export type LeaseReply =
  /** Another run or epoch is in charge of the queue, or the subscription is gone: stop at once. */
  | { readonly state: 'ended' }
  | { readonly state: 'leased'; readonly subscription: Subscription; readonly deliveries: readonly PendingDelivery[] }
  /** The subscription's limit of attempts a second lets nothing be taken for so many milliseconds. */
  | { readonly state: 'limited'; readonly millis: number }
  /** Nothing is due. With `lastLook` the queue was disarmed in the same step; `timer` is then the time for which a timer must be added. */
  | { readonly state: 'idle'; readonly timer?: number };

export interface SettleReply {
  /** Per settlement whether it counted; false when the lease had ended and somebody else has the delivery. */
  readonly counted: readonly boolean[];
  /** The run's last look found nothing due: the queue was disarmed in the same step, and a timer must be added for `timer` if it is there. */
  readonly end?: { readonly timer?: number };
}

/** What became of a leased delivery. `attempt` goes to the attempt log in the same step. */
export type Settlement = {
  readonly handle: string;
  /** Encoded by the attempt log; absent when nothing was attempted. */
  readonly attempt?: Buffer;
} & (
  | { readonly outcome: 'delivered' }
  /** Due again at `notBefore` (milliseconds since the epoch). */
  | { readonly outcome: 'retry'; readonly notBefore: number }
  /** Given up: kept with the subscription until its dead-letter queue takes it, its owner replays it, or it is too old. */
  | { readonly outcome: 'failed'; readonly reason?: string }
  /** The endpoint wants nothing any more: the subscription is disabled in the same step, and the delivery waits with the others. */
  | { readonly outcome: 'gone'; readonly reason: string }
  /** Not attempted after all (shutdown): due at once, no attempt counted. */
  | { readonly outcome: 'returned' }
);
