import type { BucketEvent, StoreDialect } from './bucket-event.js';
import { ossEventName, REPLICATED, type OssEventName } from './event-name.js';
import { decodeKey, type KeyEncoding } from './object-key.js';

/** How a body reached us. */
export interface Arrival {
  /** Name of the event source. */
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly keyEncoding?: KeyEncoding;
}

/** A record without what every event needs. */
export class UnreadableRecord extends Error {}

/**
 * Limits in characters, above what S3 allows (1,024 bytes for a key, 63 for a bucket). Together with the limit of a rule's
 * variables they keep every message deliverable: 6 bytes of JSON per character at the worst.
 */
const KEY_LENGTH = 2_048;
const BUCKET_LENGTH = 255;
/** Any other text is cut here. */
const TEXT_LENGTH = 1_024;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads one S3 event record of any dialect. `rawPath` is `bucket/key` in the clear, as the envelope of MinIO and RustFS has it:
 * where it is given, the encoded key in the record need not be guessed at.
 *
 * @returns undefined for an event of a bucket as a whole, which OSS messages cannot express.
 * @throws UnreadableRecord
 */
export function readS3Record(record: unknown, arrival: Arrival, rawPath?: string): { event: BucketEvent; keyFallback: boolean } | undefined {
  if (!isObject(record)) throw new UnreadableRecord('not an object');
  const s3EventName = text(record, 'eventName').replace(/^(s3|oss):/, '');
  if (s3EventName === '') throw new UnreadableRecord('no eventName');
  if (/^Bucket(Created|Removed):/.test(s3EventName)) return undefined;
  const s3 = objectIn(record, 's3');
  const object = objectIn(s3, 'object');
  const bucket = text(objectIn(s3, 'bucket'), 'name');
  const keyText = member(object, 'key');
  if (bucket === '' || bucket.length > BUCKET_LENGTH) throw new UnreadableRecord('no bucket name');
  if (typeof keyText !== 'string' || keyText === '') throw new UnreadableRecord('no object key');
  const dialect = dialectOf(record);
  const { key, fallback } = rawPath?.startsWith(`${bucket}/`)
    ? { key: rawPath.slice(bucket.length + 1), fallback: false }
    : decodeKey(keyText, dialect, arrival.keyEncoding ?? 'auto');
  if (key === '' || key.length > KEY_LENGTH) throw new UnreadableRecord(`object key of ${key.length} characters`);
  const details = readObject(object);
  const eventName = nameFor(dialect, s3EventName, details);
  const event: BucketEvent = {
    source: arrival.source,
    dialect,
    s3EventName,
    ...(eventName && { eventName }),
    eventTime: text(record, 'eventTime'),
    receivedAt: arrival.receivedAt,
    bucket,
    key,
    ...details,
    ...readRequest(record),
  };
  return { event, keyFallback: fallback };
}

/** Ceph reports the start of a multipart upload as a POST of nothing. */
function nameFor(dialect: StoreDialect, s3EventName: string, object: { size: number; eTag: string }): OssEventName | undefined {
  // A replicated removal has neither size nor tag; an object without content still has its tag.
  if (s3EventName === REPLICATED) return object.size === 0 && object.eTag === '' ? 'ObjectReplication:ObjectRemoved' : 'ObjectReplication:ObjectCreated';
  const startsMultipart = dialect === 'ceph' && s3EventName === 'ObjectCreated:Post' && object.size === 0 && object.eTag === '';
  return startsMultipart ? 'ObjectCreated:InitiateMultipartUpload' : ossEventName(s3EventName);
}

function readObject(object: Json) {
  const versionId = text(object, 'versionId');
  const contentType = text(object, 'contentType');
  const userMetadata = readTexts(member(object, 'userMetadata') ?? member(object, 'metadata'));
  const tags = readTexts(member(object, 'tags'));
  return {
    size: readSize(member(object, 'size')),
    eTag: text(object, 'eTag').replaceAll('"', ''),
    sequencer: text(object, 'sequencer'),
    ...(versionId !== '' && { versionId }),
    ...(contentType !== '' && { contentType }),
    ...(userMetadata && { userMetadata }),
    ...(tags && { tags }),
  };
}

function readRequest(record: Json) {
  const parameters = objectIn(record, 'requestParameters');
  const response = objectIn(record, 'responseElements');
  const origin = objectIn(record, 'source');
  const range = text(parameters, 'range');
  return {
    ...(range !== '' && { range }),
    sourceIpAddress: withoutPort(text(parameters, 'sourceIPAddress') || text(origin, 'host')),
    principalId: text(objectIn(record, 'userIdentity'), 'principalId'),
    requestId: text(response, 'x-amz-request-id'),
    hostId: text(response, 'x-amz-id-2'),
    deploymentId: text(response, 'x-minio-deployment-id'),
    userAgent: text(origin, 'userAgent'),
  };
}

function dialectOf(record: Json): StoreDialect {
  const eventSource = text(record, 'eventSource');
  if (eventSource === 'minio:s3') return 'minio';
  if (eventSource === 'rustfs:s3') return 'rustfs';
  if (eventSource === 'ceph:s3') return 'ceph';
  if (eventSource !== 'aws:s3') return 'other';
  // VersityGW calls itself AWS, but writes keys as they are. It is known by the capital letter of this member.
  return Object.hasOwn(objectIn(record, 'userIdentity'), 'PrincipalId') ? 'versity' : 'aws';
}

/** Missing means 0: stores leave the size of an empty object away. Some write it as a string. */
function readSize(value: unknown): number {
  const size = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : 0;
}

/** An object of strings, or Ceph's list of `{key, val}`; its newer releases write `{Key, Value}` for tags. */
function readTexts(value: unknown): Record<string, string> | undefined {
  const pairs: [unknown, unknown][] = Array.isArray(value)
    ? value.filter(isObject).map((entry) => [member(entry, 'key'), member(entry, 'val') ?? member(entry, 'value')])
    : Object.entries(isObject(value) ? value : {});
  const texts = pairs.filter((pair): pair is [string, string] => typeof pair[0] === 'string' && typeof pair[1] === 'string');
  return texts.length === 0 ? undefined : Object.fromEntries(texts);
}

function withoutPort(address: string): string {
  return /^\[([^\]]*)\]/.exec(address)?.[1] ?? address.replace(/^([^:]*):\d+$/, '$1');
}

function text(object: Json, name: string): string {
  const value = member(object, name);
  return typeof value === 'string' ? value.slice(0, TEXT_LENGTH) : '';
}

function objectIn(object: Json, name: string): Json {
  const value = member(object, name);
  return isObject(value) ? value : {};
}

/** Some stores capitalise the names of members. */
function member(object: Json, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  const capitalised = name.charAt(0).toUpperCase() + name.slice(1);
  return Object.hasOwn(object, capitalised) ? object[capitalised] : undefined;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
