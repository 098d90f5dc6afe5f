import { BlockList, isIP } from 'node:net';
import type { BucketEvent } from './bucket-event.js';
import type { EventCondition, EventMatch, NamedCondition, SizeCondition, TextCondition } from './event-match.js';

export type EventPredicate = (event: BucketEvent) => boolean;

/** Prepares a rule's `match` for many events. An empty `any` matches everything, as an absent `match` does. */
export function compileMatch(match: EventMatch | undefined): EventPredicate {
  if (match === undefined || match.any.length === 0) return () => true;
  const lists = match.any.map(({ all }) => all.map(compileCondition));
  return (event) => lists.some((conditions) => conditions.every((condition) => condition(event)));
}

/** One condition, turned round where it says so. */
export function compileCondition(condition: EventCondition): EventPredicate {
  const predicate = predicateOf(condition);
  return condition.not === true ? (event) => !predicate(event) : predicate;
}

function predicateOf(condition: EventCondition): EventPredicate {
  if ('key' in condition) return (event) => fitsText(event.key, condition.key);
  if ('contentType' in condition) return (event) => fitsText(event.contentType, condition.contentType);
  if ('principal' in condition) return (event) => fitsText(event.principalId || undefined, condition.principal);
  if ('userAgent' in condition) return (event) => fitsText(event.userAgent || undefined, condition.userAgent);
  if ('size' in condition) return (event) => fitsSize(event, condition.size);
  if ('versioned' in condition) return (event) => (event.versionId !== undefined && event.versionId !== 'null') === condition.versioned;
  if ('sourceIp' in condition) return within(condition.sourceIp.cidr);
  if ('meta' in condition) return named(condition.meta, metadataOf);
  return named(condition.tag, ({ tags }, name) => (tags !== undefined && Object.hasOwn(tags, name) ? tags[name] : undefined));
}

function named({ name, exists, ...tests }: NamedCondition, valueOf: (event: BucketEvent, name: string) => string | undefined): EventPredicate {
  return (event) => {
    const value = valueOf(event, name);
    if (exists !== undefined && (value !== undefined) !== exists) return false;
    return Object.keys(tests).length === 0 || exists === false || fitsText(value, tests);
  };
}

export function fitsText(given: string | undefined, { ignoreCase = false, ...tests }: TextCondition): boolean {
  if (given === undefined) return false;
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  const text = fold(given);
  const { exact, prefix, suffix, contains, wildcard } = tests;
  return (
    (exact === undefined || text === fold(exact)) &&
    (prefix === undefined || text.startsWith(fold(prefix))) &&
    (suffix === undefined || text.endsWith(fold(suffix))) &&
    (contains === undefined || text.includes(fold(contains))) &&
    (wildcard === undefined || fitsWildcard(text, fold(wildcard)))
  );
}

/** The removal of an object does not tell how large it was. */
function fitsSize({ size, eventName }: BucketEvent, { gt, gte, lt, lte }: SizeCondition): boolean {
  if (eventName?.startsWith('ObjectRemoved:') === true) return false;
  return (gt === undefined || size > gt) && (gte === undefined || size >= gte) && (lt === undefined || size < lt) && (lte === undefined || size <= lte);
}

function within(networks: readonly string[]): EventPredicate {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family);
  }
  return ({ sourceIpAddress }) => {
    const family = isIP(sourceIpAddress);
    return family !== 0 && list.check(sourceIpAddress, family === 4 ? 'ipv4' : 'ipv6');
  };
}

function metadataOf({ userMetadata }: BucketEvent, name: string): string | undefined {
  const entry = Object.entries(userMetadata ?? {}).find(([given]) => given.toLowerCase() === `x-amz-meta-${name}`);
  return entry?.[1];
}

/**
 * Star: any run of characters, slashes and line ends included. Question mark: one character, however many bytes it has. On a
 * mismatch only the last star is tried longer, so the time is at most the product of both lengths.
 */
export function fitsWildcard(text: string, pattern: string): boolean {
  const characters = [...text];
  const parts = [...pattern.matchAll(/\\[^]|[^]/gu)].map(([part]) => part);
  let [at, part, star, retry] = [0, 0, -1, 0];
  while (at < characters.length) {
    const wanted = parts[part];
    if (wanted === '*') {
      star = part;
      retry = at;
      part += 1;
    } else if (wanted !== undefined && (wanted === '?' || literal(wanted) === characters[at])) {
      at += 1;
      part += 1;
    } else if (star !== -1) {
      part = star + 1;
      retry += 1;
      at = retry;
    } else return false;
  }
  while (parts[part] === '*') part += 1;
  return part === parts.length;
}

/** A backslash at the very end stands for itself. */
function literal(part: string): string {
  return part.startsWith('\\') && part.length > 1 ? part.slice(1) : part;
}
