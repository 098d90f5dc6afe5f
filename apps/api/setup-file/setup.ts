import type { EventRule } from '#event-rule/event-rule.js';
import type { EventSourceChange } from '#event-source/event-source-document.js';
import type { QueueAttributes } from '#queue/queue-attributes.js';
import type { SubscriptionAttributes } from '#topic/subscription.js';
import type { TopicAttributes } from '#topic/topic.js';

/** What shall exist in an account, as a set-up file says it. Attributes that it does not name are left as they are. */
export interface Setup {
  readonly queues: readonly QueueSetup[];
  readonly topics: readonly TopicSetup[];
  /** Whole sources; secrets that one of them does not name are left as they are. */
  readonly sources: readonly SourceSetup[];
  /** Whole rules: what one of them does not name has its default. */
  readonly rules: readonly EventRule[];
}

export interface QueueSetup {
  readonly name: string;
  readonly attributes: Partial<QueueAttributes>;
}

export interface SourceSetup {
  readonly name: string;
  readonly change: EventSourceChange;
}

export interface TopicSetup {
  readonly name: string;
  readonly attributes: Partial<TopicAttributes>;
  readonly subscriptions: readonly SubscriptionSetup[];
}

export interface SubscriptionSetup {
  readonly name: string;
  readonly attributes: GivenSubscription;
}

export type GivenSubscription = Partial<SubscriptionAttributes> & Pick<SubscriptionAttributes, 'endpoint'>;
