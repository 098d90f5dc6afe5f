import type { BucketEvent } from '#event-rule/bucket-event.js';
import { isDescribedEvent, readDescribedEvent } from '#event-rule/described-event.js';
import { asksTags } from '#event-rule/event-match.js';
import type { EventRule } from '#event-rule/event-rule.js';
import { readIntakeBody } from '#event-rule/intake-body.js';
import { messageTagOf } from '#event-rule/message-tag.js';
import { obstaclesOf } from '#event-rule/rule-verdict.js';

/** Rules that an answer tells of per event; those that match come first. */
const MOST_RULES = 1_000;

/** Events to try rules with: what a store would post, or one event as people describe it. @throws InvalidArgument */
export function readTrial(body: Buffer, source: string, now: number): { events: readonly BucketEvent[]; problems: readonly string[] } {
  const json = jsonIn(body);
  if (isDescribedEvent(json)) return { events: [readDescribedEvent(json, source, now)], problems: [] };
  const { events, problems } = readIntakeBody(body, { source, receivedAt: now });
  return { events, problems };
}

/** What each rule makes of an event, and why. */
export function tryRules(event: BucketEvent, rules: readonly EventRule[]) {
  const verdicts = rules.map((rule) => verdictOf(event, rule));
  const told = [...verdicts.filter(({ matches }) => matches), ...verdicts.filter(({ matches }) => !matches)].slice(0, MOST_RULES);
  const byName = told.sort((one, other) => (one.name < other.name ? -1 : 1));
  return {
    eventName: event.eventName ?? null,
    bucket: event.bucket,
    key: event.key,
    rules: byName,
    ...(verdicts.length > told.length && { untoldRules: verdicts.length - told.length }),
  };
}

function verdictOf(event: BucketEvent, rule: EventRule) {
  const obstacles = obstaclesOf(rule, event);
  // Tags that nobody told: the bridge would ask the store.
  const needsTags = event.tags === undefined && asksTags(rule.match) && obstacles.every(({ at }) => at.startsWith('match.'));
  if (obstacles.length > 0 || needsTags) {
    const failedAt = /^\w+/.exec(obstacles[0]?.at ?? '')?.[0];
    return { name: rule.name, matches: obstacles.length === 0, ...(failedAt && { failedAt, reasons: obstacles }), ...(needsTags && { needsTags }) };
  }
  const messageTag = rule.messageTag === undefined ? undefined : messageTagOf(rule.messageTag, event);
  return { name: rule.name, matches: true, ...(messageTag !== undefined && { messageTag }) };
}

function jsonIn(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
