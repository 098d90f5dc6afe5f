import type { EventRule } from './event-rule.js';
import { compatible, conditionLists, isMet } from './resource-condition.js';

/** Which rules a list shall show; all that is given must fit. */
export interface RuleFilter {
  /** Name of the topic, or of the queue, that the rule sends to. */
  readonly topic?: string;
  readonly queue?: string;
  /** `bucket/key` of an object, or a bucket: whose conditions on names take it, or something in it. */
  readonly resource?: string;
  /** An event source that the rule listens to. */
  readonly source?: string;
}

export function fitsFilter(rule: EventRule, { topic, queue, resource, source }: RuleFilter): boolean {
  const { endpointType, endpointValue } = rule.endpoint;
  return (
    (topic === undefined || (endpointType === 'topic' && endpointValue === topic)) &&
    (queue === undefined || (endpointType === 'queue' && endpointValue === queue)) &&
    (source === undefined || rule.sources.length === 0 || rule.sources.includes(source)) &&
    (resource === undefined || takes(rule, resource))
  );
}

function takes(rule: EventRule, resource: string): boolean {
  if (resource.includes('/')) return conditionLists(rule).some((list) => list.every((condition) => isMet(condition, resource)));
  const bucket = { prefix: `${resource}/` };
  return conditionLists(rule).some((list) =>
    list.every((condition) => (condition.matchState ? compatible(condition, bucket) : !isWholeBucket(condition, bucket.prefix))),
  );
}

function isWholeBucket({ exact, prefix = '', suffix = '' }: { exact?: string; prefix?: string; suffix?: string }, bucket: string): boolean {
  return exact === undefined && suffix === '' && bucket.startsWith(prefix);
}
