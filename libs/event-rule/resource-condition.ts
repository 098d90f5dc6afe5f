import type { EventMatchRule, EventRule } from './event-rule.js';
import type { Literals } from './resource-index.js';

/** A condition whose values say exactly what part of `bucket/key` they mean. */
export interface Condition extends Literals {
  readonly matchState: boolean;
}

/** The lists of conditions of a rule; a rule without any takes every object. */
export function conditionLists(rule: Pick<EventRule, 'matchRules'>): readonly (readonly Condition[])[] {
  return rule.matchRules.length === 0 ? [[]] : rule.matchRules.map((list) => list.map(conditionOf));
}

/** A name or prefix without a slash is a bucket: that bucket, and not every bucket whose name begins so. */
function conditionOf({ matchState, name, prefix, suffix }: EventMatchRule): Condition {
  const whole = (text: string) => (text === '' || text.includes('/') ? text : `${text}/`);
  if (name !== undefined) return name.includes('/') ? { matchState, exact: name } : { matchState, prefix: whole(name) };
  return { matchState, ...(prefix !== undefined && { prefix: whole(prefix) }), ...(suffix !== undefined && { suffix }) };
}

/** Compared by UTF-16 code units, never normalised: keys are byte strings. Prefix and suffix may overlap in a short key. */
export function isMet({ matchState, exact, prefix = '', suffix = '' }: Condition, resource: string): boolean {
  const fits = exact === undefined ? resource.startsWith(prefix) && resource.endsWith(suffix) : resource === exact;
  return fits === matchState;
}

/** What a resource must have to meet all conditions; the longest of each kind tells most. */
export function literalsOf(conditions: readonly Condition[]): Literals {
  const positive = conditions.filter(({ matchState }) => matchState);
  const exact = positive.find((condition) => condition.exact !== undefined)?.exact;
  if (exact !== undefined) return { exact };
  const longest = (texts: readonly (string | undefined)[]) =>
    texts.reduce<string>((best, text = '') => (text.length > best.length ? text : best), '');
  return { prefix: longest(positive.map(({ prefix }) => prefix)), suffix: longest(positive.map(({ suffix }) => suffix)) };
}

/** Whether one resource can meet both; conditions that must not be met are for the caller to leave out. */
export function compatible(one: Literals, other: Literals): boolean {
  if (one.exact !== undefined && other.exact !== undefined) return one.exact === other.exact;
  if (one.exact !== undefined) return fits(one.exact, other);
  if (other.exact !== undefined) return fits(other.exact, one);
  return nested(one.prefix, other.prefix, 'startsWith') && nested(one.suffix, other.suffix, 'endsWith');
}

function fits(resource: string, { prefix = '', suffix = '' }: Literals): boolean {
  return resource.startsWith(prefix) && resource.endsWith(suffix);
}

function nested(one = '', other = '', test: 'startsWith' | 'endsWith'): boolean {
  return one[test](other) || other[test](one);
}
