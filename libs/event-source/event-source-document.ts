import { place, readBoolean, readDocument, readList, readOneOf, readText, type Document } from '#event-rule/document-reader.js';
import { isSourceName } from '#event-rule/event-rule.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { EVENT_WAYS, type EventSource, type EventWay } from './event-source.js';

/** Everything of a source but its name, owner and secrets. */
export type EventSourceSettings = Omit<EventSource, 'name' | 'account' | 'credentials' | 'intakeToken' | 'version'> & {
  readonly accessKey?: string;
};

export const SOURCE_SECRETS = ['secretKey', 'intakeToken'] as const;
export type SourceSecret = (typeof SOURCE_SECRETS)[number];

/** What a PUT asks for. Settings are replaced as a whole; a secret that is absent stays as it is, null takes it away. */
export interface EventSourceChange {
  readonly settings: EventSourceSettings;
  readonly secrets: Readonly<Partial<Record<SourceSecret, string | null>>>;
}

const MEMBERS = [
  'endpoint',
  'credentials',
  'storeRegion',
  'region',
  'eventAccount',
  'buckets',
  'ways',
  'durableTarget',
  'fastTarget',
  'intakeToken',
  'inventory',
  'reconcileInterval',
];
/** Members that a source has when it is read back. */
const TOLERATED = ['name', 'secrets', 'createTime', 'lastModifyTime'];

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const MOST_BUCKETS = 1_000;
/** Seconds: a minute to 30 days. */
const RECONCILE_INTERVAL = [60, 2_592_000] as const;
const DEFAULT_RECONCILE_INTERVAL = 86_400;

/** @throws InvalidArgument */
export function checkSourceName(name: string): void {
  if (isSourceName(name)) return;
  const allowed = '1 to 64 letters, digits, dots, hyphens and underscores and starts with a letter or digit';
  throw new InvalidArgument('name', `The name of an event source has ${allowed}.`);
}

/**
 * Reads the document of a source; see `docs/event-sources.md`.
 *
 * @throws InvalidArgument that names the member. No message repeats a value: it might be a secret.
 */
export function readEventSource(name: string, json: unknown): EventSourceChange {
  checkSourceName(name);
  const document = readDocument(json, '', [...MEMBERS, ...TOLERATED]);
  if (document['name'] !== undefined) readOneOf(document['name'], 'name', [name]);
  const endpoint = optional(document['endpoint'], (value) => readEndpoint(value));
  const { accessKey, secretKey } = readCredentials(document['credentials']);
  if (accessKey !== undefined && endpoint === undefined) throw new InvalidArgument('endpoint', 'endpoint is needed where there are credentials.');
  const settings: EventSourceSettings = {
    ...(endpoint !== undefined && { endpoint }),
    ...(accessKey !== undefined && { accessKey }),
    ...readPlace(document),
    buckets: readBuckets(document['buckets'] ?? []),
    ways: readWays(document['ways'] ?? ['durable', 'fast'], accessKey !== undefined),
    ...readTargets(document),
    inventory: document['inventory'] === undefined ? false : readBoolean(document['inventory'], 'inventory'),
    reconcileInterval: readInterval(document['reconcileInterval'] ?? DEFAULT_RECONCILE_INTERVAL),
  };
  const intakeToken = readSecret(document, '', 'intakeToken', /^[\x21-\x7e]{8,256}$/, '8 to 256 printable characters without blanks');
  return { settings, secrets: { ...(secretKey !== undefined && { secretKey }), ...(intakeToken !== undefined && { intakeToken }) } };
}

/** Origin of an http URL, without a slash at the end. */
function readEndpoint(value: unknown): string {
  const text = readText(value, 'endpoint', 512);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (plain && /^https?:$/.test(url.protocol)) return url.origin;
  throw new InvalidArgument('endpoint', 'endpoint is the base URL of the store, http://host:port or https://host:port, without a path or a password.');
}

function readCredentials(value: unknown): { readonly accessKey?: string; readonly secretKey?: string | null } {
  if (value === undefined || value === null) return {};
  const document = readDocument(value, 'credentials', ['accessKey', 'secretKey']);
  const secretKey = readSecret(document, 'credentials', 'secretKey', /^[\x21-\x7e]{1,256}$/, '1 to 256 printable characters without blanks');
  const accessKey = readText(document['accessKey'], 'credentials.accessKey', 256);
  if (secretKey === null) throw new InvalidArgument('credentials.secretKey', 'credentials.secretKey goes with credentials: leave out both.');
  return { accessKey, ...(secretKey !== undefined && { secretKey }) };
}

function readSecret(document: Document, at: string, member: string, form: RegExp, allowed: string): string | null | undefined {
  const value = document[member];
  if (value === undefined || value === null) return value;
  if (typeof value === 'string' && form.test(value)) return value;
  throw new InvalidArgument(place(at, member), `${place(at, member)} is ${allowed}.`);
}

/** Where the store is, and where its events say that they come from. */
function readPlace(document: Document) {
  const region = optional(document['region'], (value) => readForm(value, 'region', /^[a-z0-9-]{1,64}$/, '1 to 64 lower-case letters, digits and hyphens'));
  const eventAccount = optional(document['eventAccount'], (value) => readForm(value, 'eventAccount', /^\d{16}$/, '16 digits'));
  const storeRegion = readForm(document['storeRegion'] ?? 'us-east-1', 'storeRegion', /^[A-Za-z0-9-]{1,64}$/, '1 to 64 letters, digits and hyphens');
  return { storeRegion, ...(region !== undefined && { region }), ...(eventAccount !== undefined && { eventAccount }) };
}

function readBuckets(value: unknown): readonly string[] {
  const allowed = 'the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens';
  const buckets = readList(value, 'buckets', MOST_BUCKETS).map((entry, index) => readForm(entry, `buckets[${index}]`, BUCKET, allowed));
  return [...new Set(buckets)];
}

function readWays(value: unknown, hasCredentials: boolean): readonly EventWay[] {
  const given = readList(value, 'ways', EVENT_WAYS.length).map((entry, index) => readOneOf(entry, `ways[${index}]`, EVENT_WAYS));
  if (given.includes('listen') && !hasCredentials) throw new InvalidArgument('ways', 'ways: listen needs an endpoint and credentials.');
  return EVENT_WAYS.filter((way) => given.includes(way));
}

function readTargets(document: Document): { readonly durableTarget: string; readonly fastTarget: string } {
  const allowed = 'the id of a webhook target: 1 to 32 capital letters, digits and underscores, a letter first';
  const read = (member: string, unset: string) => readForm(document[member] ?? unset, member, /^[A-Z][A-Z0-9_]{0,31}$/, allowed);
  const [durableTarget, fastTarget] = [read('durableTarget', 'MAGPIE'), read('fastTarget', 'MAGPIEFAST')];
  if (durableTarget === fastTarget) throw new InvalidArgument('fastTarget', 'fastTarget is another target than durableTarget.');
  return { durableTarget, fastTarget };
}

function readInterval(value: unknown): number {
  const [low, high] = RECONCILE_INTERVAL;
  const fits = typeof value === 'number' && Number.isInteger(value) && (value === 0 || (value >= low && value <= high));
  if (fits) return value;
  throw new InvalidArgument('reconcileInterval', `reconcileInterval is 0 for none, or ${low} to ${high} seconds.`);
}

function readForm(value: unknown, at: string, form: RegExp, allowed: string): string {
  if (typeof value === 'string' && form.test(value)) return value;
  throw new InvalidArgument(at, `${at} is ${allowed}.`);
}

/** null says the same as leaving a member out: it has its default. */
function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}
