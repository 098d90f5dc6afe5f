import { ATTEMPT_OUTCOMES, type Attempt } from '#delivery/attempt-log.js';
import type { AttemptFilter } from '#delivery/attempt-search.js';
import { LIMITS } from '#queue/limits.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { checkSubscriptionName, checkTopicName } from '#topic/topic-name.js';
import { readWholeNumber, type Query } from './request-query.js';

const DEFAULT_PAGE = 100;
const LATEST = 0xffff_ffff_ffff;

export type DeliveryFilter = Omit<AttemptFilter, 'topic'> & { readonly topic?: string };

/** `?topic=&subscription=&outcome=&since=&until=`, all optional. @throws InvalidArgument · TopicNameInvalid … */
export function readDeliveryFilter(query: Query): DeliveryFilter {
  const topic = query.get('topic');
  const subscription = query.get('subscription');
  if (topic !== undefined) checkTopicName(topic);
  if (subscription !== undefined) checkSubscriptionName(subscription);
  const outcome = readOutcome(query.get('outcome'));
  return {
    ...(topic !== undefined && { topic }),
    ...(subscription !== undefined && { subscription }),
    ...(outcome !== undefined && { outcome }),
    ...readTimeSpan(query),
  };
}

/** `?since=&until=` in milliseconds, both included. @throws InvalidArgument */
export function readTimeSpan(query: Query): { readonly since?: number; readonly until?: number } {
  const since = readWholeNumber(query, 'since', [0, LATEST], 'milliseconds');
  const until = readWholeNumber(query, 'until', [since ?? 0, LATEST], 'milliseconds');
  return { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
}

/** `?limit=&marker=`. @throws InvalidArgument */
export function readDeliveryPage(query: Query, most: number = LIMITS.listPage[1]): { readonly limit: number; readonly marker?: string } {
  const limit = readWholeNumber(query, 'limit', [1, most], 'entries') ?? DEFAULT_PAGE;
  const marker = query.get('marker') ?? '';
  return { limit, ...(marker !== '' && { marker }) };
}

export function matchesFilter(attempt: Attempt, { topic, subscription, outcome, since = 0, until = LATEST }: DeliveryFilter): boolean {
  return (
    (topic === undefined || attempt.topicName === topic) &&
    (subscription === undefined || attempt.subscriptionName === subscription) &&
    (outcome === undefined || attempt.outcome === outcome) &&
    attempt.time >= since &&
    attempt.time <= until
  );
}

function readOutcome(text: string | undefined): Attempt['outcome'] | undefined {
  if (text === undefined) return undefined;
  const outcome = ATTEMPT_OUTCOMES.find((known) => known === text);
  if (outcome === undefined) throw new InvalidArgument('outcome', `outcome is one of ${ATTEMPT_OUTCOMES.join(', ')}.`);
  return outcome;
}
