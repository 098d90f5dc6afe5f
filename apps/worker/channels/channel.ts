import type { Endpoint } from '#delivery/endpoint.js';
import type { Notification } from '#delivery/notification.js';
import type { Outcome } from '#delivery/outcome.js';
import type { PushExchange } from '#delivery/push-exchange.js';
import type { PendingDelivery } from '#topic/pending-delivery.js';
import type { Subscription } from '#topic/subscription.js';

/** One message on its way to one subscription. */
export interface Delivery<To extends Endpoint = Endpoint> {
  readonly endpoint: To;
  readonly subscription: Subscription;
  readonly pending: PendingDelivery;
  /** All messages that one push shall carry, `pending` being the first; only where the subscription has the option `batch`. */
  readonly batch?: readonly PendingDelivery[];
  /** Told of what is sent, then of what is sent and answered, by channels that speak HTTP; absent when nobody looks. */
  readonly onExchange?: (exchange: PushExchange) => void;
}

/**
 * A way to reach endpoints of one kind.
 *
 * - `send` makes one attempt and says what it came to. Whatever the other side does (refuses, hangs, answers nonsense, goes away) is an
 *   outcome, never an error, and is known within `timeLimit`.
 * - It rejects only when `signal` fires, soon and with the signal's reason: the attempt is then neither made nor not made.
 * - Any number of sends may be under way at the same time.
 */
export interface Channel<To extends Endpoint = Endpoint> {
  /** Milliseconds that one attempt takes at the most. */
  readonly timeLimit: number;
  send(delivery: Delivery<To>, signal: AbortSignal): Promise<Outcome>;
  /** Lets go of connections. Nothing is sent from then on. */
  close(): Promise<void>;
}

/** What a push of this delivery tells. Subscriber and topic owner are one account: there are no subscriptions across accounts. */
export function notificationOf({ subscription, pending }: Pick<Delivery, 'subscription' | 'pending'>): Notification {
  const { messageTag } = pending.message;
  return {
    topicOwner: subscription.topicOwner,
    topicName: subscription.topicName,
    subscriber: subscription.topicOwner,
    subscriptionName: subscription.name,
    messageId: pending.messageId,
    message: pending.message.body,
    ...(messageTag !== undefined && { messageTag }),
    publishTime: pending.publishTime,
  };
}
