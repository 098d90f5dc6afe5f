import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readBoolean, readDocument, readList, readOneOf, readText, type Document } from './document-reader.js';
import { readEventMatch, type EventMatch } from './event-match.js';
import { EVENT_TYPES } from './event-name.js';
import { readRuleEndpoint, type EventRuleEndpoint } from './rule-endpoint.js';
import { MESSAGE_MEMBERS, readRuleMessage, type RuleMessage } from './rule-message.js';

/** One condition on the resource `bucket/key`. `name` is the whole of it; `prefix` and `suffix` must both fit where both are given. */
export interface EventMatchRule {
  /** false: the condition must not be met. */
  readonly matchState: boolean;
  readonly name?: string;
  readonly prefix?: string;
  readonly suffix?: string;
}

/** Says which bucket events become messages, and where these go. The document is described in `docs/event-rules.md`. */
export interface EventRule extends RuleMessage {
  readonly name: string;
  readonly enabled: boolean;
  /** Types of OSS without `oss:`, groups as `Group:*`. */
  readonly eventTypes: readonly string[];
  /** At least one list must be met, all conditions of it. Empty: every object. */
  readonly matchRules: readonly (readonly EventMatchRule[])[];
  readonly endpoint: EventRuleEndpoint;
  /** Conditions on other things than names, in addition to `matchRules`. */
  readonly match?: EventMatch;
  /** Names of event sources. Empty: all of them. */
  readonly sources: readonly string[];
}

const RULE_NAME = /^[A-Za-z][A-Za-z0-9-]{0,84}$/;
const SOURCE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** `acs:oss:<region>:<account>:` in front of a resource says nothing here: a source knows neither. */
const RESOURCE_HEAD = /^acs:oss:[^:]*:[^:]*:/;
/** Longest resource in characters: bucket, slash, key, and room for a head. */
const RESOURCE_LENGTH = 1_200;

const MEMBERS = ['eventTypes', 'matchRules', 'match', 'endpoint', 'endpoints', 'deliveryMode', 'sources', 'enabled', ...MESSAGE_MEMBERS];
/** Members of CreateEventRule that say nothing new here, and those that a rule has when it is read back. */
const TOLERATED = ['productName', 'ruleName', 'clientToken', 'name', 'status', 'warnings'];

export function isSourceName(name: string): boolean {
  return SOURCE_NAME.test(name);
}

/**
 * Reads the document of a rule: the members of Mns-open's CreateEventRule in lower camel case, and our own.
 * An endpoint given as ARN must belong to `account`, when that is given.
 *
 * @throws InvalidArgument that names the member.
 */
export function readEventRule(name: string, json: unknown, account?: string): EventRule {
  if (!RULE_NAME.test(name)) {
    throw new InvalidArgument('ruleName', 'ruleName starts with a letter and goes on with letters, digits and hyphens, 85 characters at the most.');
  }
  const document = readDocument(json, '', [...MEMBERS, ...TOLERATED]);
  for (const member of ['ruleName', 'name']) if (document[member] !== undefined) readOneOf(document[member], member, [name]);
  if (document['productName'] !== undefined) readOneOf(document['productName'], 'productName', ['oss']);
  const endpoint = readRuleEndpoint(document, account);
  return {
    name,
    enabled: document['enabled'] === undefined ? true : readBoolean(document['enabled'], 'enabled'),
    eventTypes: readEventTypes(document['eventTypes']),
    matchRules: readMatchRules(document['matchRules'] ?? []),
    ...(document['match'] !== undefined && { match: readEventMatch(document['match'], 'match') }),
    endpoint,
    sources: readSources(document['sources'] ?? []),
    ...readRuleMessage(document, endpoint.endpointType),
  };
}

function readEventTypes(value: unknown): readonly string[] {
  const types = readList(value, 'eventTypes', 50).map((entry, index) => {
    const type = readText(entry, `eventTypes[${index}]`, 100).replace(/^oss:/, '');
    return readOneOf(type, `eventTypes[${index}]`, EVENT_TYPES);
  });
  if (types.length === 0) throw new InvalidArgument('eventTypes', 'eventTypes names at least one event type.');
  return [...new Set(types)];
}

function readMatchRules(value: unknown): readonly (readonly EventMatchRule[])[] {
  return readList(value, 'matchRules', 100).map((list, outer) => {
    const at = `matchRules[${outer}]`;
    return readList(list, at, 50).map((entry, inner) => readMatchRule(entry, `${at}[${inner}]`));
  });
}

function readMatchRule(value: unknown, at: string): EventMatchRule {
  const document = readDocument(value, at, ['matchState', 'name', 'prefix', 'suffix']);
  const [name, prefix, suffix] = [readResource(document, 'name', at), readResource(document, 'prefix', at), readResource(document, 'suffix', at)];
  if (name !== undefined && (prefix !== undefined || suffix !== undefined)) {
    throw new InvalidArgument(`${at}.name`, `${at}.name excludes prefix and suffix.`);
  }
  if (name === undefined && prefix === undefined && suffix === undefined) {
    throw new InvalidArgument(at, `${at} has a name, a prefix or a suffix.`);
  }
  return {
    matchState: document['matchState'] === undefined ? true : readBoolean(document['matchState'], `${at}.matchState`),
    ...(name !== undefined && { name }),
    ...(prefix !== undefined && { prefix }),
    ...(suffix !== undefined && { suffix }),
  };
}

/** An empty prefix or suffix is allowed and fits everything; an empty string is how some callers leave a member out. */
function readResource(document: Document, member: 'name' | 'prefix' | 'suffix', at: string): string | undefined {
  const value = document[member];
  if (value === undefined || (value === '' && member !== 'name')) return value;
  const resource = readText(value, `${at}.${member}`, RESOURCE_LENGTH).replace(RESOURCE_HEAD, '');
  if (resource === '' && member === 'name') throw new InvalidArgument(`${at}.name`, `${at}.name names a bucket or an object.`);
  return resource;
}

function readSources(value: unknown): readonly string[] {
  return readList(value, 'sources', 100).map((entry, index) => {
    const at = `sources[${index}]`;
    if (!isSourceName(readText(entry, at, 64))) throw new InvalidArgument(at, `${at} is not the name of an event source.`);
    return entry as string;
  });
}
