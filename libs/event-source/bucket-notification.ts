import { escapeXml, unescapeXml } from './xml-text.js';

/** One entry of a bucket's notification configuration that the hub wants: a target, all keys. */
export interface NotificationEntry {
  readonly id: string;
  readonly arn: string;
  /** Names of S3 with `s3:`. */
  readonly events: readonly string[];
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const ENTRY = /<(QueueConfiguration|TopicConfiguration|CloudFunctionConfiguration)>[\s\S]*?<\/\1>/g;

/** First part of the ids of a source's entries: whatever begins so is replaced, everything else is somebody else's. */
export function entryPrefix(source: string): string {
  return `magpie.${source}.`;
}

/**
 * The document with the entries of the source replaced by these; other entries are taken over letter by letter, filters and all.
 * Filters are never set: stores read `*` and `?` in them as wildcards, rules do not.
 */
export function withEntries(document: string, source: string, entries: readonly NotificationEntry[]): string {
  const others = (document.match(ENTRY) ?? []).filter((entry) => !idOf(entry).startsWith(entryPrefix(source)));
  return `<NotificationConfiguration xmlns="${NAMESPACE}">${[...others, ...entries.map(write)].join('')}</NotificationConfiguration>`;
}

/** The entries of the source as the document has them. */
export function ownEntries(document: string, source: string): NotificationEntry[] {
  const own = (document.match(ENTRY) ?? []).filter((entry) => idOf(entry).startsWith(entryPrefix(source)));
  return own.map((entry) => ({ id: idOf(entry), arn: textOf(entry, 'Queue')[0] ?? '', events: textOf(entry, 'Event') }));
}

export function countForeign(document: string, source: string): number {
  return (document.match(ENTRY) ?? []).length - ownEntries(document, source).length;
}

/**
 * Whether the document has these entries of the source and no others. A store may write its region into an ARN that was given
 * without one.
 */
export function hasEntries(document: string, source: string, entries: readonly NotificationEntry[]): boolean {
  const form = ({ id, arn, events }: NotificationEntry): string => JSON.stringify([id, targetOf(arn), [...events].sort()]);
  const found = ownEntries(document, source).map(form).sort();
  return JSON.stringify(found) === JSON.stringify(entries.map(form).sort());
}

/** `arn:minio:sqs:<region>:<target>:webhook` without its region. */
function targetOf(arn: string): string {
  const parts = arn.split(':');
  return parts.map((part, index) => (index === 3 ? '' : part)).join(':');
}

function write({ id, arn, events }: NotificationEntry): string {
  const written = events.map((event) => `<Event>${escapeXml(event)}</Event>`).join('');
  return `<QueueConfiguration><Id>${escapeXml(id)}</Id>${written}<Queue>${escapeXml(arn)}</Queue></QueueConfiguration>`;
}

function idOf(entry: string): string {
  return textOf(entry, 'Id')[0] ?? '';
}

function textOf(entry: string, name: string): string[] {
  return Array.from(entry.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g')), ([, text]) => unescapeXml(text!));
}
