import type { DeliveryOptions } from '#delivery/delivery-options.js';
import type { NotifyContentFormat } from '#delivery/notification.js';
import type { NotifyStrategyName } from '#delivery/notify-strategy.js';

/** What a subscriber sets. The endpoint and the format are fixed when the subscription is made. */
export interface SubscriptionAttributes {
  /** Where deliveries go; the forms are listed in `docs/delivery.md`. */
  readonly endpoint: string;
  /** At most 16 characters. Absent: every message. */
  readonly filterTag?: string;
  readonly notifyStrategy: NotifyStrategyName;
  readonly notifyContentFormat: NotifyContentFormat;
  /** What only the management interface sets. */
  readonly options?: DeliveryOptions;
}

export interface Subscription extends SubscriptionAttributes {
  readonly topicOwner: string;
  readonly topicName: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createTime: number;
  readonly lastModifyTime: number;
  /** Where the deliveries that this subscription is still owed wait. */
  readonly pendingQueue: PendingQueueAddress;
}

/** A pending queue is found by its partition and id; the id is 11 characters of base64url. */
export interface PendingQueueAddress {
  readonly partition: number;
  readonly id: string;
}

/** Whether a subscription wants a message: without a filter tag it wants all, with one only those tagged exactly so. */
export function matchesFilterTag(filterTag: string | undefined, messageTag: string | undefined): boolean {
  return filterTag === undefined || filterTag === messageTag;
}
