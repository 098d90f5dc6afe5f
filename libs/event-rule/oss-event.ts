import type { BucketEvent } from './bucket-event.js';
import { eventId } from './event-id.js';

/** Largest JSON in bytes whose base64 fits into a message of 64 KiB. */
export const OSS_EVENT_LIMIT = 49_152;

/** On whose behalf the event is told: OSS has an account and a region where an S3-compatible store has none. */
export interface EventOwner {
  /** 16 digits. */
  readonly account: string;
  readonly region: string;
}

/** The part of a rule that shows in its messages. */
export interface OssEventRule {
  readonly name: string;
  readonly xVars?: Readonly<Record<string, string>>;
}

/** Body of the message: the JSON as base64 text, at most 65,536 characters. */
export function ossMessageBody(event: BucketEvent, rule: OssEventRule, owner: EventOwner): string {
  return Buffer.from(ossEventJson(event, rule, owner)).toString('base64');
}

/**
 * The event as OSS writes it, members in the order of OSS. Metadata is left out as far as needed to keep `OSS_EVENT_LIMIT`: first
 * the longest user metadata, then all of it and the MIME type; the variable `x:magpie-trimmed` then says what is missing.
 */
export function ossEventJson(event: BucketEvent, rule: OssEventRule, owner: EventOwner, limit = OSS_EVENT_LIMIT): string {
  const userMeta = userMetaOf(event);
  const full = write(event, rule, owner, objectMetaOf(event, userMeta));
  const excess = Buffer.byteLength(full) - limit;
  if (excess <= 0) return full;
  const shorter = write(event, rule, owner, objectMetaOf(event, withoutLongest(userMeta, excess + 100)), 'userMeta');
  if (Buffer.byteLength(shorter) <= limit) return shorter;
  return write(event, rule, owner, undefined, 'objectMeta');
}

function write(event: BucketEvent, rule: OssEventRule, owner: EventOwner, objectMeta: unknown, trimmed?: string): string {
  const { account, region } = owner;
  const xVars = { ...rule.xVars, ...(trimmed && { 'x:magpie-trimmed': trimmed }) };
  return JSON.stringify({
    events: [
      {
        eventName: event.eventName,
        eventSource: 'acs:oss',
        eventTime: isoTime(event),
        eventVersion: '1.0',
        oss: {
          bucket: { arn: `acs:oss:${region}:${account}:${event.bucket}`, name: event.bucket, ownerIdentity: account, virtualBucket: '' },
          object: writeObject(event, objectMeta),
          ossSchemaVersion: '1.0',
          ruleId: rule.name,
        },
        region,
        requestParameters: { sourceIPAddress: event.sourceIpAddress },
        responseElements: { requestId: event.requestId || requestIdFor(event) },
        userIdentity: { principalId: event.principalId || account },
        ...(Object.keys(xVars).length > 0 && { xVars }),
      },
    ],
  });
}

/** What a store cannot know of the former object is told as for a new one: `deltaSize` is the whole size. */
function writeObject(event: BucketEvent, objectMeta: unknown) {
  const created = event.eventName?.startsWith('ObjectCreated:') === true;
  return {
    deltaSize: created ? event.size : 0,
    eTag: event.eTag.toUpperCase(),
    key: event.key,
    ...(objectMeta !== undefined && { objectMeta }),
    ...(event.eventName === 'ObjectDownloaded:GetObject' && readRange(event.range, event.size)),
    size: event.size,
  };
}

/** The part of the object that was read: first byte, and the byte after the last one. */
function readRange(range: string | undefined, size: number): { readFrom: number; readTo: number } {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? '');
  const [from, to] = [match?.[1] ?? '', match?.[2] ?? ''];
  if (from === '' && to === '') return { readFrom: 0, readTo: size };
  if (from === '') return { readFrom: Math.max(0, size - Number(to)), readTo: size };
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  const first = Number(from);
  return first > last ? { readFrom: 0, readTo: size } : { readFrom: first, readTo: last + 1 };
}

function isoTime({ eventTime, receivedAt }: BucketEvent): string {
  const time = new Date(eventTime);
  const readable = !Number.isNaN(time.getTime()) && time.getUTCFullYear() >= 1970 && time.getUTCFullYear() <= 9_999;
  return (readable ? time : new Date(receivedAt)).toISOString();
}

/** 24 hexadecimal digits like a request id of OSS, the same for every copy of the event. */
function requestIdFor(event: BucketEvent): string {
  return eventId(event).toString('hex').slice(0, 24).toUpperCase();
}

type UserMeta = readonly (readonly [name: string, value: string])[];

/** `X-Amz-Meta-Author` → `x-oss-meta-author`. Standard headers, which stores put among them, are not user metadata in OSS. */
function userMetaOf({ userMetadata }: BucketEvent): UserMeta {
  return Object.entries(userMetadata ?? {}).flatMap(([name, value]) => {
    const rest = /^x-amz-meta-(.+)$/is.exec(name)?.[1];
    return rest === undefined ? [] : [[`x-oss-meta-${rest.toLowerCase()}`, value] as const];
  });
}

function objectMetaOf({ contentType }: BucketEvent, userMeta: UserMeta): unknown {
  if (contentType === undefined && userMeta.length === 0) return undefined;
  return { ...(contentType !== undefined && { mimeType: contentType }), ...(userMeta.length > 0 && { userMeta: Object.fromEntries(userMeta) }) };
}

/** Leaves out the longest entries until at least `bytes` are saved. */
function withoutLongest(userMeta: UserMeta, bytes: number): UserMeta {
  const sizes = new Map(userMeta.map((entry) => [entry, Buffer.byteLength(JSON.stringify(entry))]));
  const longestFirst = userMeta.toSorted((one, other) => sizes.get(other)! - sizes.get(one)!);
  const dropped = new Set<UserMeta[number]>();
  let saved = 0;
  for (const entry of longestFirst) {
    if (saved >= bytes) break;
    dropped.add(entry);
    saved += sizes.get(entry)!;
  }
  return userMeta.filter((entry) => !dropped.has(entry));
}
