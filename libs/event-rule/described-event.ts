import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { BucketEvent } from './bucket-event.js';
import { readDocument, readText, type Document } from './document-reader.js';
import { EVENT_TYPES, ossEventName, type OssEventName } from './event-name.js';

const TEXTS = ['contentType', 'versionId', 'principal', 'sourceIp', 'userAgent', 'eventTime', 'range', 'source'] as const;
const MEMBERS = ['bucket', 'key', 'event', 'size', 'eTag', 'metadata', 'tags', ...TEXTS];

/** Whether a document is an event as people describe it, and not a body of a store. */
export function isDescribedEvent(json: unknown): json is Document {
  return typeof json === 'object' && json !== null && 'bucket' in json && !('Records' in json) && !('s3' in json);
}

/**
 * An event of which only what matters is said: `bucket`, `key`, `event` (a name of OSS or S3; `ObjectCreated:PutObject` when absent), `size` and
 * so on. Names in `metadata` may leave `x-amz-meta-` away.
 *
 * @throws InvalidArgument that names the member
 */
export function readDescribedEvent(json: Document, source: string, now: number): BucketEvent {
  const document = readDocument(json, '', MEMBERS);
  const text = (name: string, longest = 1_024): string => (document[name] === undefined ? '' : readText(document[name], name, longest));
  const { s3EventName, eventName } = readName(text('event', 100) || 'ObjectCreated:PutObject');
  const { versionId, contentType, metadata, tags, range } = document;
  return {
    source: text('source') || source,
    dialect: 'other',
    s3EventName,
    ...(eventName && { eventName }),
    eventTime: text('eventTime') || new Date(now).toISOString(),
    receivedAt: now,
    bucket: readText(document['bucket'], 'bucket', 255),
    key: readText(document['key'], 'key', 2_048),
    size: readSize(document['size']),
    eTag: text('eTag'),
    ...(versionId !== undefined && { versionId: text('versionId') }),
    ...(contentType !== undefined && { contentType: text('contentType') }),
    ...(metadata !== undefined && { userMetadata: withPrefix(readTexts(metadata, 'metadata')) }),
    ...(tags !== undefined && { tags: readTexts(tags, 'tags') }),
    sequencer: '',
    ...(range !== undefined && { range: text('range') }),
    sourceIpAddress: text('sourceIp'),
    principalId: text('principal'),
    requestId: '',
    hostId: '',
    deploymentId: '',
    userAgent: text('userAgent'),
  };
}

function readName(given: string): { s3EventName: string; eventName?: OssEventName } {
  const name = given.replace(/^(oss|s3):/, '');
  if (!name.endsWith('*') && EVENT_TYPES.includes(name)) return { s3EventName: name, eventName: name as OssEventName };
  const eventName = ossEventName(name);
  if (!/^\w+(:\w+)*$/.test(name)) throw new InvalidArgument('event', 'event is the name of one event, such as ObjectCreated:PutObject or s3:ObjectCreated:Put.');
  return { s3EventName: name, ...(eventName && { eventName }) };
}

function readSize(value: unknown): number {
  if (value === undefined) return 0;
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new InvalidArgument('size', 'size is a whole number of bytes.');
  return value as number;
}

function readTexts(value: unknown, at: string): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidArgument(at, `${at} is an object.`);
  for (const [name, text] of Object.entries(value)) if (typeof text !== 'string') throw new InvalidArgument(at, `${at}: the value of ${name} is not a string.`);
  return value as Record<string, string>;
}

function withPrefix(metadata: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, text]) => [`x-amz-meta-${name.toLowerCase().replace(/^x-(amz|oss)-meta-/, '')}`, text]));
}
