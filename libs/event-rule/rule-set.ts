import type { BucketEvent } from './bucket-event.js';
import { eventNamesOf } from './event-name.js';
import { compileMatch, type EventPredicate } from './event-matcher.js';
import type { EventMatchRule, EventRule } from './event-rule.js';
import { ResourceIndex, type Literals } from './resource-index.js';

export interface OwnedRule {
  /** 16 digits: whose events the rule sees, and whose topics and queues it sends to. */
  readonly account: string;
  readonly rule: EventRule;
}

/** One list of a rule's `matchRules`, conditions that must all be met, and what else the rule asks for. */
interface Branch {
  readonly rule: EventRule;
  readonly conditions: readonly Condition[];
  readonly predicate: EventPredicate;
}

/**
 * One state of all rules of a deployment, made for matching; it never changes. Ten thousand rules match as fast as ten:
 * rules are filed by account, event name and literal parts of the resource, each index being made when it is first needed.
 */
export class RuleSet {
  readonly #rules = new Map<string, Map<string, EventRule>>();
  readonly #indexes = new Map<string, ResourceIndex<Branch>>();

  constructor(rules: Iterable<OwnedRule>) {
    for (const { account, rule } of rules) {
      const own = this.#rules.get(account) ?? new Map<string, EventRule>();
      this.#rules.set(account, own.set(rule.name, rule));
    }
  }

  get(account: string, name: string): EventRule | undefined {
    return this.#rules.get(account)?.get(name);
  }

  /** The rules of the account that the event becomes a message for, each of them once, by name. */
  match(account: string, event: BucketEvent): EventRule[] {
    if (event.eventName === undefined) return [];
    const resource = `${event.bucket}/${event.key}`;
    const matched = new Set<EventRule>();
    for (const { rule, conditions, predicate } of this.#index(account, event.eventName).candidates(resource)) {
      if (matched.has(rule) || !fromSource(rule, event)) continue;
      if (conditions.every((condition) => isMet(condition, resource)) && predicate(event)) matched.add(rule);
    }
    return [...matched].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  #index(account: string, eventName: string): ResourceIndex<Branch> {
    const key = `${account}/${eventName}`;
    let index = this.#indexes.get(key);
    if (index === undefined) {
      const rules = [...(this.#rules.get(account)?.values() ?? [])].filter((rule) => rule.enabled && firesFor(rule, eventName));
      const branches = rules.flatMap((rule) => branchesOf(rule));
      index = new ResourceIndex(branches.map((branch) => ({ literals: literalsOf(branch.conditions), value: branch })));
      this.#indexes.set(key, index);
    }
    return index;
  }
}

function branchesOf(rule: EventRule): Branch[] {
  const predicate = compileMatch(rule.match);
  return conditionLists(rule).map((conditions) => ({ rule, conditions, predicate }));
}

/** Which part of a rule keeps an event from becoming a message; undefined: none, it does. */
export function whyNot(rule: EventRule, event: BucketEvent): 'enabled' | 'eventTypes' | 'sources' | 'matchRules' | 'match' | undefined {
  if (!rule.enabled) return 'enabled';
  if (event.eventName === undefined || !firesFor(rule, event.eventName)) return 'eventTypes';
  if (!fromSource(rule, event)) return 'sources';
  const resource = `${event.bucket}/${event.key}`;
  const matches = conditionLists(rule).some((conditions) => conditions.every((condition) => isMet(condition, resource)));
  if (!matches) return 'matchRules';
  return compileMatch(rule.match)(event) ? undefined : 'match';
}

function firesFor(rule: EventRule, eventName: string): boolean {
  return rule.eventTypes.some((type) => (eventNamesOf(type) as readonly string[] | undefined)?.includes(eventName) === true);
}

function fromSource(rule: EventRule, event: BucketEvent): boolean {
  return rule.sources.length === 0 || rule.sources.includes(event.source);
}

/** A condition whose values say exactly what part of `bucket/key` they mean. */
export interface Condition extends Literals {
  readonly matchState: boolean;
}

/** The lists of conditions of a rule; a rule without any takes every object. */
export function conditionLists(rule: EventRule): readonly (readonly Condition[])[] {
  return rule.matchRules.length === 0 ? [[]] : rule.matchRules.map((list) => list.map(conditionOf));
}

/** A name or prefix without a slash is a bucket: that bucket, and not every bucket whose name begins so. */
function conditionOf({ matchState, name, prefix, suffix }: EventMatchRule): Condition {
  const whole = (text: string) => (text === '' || text.includes('/') ? text : `${text}/`);
  if (name !== undefined) return name.includes('/') ? { matchState, exact: name } : { matchState, prefix: whole(name) };
  return { matchState, ...(prefix !== undefined && { prefix: whole(prefix) }), ...(suffix !== undefined && { suffix }) };
}

/** Compared by UTF-16 code units, never normalised: keys are byte strings. Prefix and suffix may overlap in a short key. */
function isMet({ matchState, exact, prefix = '', suffix = '' }: Condition, resource: string): boolean {
  const fits = exact === undefined ? resource.startsWith(prefix) && resource.endsWith(suffix) : resource === exact;
  return fits === matchState;
}

/** What a resource must have to meet all conditions; the longest of each kind tells most. */
function literalsOf(conditions: readonly Condition[]): Literals {
  const positive = conditions.filter(({ matchState }) => matchState);
  const exact = positive.find((condition) => condition.exact !== undefined)?.exact;
  if (exact !== undefined) return { exact };
  const longest = (texts: readonly (string | undefined)[]) =>
    texts.reduce<string>((best, text = '') => (text.length > best.length ? text : best), '');
  return { prefix: longest(positive.map(({ prefix }) => prefix)), suffix: longest(positive.map(({ suffix }) => suffix)) };
}
