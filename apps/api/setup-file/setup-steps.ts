import { sameAttributes } from '#queue/queue-attributes.js';
import type { Subscription } from '#topic/subscription.js';
import { subscriptionOf } from '../subscription-attributes.js';
import type { Present, SetupTarget } from './setup-target.js';
import type { QueueSetup, Setup, SubscriptionSetup, TopicSetup } from './setup.js';

export type StepOutcome = 'created' | 'changed' | 'unchanged';

export interface SetupStep {
  /** What the step makes or changes: `queues.orders`. */
  readonly entry: string;
  run(): Promise<StepOutcome>;
}

/** What is missing or different, in an order in which every name leads to something that is there. */
export function planSteps(setup: Setup, present: Present, target: SetupTarget): SetupStep[] {
  return [
    ...targetsFirst(setup.queues).flatMap((queue) => queueSteps(queue, present, target)),
    ...setup.topics.flatMap((topic) => topicSteps(topic, present, target)),
    ...setup.sources.map(({ name, change }) => ({ entry: `eventSources.${name}`, run: () => target.sources.put(target.account, name, change) })),
    ...setup.rules.map((rule) => ({ entry: `eventRules.${rule.name}`, run: () => target.rules.put(target.account, rule) })),
  ];
}

/** Dead-letter queues before the queues that name them; queues that name each other stay in the order of the file. */
function targetsFirst(queues: readonly QueueSetup[]): QueueSetup[] {
  const ordered = new Set<QueueSetup>();
  const visited = new Set<QueueSetup>();
  const visit = (queue: QueueSetup): void => {
    if (visited.has(queue)) return;
    visited.add(queue);
    const target = queues.find(({ name }) => name === queue.attributes.deadLetterPolicy?.targetQueue);
    if (target !== undefined) visit(target);
    ordered.add(queue);
  };
  queues.forEach(visit);
  return [...ordered];
}

function queueSteps({ name, attributes }: QueueSetup, present: Present, { account, queues }: SetupTarget): SetupStep[] {
  const entry = `queues.${name}`;
  const found = present.queues.get(name);
  if (found === undefined) return [{ entry, run: () => queues.createQueue(account, name, attributes) }];
  if (sameAttributes(found, { ...found, ...attributes })) return [];
  return [{ entry, run: () => queues.setQueueAttributes(account, name, attributes).then(() => 'changed') }];
}

function topicSteps(topic: TopicSetup, present: Present, target: SetupTarget): SetupStep[] {
  const { account, topics } = target;
  const { name, attributes } = topic;
  const subscriptions = topic.subscriptions.flatMap((subscription) =>
    subscriptionSteps(name, subscription, present.subscriptions.get(`${name}/${subscription.name}`), target),
  );
  const entry = `topics.${name}`;
  const found = present.topics.get(name);
  if (found === undefined) return [{ entry, run: () => topics.createTopic(account, name, attributes) }, ...subscriptions];
  if (differences(found, attributes) === undefined) return subscriptions;
  return [{ entry, run: () => topics.setTopicAttributes(account, name, attributes).then(() => 'changed') }, ...subscriptions];
}

function subscriptionSteps(topic: string, setup: SubscriptionSetup, found: Subscription | undefined, target: SetupTarget): SetupStep[] {
  const { account, topics } = target;
  const { name, attributes } = setup;
  const entry = `topics.${topic}.subscriptions.${name}`;
  if (found === undefined) return [{ entry, run: () => topics.subscribe(account, topic, name, subscriptionOf(attributes)) }];
  const changes = differences(found, attributes);
  if (changes === undefined) return [];
  return [{ entry, run: () => topics.setSubscriptionAttributes(account, topic, name, changes).then(() => 'changed') }];
}

/** Undefined: none. */
function differences<T extends object>(found: T, wanted: Partial<T>): Partial<T> | undefined {
  const different = (Object.keys(wanted) as (keyof T)[]).filter((name) => wanted[name] !== found[name]);
  return different.length === 0 ? undefined : (Object.fromEntries(different.map((name) => [name, wanted[name]])) as Partial<T>);
}
