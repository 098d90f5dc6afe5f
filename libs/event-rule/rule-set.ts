import type { BucketEvent } from './bucket-event.js';
import { asksTags } from './event-match.js';
import { compileMatch, type EventPredicate } from './event-matcher.js';
import { eventNamesOf, REPLICATED } from './event-name.js';
import type { EventRule } from './event-rule.js';
import { conditionLists, isMet, literalsOf, type Condition } from './resource-condition.js';
import { ResourceIndex } from './resource-index.js';

export interface OwnedRule {
  /** 16 digits: whose events the rule sees, and whose topics and queues it sends to. */
  readonly account: string;
  readonly rule: EventRule;
}

/** A rule that was put or, without `rule`, deleted. */
export interface RuleChange {
  readonly account: string;
  readonly name: string;
  readonly rule?: EventRule;
}

/** One list of a rule's `matchRules`, conditions that must all be met, and what else the rule asks for. */
interface Branch {
  readonly rule: EventRule;
  readonly conditions: readonly Condition[];
  readonly predicate: EventPredicate;
}

/** Changed rules that are kept beside an index of all others; with more of them a new index is made. */
const MOST_CHANGED = 256;

/**
 * One state of all rules of a deployment, made for matching; it never changes. Ten thousand rules match as fast as ten:
 * rules are filed by account, event name and literal parts of the resource, each index being made when it is first needed.
 *
 * A state that differs from another in a few rules shares that one's indexes, so that a change costs the same among ten thousand rules.
 */
export class RuleSet {
  private constructor(
    private readonly base: IndexedRules,
    /** Rules that differ from the base, by `account/name`; undefined: deleted. */
    private readonly changed: ReadonlyMap<string, RuleChange>,
    private readonly overlay: IndexedRules,
  ) {}

  static of(rules: Iterable<OwnedRule>): RuleSet {
    return new RuleSet(new IndexedRules(rules), new Map(), new IndexedRules([]));
  }

  /** The state after these changes. */
  with(changes: Iterable<RuleChange>): RuleSet {
    const changed = new Map(this.changed);
    for (const change of changes) changed.set(`${change.account}/${change.name}`, change);
    const present = [...changed.values()].flatMap(({ account, rule }) => (rule === undefined ? [] : [{ account, rule }]));
    if (changed.size <= MOST_CHANGED) return new RuleSet(this.base, changed, new IndexedRules(present));
    const unchanged = [...this.base.all()].filter(({ account, rule }) => !changed.has(`${account}/${rule.name}`));
    return RuleSet.of([...unchanged, ...present]);
  }

  get(account: string, name: string): EventRule | undefined {
    const change = this.changed.get(`${account}/${name}`);
    return change === undefined ? this.base.get(account, name) : change.rule;
  }

  /** The rules of the account that the event becomes a message for, each of them once, by name. */
  match(account: string, event: BucketEvent): EventRule[] {
    const matched = new Set<EventRule>();
    for (const { rule, predicate } of this.#candidates(account, event)) if (!matched.has(rule) && predicate(event)) matched.add(rule);
    return [...matched].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** The rules that can only be decided with the tags of the object, which the event does not have. */
  askingTags(account: string, event: BucketEvent): EventRule[] {
    if (event.tags !== undefined || !(this.base.askTags || this.overlay.askTags)) return [];
    return [...new Set(this.#candidates(account, event).map(({ rule }) => rule).filter(({ match }) => asksTags(match)))];
  }

  /** What fits in all but `match`. */
  #candidates(account: string, event: BucketEvent): Branch[] {
    const { eventName } = event;
    if (eventName === undefined) return [];
    const resource = `${event.bucket}/${event.key}`;
    const base = this.base.candidates(account, eventName, resource);
    const valid = this.changed.size === 0 ? base : base.filter(({ rule }) => !this.changed.has(`${account}/${rule.name}`));
    return [...valid, ...this.overlay.candidates(account, eventName, resource)].filter(
      ({ rule, conditions }) => isFromSource(rule, event) && isTold(rule, event) && conditions.every((condition) => isMet(condition, resource)),
    );
  }
}

class IndexedRules {
  readonly #rules = new Map<string, Map<string, EventRule>>();
  readonly #indexes = new Map<string, ResourceIndex<Branch>>();
  /** Whether any of them asks for tags of objects: mostly none does, and then nobody is looked for that might. */
  readonly askTags: boolean;

  constructor(rules: Iterable<OwnedRule>) {
    let askTags = false;
    for (const { account, rule } of rules) {
      const own = this.#rules.get(account) ?? new Map<string, EventRule>();
      this.#rules.set(account, own.set(rule.name, rule));
      askTags ||= asksTags(rule.match);
    }
    this.askTags = askTags;
  }

  get(account: string, name: string): EventRule | undefined {
    return this.#rules.get(account)?.get(name);
  }

  *all(): Generator<OwnedRule> {
    for (const [account, rules] of this.#rules) for (const rule of rules.values()) yield { account, rule };
  }

  candidates(account: string, eventName: string, resource: string): Branch[] {
    const rules = this.#rules.get(account);
    if (rules === undefined) return [];
    const key = `${account}/${eventName}`;
    let index = this.#indexes.get(key);
    if (index === undefined) {
      const branches = [...rules.values()].filter((rule) => rule.enabled && firesFor(rule, eventName)).flatMap((rule) => branchesOf(rule));
      index = new ResourceIndex(branches.map((branch) => ({ literals: literalsOf(branch.conditions), value: branch })));
      this.#indexes.set(key, index);
    }
    return index.candidates(resource);
  }
}

function branchesOf(rule: EventRule): Branch[] {
  const predicate = compileMatch(rule.match);
  return conditionLists(rule).map((conditions) => ({ rule, conditions, predicate }));
}

export function firesFor(rule: EventRule, eventName: string): boolean {
  return rule.eventTypes.some((type) => (eventNamesOf(type) as readonly string[] | undefined)?.includes(eventName) === true);
}

export function isFromSource(rule: EventRule, event: BucketEvent): boolean {
  return rule.sources.length === 0 || rule.sources.includes(event.source);
}

/** Whether the rule's `mapping` makes a message of the event. */
export function isTold({ mapping }: EventRule, { s3EventName }: BucketEvent): boolean {
  if (s3EventName === REPLICATED) return mapping?.replication === 'source';
  return s3EventName !== 'ObjectRemoved:DeleteMarkerCreated' || mapping?.deleteMarkers !== 'drop';
}
