import type { BucketEvent } from './bucket-event.js';
import { compileCondition, compileMatch } from './event-matcher.js';
import type { EventCondition } from './event-match.js';
import type { EventRule } from './event-rule.js';
import { conditionLists, isMet } from './resource-condition.js';
import { firesFor, isFromSource, isTold } from './rule-set.js';

/** What keeps an event from becoming a message of a rule. */
export interface Obstacle {
  /** Member of the rule, such as `matchRules[0][1]`. */
  readonly at: string;
  /** As the rule has it. */
  readonly expected: unknown;
  /** What the event has instead; null for what it does not tell. */
  readonly actual: unknown;
}

/**
 * Why an event becomes no message of a rule; empty: it does. Only the first member in the way is told, in the order enabled, eventTypes,
 * mapping, sources, matchRules, match; of the last two every list, because each could have been met, with all conditions that fail in it.
 */
export function obstaclesOf(rule: EventRule, event: BucketEvent): readonly Obstacle[] {
  if (!rule.enabled) return [{ at: 'enabled', expected: true, actual: false }];
  const actual = event.eventName ?? null;
  if (actual === null || !firesFor(rule, actual)) return [{ at: 'eventTypes', expected: rule.eventTypes, actual: actual ?? `s3:${event.s3EventName}` }];
  if (!isTold(rule, event)) return [{ at: 'mapping', expected: rule.mapping ?? {}, actual: `s3:${event.s3EventName}` }];
  if (!isFromSource(rule, event)) return [{ at: 'sources', expected: rule.sources, actual: event.source }];
  return [...resourceObstacles(rule, event), ...matchObstacles(rule, event)].slice(0, MOST);
}

/** Obstacles that are told. */
const MOST = 20;

/** The member in the way, without what is in it; undefined: none. */
export function whyNot(rule: EventRule, event: BucketEvent): string | undefined {
  return /^\w+/.exec(obstaclesOf(rule, event)[0]?.at ?? '')?.[0];
}

function resourceObstacles(rule: EventRule, event: BucketEvent): Obstacle[] {
  const resource = `${event.bucket}/${event.key}`;
  const failed = conditionLists(rule).map((conditions) => conditions.map((condition) => !isMet(condition, resource)));
  if (failed.some((list) => !list.includes(true))) return [];
  return failed.flatMap((list, outer) =>
    list.flatMap((isFailed, inner) => (isFailed ? [{ at: `matchRules[${outer}][${inner}]`, expected: rule.matchRules[outer]?.[inner], actual: resource }] : [])),
  );
}

function matchObstacles({ match }: EventRule, event: BucketEvent): Obstacle[] {
  if (match === undefined || compileMatch(match)(event)) return [];
  return match.any.flatMap(({ all }, outer) =>
    all.flatMap((condition, inner) =>
      compileCondition(condition)(event) ? [] : [{ at: `match.any[${outer}].all[${inner}]`, expected: condition, actual: actualOf(condition, event) }],
    ),
  );
}

/** What a condition looks at, as the event has it. */
function actualOf(condition: EventCondition, event: BucketEvent): unknown {
  if ('key' in condition) return event.key;
  if ('contentType' in condition) return event.contentType ?? null;
  if ('principal' in condition) return event.principalId || null;
  if ('userAgent' in condition) return event.userAgent || null;
  if ('size' in condition) return event.eventName?.startsWith('ObjectRemoved:') === true ? null : event.size;
  if ('versioned' in condition) return event.versionId ?? null;
  if ('sourceIp' in condition) return event.sourceIpAddress || null;
  if ('tag' in condition) return event.tags?.[condition.tag.name] ?? null;
  const entries = Object.entries(event.userMetadata ?? {});
  return entries.find(([name]) => name.toLowerCase() === `x-amz-meta-${condition.meta.name}`)?.[1] ?? null;
}
