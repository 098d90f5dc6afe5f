import { isIP } from 'node:net';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { place, readBoolean, readDocument, readList, readOneOf, readText, type Document } from './document-reader.js';

/**
 * Conditions beyond what OSS has, on anything that an event tells: at least one entry of `any` must be met, all of its conditions.
 * They apply in addition to `matchRules`.
 */
export interface EventMatch {
  readonly any: readonly { readonly all: readonly EventCondition[] }[];
}

/** One condition; `not` turns it round, also where the event lacks what it is about. */
export type EventCondition = { readonly not?: boolean } & (
  | { readonly key: TextCondition }
  | { readonly contentType: TextCondition }
  | { readonly principal: TextCondition }
  | { readonly userAgent: TextCondition }
  /** User metadata; the name without `x-amz-meta-`, in any letters. */
  | { readonly meta: NamedCondition }
  /** A tag of the object, which most stores do not tell: the bridge asks the source for it. Its name as it is. */
  | { readonly tag: NamedCondition }
  /** Bytes. */
  | { readonly size: SizeCondition }
  | { readonly sourceIp: { readonly cidr: readonly string[] } }
  | { readonly versioned: boolean }
);

/** All that is given must fit. In `wildcard` a star is any run of characters, a question mark one; a backslash takes their meaning away. */
export interface TextCondition {
  readonly exact?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly contains?: string;
  readonly wildcard?: string;
  readonly ignoreCase?: boolean;
}

/** A condition on one of several named texts. */
export interface NamedCondition extends TextCondition {
  readonly name: string;
  readonly exists?: boolean;
}

export interface SizeCondition {
  readonly gt?: number;
  readonly gte?: number;
  readonly lt?: number;
  readonly lte?: number;
}

const FIELDS = ['key', 'contentType', 'principal', 'userAgent', 'meta', 'tag', 'size', 'sourceIp', 'versioned'] as const;
const TESTS = ['exact', 'prefix', 'suffix', 'contains', 'wildcard'] as const;
const COMPARISONS = ['gt', 'gte', 'lt', 'lte'] as const;
const TEXT_LENGTH = 1_200;

/** Whether a match can only be decided with the tags of the object. */
export function asksTags(match: EventMatch | undefined): boolean {
  return match?.any.some(({ all }) => all.some((condition) => 'tag' in condition)) === true;
}

/** @throws InvalidArgument that names the member */
export function readEventMatch(value: unknown, at: string): EventMatch {
  const { any } = readDocument(value, at, ['any']);
  return {
    any: readList(any, `${at}.any`, 100).map((entry, outer) => {
      const inside = `${at}.any[${outer}]`;
      const { all } = readDocument(entry, inside, ['all']);
      return { all: readList(all, `${inside}.all`, 50).map((condition, inner) => readCondition(condition, `${inside}.all[${inner}]`)) };
    }),
  };
}

function readCondition(value: unknown, at: string): EventCondition {
  const document = readDocument(value, at, ['not', ...FIELDS]);
  const fields = FIELDS.filter((field) => document[field] !== undefined);
  if (fields.length !== 1) throw new InvalidArgument(at, `${at} has exactly one of ${FIELDS.join(', ')}.`);
  const field = readOneOf(fields[0], at, FIELDS);
  const not = document['not'] === undefined ? {} : { not: readBoolean(document['not'], `${at}.not`) };
  return { ...not, [field]: readField(field, document[field], place(at, field)) } as EventCondition;
}

function readField(field: (typeof FIELDS)[number], value: unknown, at: string): unknown {
  switch (field) {
    case 'versioned':
      return readBoolean(value, at);
    case 'size':
      return readSize(value, at);
    case 'sourceIp':
      return { cidr: readList(readDocument(value, at, ['cidr'])['cidr'], `${at}.cidr`, 50).map((entry, index) => readCidr(entry, `${at}.cidr[${index}]`)) };
    case 'meta':
      return readNamed(value, at, (name) => name.toLowerCase().replace(/^x-(amz|oss)-meta-/, ''));
    case 'tag':
      return readNamed(value, at, (name) => name);
    case 'key':
    case 'contentType':
    case 'principal':
    case 'userAgent':
      return readTests(readDocument(value, at, [...TESTS, 'ignoreCase']), at, true);
  }
}

function readTests(document: Document, at: string, needed: boolean): TextCondition {
  const tests = TESTS.filter((test) => document[test] !== undefined).map((test) => [test, readText(document[test], place(at, test), TEXT_LENGTH)]);
  if (needed && tests.length === 0) throw new InvalidArgument(at, `${at} has at least one of ${TESTS.join(', ')}.`);
  const ignoreCase = document['ignoreCase'] === undefined ? {} : { ignoreCase: readBoolean(document['ignoreCase'], place(at, 'ignoreCase')) };
  return { ...(Object.fromEntries(tests) as TextCondition), ...ignoreCase };
}

function readNamed(value: unknown, at: string, canonical: (name: string) => string): NamedCondition {
  const document = readDocument(value, at, ['name', 'exists', ...TESTS, 'ignoreCase']);
  const name = canonical(readText(document['name'], place(at, 'name'), 256));
  if (document['exists'] === undefined) return { name, ...readTests(document, at, true) };
  return { name, exists: readBoolean(document['exists'], place(at, 'exists')), ...readTests(document, at, false) };
}

function readSize(value: unknown, at: string): SizeCondition {
  const document = readDocument(value, at, COMPARISONS);
  const given = COMPARISONS.filter((comparison) => document[comparison] !== undefined);
  if (given.length === 0) throw new InvalidArgument(at, `${at} has at least one of ${COMPARISONS.join(', ')}.`);
  for (const comparison of given) {
    const bytes = document[comparison];
    if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) {
      throw new InvalidArgument(place(at, comparison), `${place(at, comparison)} is a whole number of bytes.`);
    }
  }
  return document;
}

function readCidr(value: unknown, at: string): string {
  const cidr = readText(value, at, 64);
  const [address = '', bits] = cidr.split('/');
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  const valid = family !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)) && cidr.split('/').length <= 2;
  if (!valid) throw new InvalidArgument(at, `${at} is an address or a network such as 10.1.0.0/16.`);
  return cidr;
}
