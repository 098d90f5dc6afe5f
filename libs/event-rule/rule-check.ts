import type { EventCondition, NamedCondition, SizeCondition, TextCondition } from './event-match.js';
import { fitsText } from './event-matcher.js';
import type { EventRule } from './event-rule.js';
import { unknownPlaceholders } from './message-tag.js';
import { compatible, conditionLists, isMet, literalsOf, type Condition } from './resource-condition.js';

/** What is odd about a rule. */
export interface RuleCheck {
  /** The rule can never match: the member at fault, and why. */
  readonly contradiction?: { readonly at: string; readonly reason: string };
  /** What its author should know; each names the member. */
  readonly warnings: readonly string[];
}

type Fault = { readonly at: string; readonly reason: string };

/** Event types that no store reports, or few. */
const RARE: Readonly<Record<string, string>> = {
  'ObjectCreated:AppendObject': 'no S3-compatible store reports it',
  'ObjectCreated:PutSymlink': 'no S3-compatible store reports it',
  'ObjectCreated:UploadPart': 'no S3-compatible store reports it',
  'ObjectCreated:UploadPartCopy': 'no S3-compatible store reports it',
  'ObjectCreated:Mirror': 'no S3-compatible store reports it',
  'ObjectCreated:InitiateMultipartUpload': 'only Ceph reports it',
  'ObjectRemoved:AbortMultipartUpload': 'no S3-compatible store reports it',
  'ObjectReplication:ObjectModified': 'no S3-compatible store reports it',
};

/** Looks for conditions that no event can meet and for events that never come. Stored rules are not checked: they go on as they are. */
export function checkRule(rule: EventRule): RuleCheck {
  const lists = conditionLists(rule);
  const listFaults = lists.map((conditions, index) => faultOfList(conditions, `matchRules[${index}]`));
  const entries = rule.match?.any ?? [];
  const entryFaults = entries.map(({ all }, index) => faultOfEntry(all, `match.any[${index}]`, rule, lists));
  const contradiction = firstWhenAll(listFaults) ?? firstWhenAll(entryFaults);
  if (contradiction !== undefined) return { contradiction, warnings: [] };
  const partial = [...listFaults, ...entryFaults].filter((fault) => fault !== undefined);
  return {
    warnings: [...partial.map(({ at, reason }) => `${at} can never be met: ${reason}`), ...warningsOfTypes(rule), ...warningsOfTag(rule)],
  };
}

function firstWhenAll(faults: readonly (Fault | undefined)[]): Fault | undefined {
  return faults.includes(undefined) ? undefined : faults[0];
}

/** Conditions of one list of `matchRules`. */
function faultOfList(conditions: readonly Condition[], at: string): Fault | undefined {
  const positive = conditions.filter(({ matchState }) => matchState);
  const headless = positive.findIndex(({ exact, prefix }) => (exact ?? prefix ?? '').startsWith('/'));
  if (headless !== -1) return { at, reason: 'a resource begins with a bucket, never with a slash' };
  if (positive.some(({ exact }) => exact?.endsWith('/') === true && exact.indexOf('/') === exact.length - 1)) {
    return { at, reason: 'it names a bucket and no key; for the whole bucket leave the slash away' };
  }
  if (positive.some((one, index) => positive.slice(index + 1).some((other) => !compatible(one, other)))) {
    return { at, reason: 'no resource meets all of its conditions' };
  }
  const known = literalsOf(conditions);
  const excluded = conditions.some((condition) => !condition.matchState && excludes(condition, known));
  return excluded ? { at, reason: 'a condition with matchState false excludes what the others ask for' } : undefined;
}

/** Whether everything with these literal parts fits a condition that must not be met. */
function excludes(condition: Condition, { exact, prefix = '', suffix = '' }: ReturnType<typeof literalsOf>): boolean {
  if (exact !== undefined) return !isMet(condition, exact);
  return condition.exact === undefined && prefix.startsWith(condition.prefix ?? '') && suffix.endsWith(condition.suffix ?? '');
}

/** Conditions of one entry of `match.any`. */
function faultOfEntry(all: readonly EventCondition[], at: string, rule: EventRule, lists: readonly (readonly Condition[])[]): Fault | undefined {
  const plain = all.filter(({ not }) => not !== true);
  const sizes = plain.flatMap((condition) => ('size' in condition ? [condition.size] : []));
  if (isEmptyRange(sizes)) return { at, reason: 'no size is within its limits' };
  for (const [what, tests] of textsOf(plain)) if (contradict(tests)) return { at, reason: `no ${what} meets all of its conditions` };
  if (new Set(plain.flatMap((condition) => ('versioned' in condition ? [condition.versioned] : []))).size > 1) {
    return { at, reason: 'an object has a version or has none' };
  }
  if (all.some((one) => one.not === true && plain.some((other) => isOpposite(one, other)))) {
    return { at, reason: 'it asks for a condition and its opposite' };
  }
  if (rule.eventTypes.every((type) => type.startsWith('ObjectRemoved:')) && plain.some(isUnknownForRemovals)) {
    return { at, reason: 'removals tell neither size nor type nor metadata' };
  }
  const keys = plain.flatMap((condition) => ('key' in condition && condition.key.ignoreCase !== true ? [condition.key] : []));
  const reachable = lists.some((list) => keys.every((key) => keyFitsList(key, list)));
  return reachable ? undefined : { at, reason: 'its key is excluded by matchRules' };
}

function isEmptyRange(sizes: readonly SizeCondition[]): boolean {
  const least = Math.max(0, ...sizes.flatMap(({ gt, gte }) => [gt === undefined ? 0 : gt + 1, gte ?? 0]));
  const most = Math.min(...sizes.flatMap(({ lt, lte }) => [lt === undefined ? Infinity : lt - 1, lte ?? Infinity]));
  return least > most;
}

/** All tests on the same text, by what it is. */
function textsOf(conditions: readonly EventCondition[]): Map<string, TextCondition[]> {
  const texts = new Map<string, TextCondition[]>();
  const add = (what: string, tests: TextCondition) => texts.set(what, [...(texts.get(what) ?? []), tests]);
  for (const condition of conditions) {
    if ('key' in condition) add('key', condition.key);
    if ('contentType' in condition) add('contentType', condition.contentType);
    if ('principal' in condition) add('principal', condition.principal);
    if ('userAgent' in condition) add('userAgent', condition.userAgent);
    if ('meta' in condition) add(`metadata ${condition.meta.name}`, presence(condition.meta));
    if ('tag' in condition) add(`tag ${condition.tag.name}`, presence(condition.tag));
  }
  return texts;
}

function presence({ name: _name, exists, ...tests }: NamedCondition): TextCondition & { exists?: boolean } {
  return { ...tests, exists: exists ?? true };
}

function contradict(tests: readonly (TextCondition & { readonly exists?: boolean })[]): boolean {
  if (new Set(tests.map(({ exists }) => exists)).size > 1) return true;
  if (tests.some(({ exists }) => exists === false)) return false;
  const exact = tests.find((test) => test.exact !== undefined && test.ignoreCase !== true)?.exact;
  if (exact !== undefined) return tests.some(({ exists: _exists, ...test }) => !fitsText(exact, test));
  const literal = tests.filter(({ ignoreCase }) => ignoreCase !== true);
  return literal.some((one, index) => literal.slice(index + 1).some((other) => !compatible(partsOf(one), partsOf(other))));
}

/** Of prefix and suffix alone; an exact text was looked at before. */
function partsOf({ prefix, suffix }: TextCondition): { prefix?: string; suffix?: string } {
  return { ...(prefix !== undefined && { prefix }), ...(suffix !== undefined && { suffix }) };
}

function isOpposite(one: EventCondition, other: EventCondition): boolean {
  return JSON.stringify({ ...one, not: undefined }) === JSON.stringify({ ...other, not: undefined });
}

function isUnknownForRemovals(condition: EventCondition): boolean {
  if ('meta' in condition || 'tag' in condition) return presenceNeeded('meta' in condition ? condition.meta : condition.tag);
  return 'size' in condition || 'contentType' in condition;
}

function presenceNeeded({ exists }: NamedCondition): boolean {
  return exists !== false;
}

/** Whether a key test and a list of `matchRules` leave something over. Where the list says only how the resource ends, all is possible. */
function keyFitsList({ exact, prefix }: TextCondition, list: readonly Condition[]): boolean {
  const { exact: resource, prefix: wanted = '', suffix = '' } = literalsOf(list);
  const keyOf = (text: string) => (text.includes('/') ? text.slice(text.indexOf('/') + 1) : '');
  if (resource !== undefined) return (exact === undefined || keyOf(resource) === exact) && keyOf(resource).startsWith(prefix ?? '');
  const begin = keyOf(wanted);
  if (exact !== undefined) return exact.startsWith(begin) && (suffix.length > exact.length || exact.endsWith(suffix));
  return prefix === undefined || prefix.startsWith(begin) || begin.startsWith(prefix);
}

function warningsOfTypes({ eventTypes, mapping }: EventRule): string[] {
  const warnings = eventTypes.flatMap((type, index) => (RARE[type] ? [`eventTypes[${index}] ${type} may never come: ${RARE[type]}`] : []));
  const replicated = eventTypes.findIndex((type) => /^ObjectReplication:(\*|ObjectCreated|ObjectRemoved)$/.test(type));
  if (replicated !== -1 && mapping?.replication !== 'source') {
    warnings.push(`eventTypes[${replicated}] ${eventTypes[replicated]} may never come: only Ceph reports it, others where mapping.replication is source`);
  }
  return warnings;
}

function warningsOfTag({ messageTag }: EventRule): string[] {
  const unknown = messageTag === undefined ? [] : unknownPlaceholders(messageTag);
  return unknown.map((text) => `messageTag: ${text} is no placeholder and stays as it is`);
}
