import { parseEndpoint } from '#delivery/endpoint.js';
import type { EventRuleStore } from '#event-rule/event-rule-store.js';
import type { EventSourceStore } from '#event-source/event-source-store.js';
import type { QueueDescription } from '#queue/queue-attributes.js';
import type { QueueStore } from '#queue/queue-store.js';
import type { Subscription } from '#topic/subscription.js';
import { SubscriptionNotExist, TopicNotExist } from '#topic/topic-errors.js';
import type { TopicStore } from '#topic/topic-store.js';
import type { TopicDescription } from '#topic/topic.js';
import type { Setup } from './setup.js';

/** Where a set-up is applied. */
export interface SetupTarget {
  readonly account: string;
  readonly queues: QueueStore;
  readonly topics: TopicStore;
  readonly sources: EventSourceStore;
  readonly rules: EventRuleStore;
}

/** What there is in an account of everything that a set-up names; not its event sources and rules, whose stores compare by themselves. */
export interface Present {
  readonly queues: ReadonlyMap<string, QueueDescription>;
  readonly topics: ReadonlyMap<string, TopicDescription>;
  /** By `topic/subscription`. */
  readonly subscriptions: ReadonlyMap<string, Subscription>;
}

/** @throws RedisUnavailable */
export async function readPresent(setup: Setup, { account, queues, topics }: SetupTarget): Promise<Present> {
  const foundQueues = await queues.describeQueues(account, queueNames(setup));
  const foundTopics = await topics.describeTopics(account, topicNames(setup));
  const subscriptions = new Map<string, Subscription>();
  for (const topic of setup.topics) {
    for (const { name } of topic.subscriptions) {
      const found = await findSubscription(topics, account, topic.name, name);
      if (found !== undefined) subscriptions.set(`${topic.name}/${name}`, found);
    }
  }
  return { queues: byName(foundQueues), topics: byName(foundTopics), subscriptions };
}

/** The queues of a set-up, and those that it only points to. */
function queueNames({ queues, topics, rules }: Setup): string[] {
  const targets = queues.flatMap(({ attributes }) => attributes.deadLetterPolicy?.targetQueue ?? []);
  const endpoints = topics.flatMap(({ subscriptions }) => subscriptions).map(({ attributes }) => parseEndpoint(attributes.endpoint));
  const endpointQueues = endpoints.flatMap((endpoint) => (endpoint.kind === 'queue' ? endpoint.queue : []));
  const destinations = rules.flatMap(({ endpoint }) => (endpoint.endpointType === 'queue' ? endpoint.endpointValue : []));
  return [...new Set([...queues.map(({ name }) => name), ...targets, ...endpointQueues, ...destinations])];
}

function topicNames({ topics, rules }: Setup): string[] {
  const destinations = rules.flatMap(({ endpoint }) => (endpoint.endpointType === 'topic' ? endpoint.endpointValue : []));
  return [...new Set([...topics.map(({ name }) => name), ...destinations])];
}

async function findSubscription(topics: TopicStore, account: string, topic: string, name: string): Promise<Subscription | undefined> {
  try {
    return await topics.getSubscription(account, topic, name);
  } catch (error) {
    if (error instanceof SubscriptionNotExist || error instanceof TopicNotExist) return undefined;
    throw error;
  }
}

function byName<T extends { readonly name: string }>(described: readonly T[]): Map<string, T> {
  return new Map(described.map((description) => [description.name, description]));
}
