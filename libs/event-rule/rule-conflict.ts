import type { EventRule } from './event-rule.js';
import { compatible, conditionLists, type Condition } from './resource-condition.js';

/**
 * Whether OSS would refuse to have both rules: some event type in common, and objects that both could take. Here rules may
 * overlap, each makes its own message; the check is for those who want to move their rules to OSS later.
 *
 * Two conditions overlap unless their prefixes or their suffixes exclude each other. Conditions that must *not* be met are left
 * out of account, so that a pair is rather called a conflict once too often.
 */
export function conflicts(one: EventRule, other: EventRule): boolean {
  return shareEvents(one, other) && shareSources(one, other) && shareObjects(one, other);
}

function shareEvents(one: EventRule, other: EventRule): boolean {
  return one.eventTypes.some((ours) => other.eventTypes.some((theirs) => covers(ours, theirs) || covers(theirs, ours)));
}

function covers(type: string, other: string): boolean {
  return type === other || (type.endsWith(':*') && other.startsWith(type.slice(0, -1)));
}

function shareSources(one: EventRule, other: EventRule): boolean {
  return one.sources.length === 0 || other.sources.length === 0 || one.sources.some((source) => other.sources.includes(source));
}

function shareObjects(one: EventRule, other: EventRule): boolean {
  return conditionLists(one).some((ours) => conditionLists(other).some((theirs) => overlap(positive(ours), positive(theirs))));
}

function positive(conditions: readonly Condition[]): readonly Condition[] {
  return conditions.filter(({ matchState }) => matchState);
}

function overlap(ours: readonly Condition[], theirs: readonly Condition[]): boolean {
  return ours.every((our) => theirs.every((their) => compatible(our, their)));
}
