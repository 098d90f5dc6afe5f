import type { BucketEvent } from './bucket-event.js';
import { eventId } from './event-id.js';
import { originOf } from './event-name.js';
import type { EventVariable, RuleMessage } from './rule-message.js';

/** Largest JSON in bytes whose base64 fits into a message of 64 KiB. */
export const OSS_EVENT_LIMIT = 49_152;
/** Digits of a request id of OSS. */
const REQUEST_ID_LENGTH = 24;

/** On whose behalf the event is told: OSS has an account and a region where an S3-compatible store has none. */
export interface EventOwner {
  /** 16 digits. */
  readonly account: string;
  readonly region: string;
}

/** The part of a rule that shows in its messages. */
export interface OssEventRule extends Omit<RuleMessage, 'messageTag'> {
  readonly name: string;
}

/** Body of the message: the JSON as base64 text, at most 65,536 characters. */
export function ossMessageBody(event: BucketEvent, rule: OssEventRule, owner: EventOwner): string {
  return Buffer.from(ossEventJson(event, rule, owner)).toString('base64');
}

/**
 * The event as the rule wants it written: as OSS sends it to MNS, members in the order of OSS, or as a CloudEvent. Metadata is left
 * out as far as needed to keep `limit` (bytes): first the longest user metadata, then all of it and the MIME type, then what the rule
 * wanted to know of the store's event; the variable `x:magpie-trimmed` says what is missing.
 */
export function ossEventJson(event: BucketEvent, rule: OssEventRule, owner: EventOwner, limit = OSS_EVENT_LIMIT): string {
  const userMeta = userMetaOf(event);
  const vars = eventVarsOf(event, rule);
  const full = write(event, rule, owner, objectMetaOf(event, userMeta), vars);
  const excess = Buffer.byteLength(full) - limit;
  if (excess <= 0) return full;
  const shorter = write(event, rule, owner, objectMetaOf(event, withoutLongest(userMeta, excess + 100)), { ...vars, ...trimmed('userMeta') });
  if (Buffer.byteLength(shorter) <= limit) return shorter;
  const bare = write(event, rule, owner, undefined, { ...vars, ...trimmed('objectMeta') });
  if (Buffer.byteLength(bare) <= limit) return bare;
  return write(withShortTexts(event), rule, owner, undefined, trimmed(Object.keys(vars).length > 0 ? 'eventVars' : 'objectMeta'));
}

/** No store writes texts as long as this; whoever does wants to see what happens. */
function withShortTexts(event: BucketEvent): BucketEvent {
  const cut = (text: string) => text.slice(0, 256);
  const { eTag, principalId, sourceIpAddress, requestId } = event;
  return { ...event, eTag: cut(eTag), principalId: cut(principalId), sourceIpAddress: cut(sourceIpAddress), requestId: cut(requestId) };
}

function trimmed(what: string): Record<string, string> {
  return { 'x:magpie-trimmed': what };
}

function write(event: BucketEvent, rule: OssEventRule, owner: EventOwner, objectMeta: unknown, vars: Record<string, string>): string {
  const { account, region } = owner;
  const arn = `acs:oss:${region}:${account}:${event.bucket}`;
  const xVars = { ...rule.xVars, ...vars };
  const cloudEvent = rule.format === 'cloudevents';
  const written = {
    eventName: event.eventName,
    eventSource: 'acs:oss',
    eventTime: isoTime(event, rule),
    eventVersion: '1.0',
    oss: {
      bucket: { arn, name: event.bucket, ownerIdentity: account, virtualBucket: '' },
      object: writeObject(event, objectMeta),
      ossSchemaVersion: '1.0',
      ...(!cloudEvent && { ruleId: rule.name }),
    },
    region,
    requestParameters: { sourceIPAddress: event.sourceIpAddress },
    responseElements: { requestId: requestIdOf(event, rule) },
    userIdentity: { principalId: event.principalId || account },
    ...(Object.keys(xVars).length > 0 && { xVars }),
  };
  return JSON.stringify(cloudEvent ? envelope(event, owner, arn, written) : { events: [written] });
}

/**
 * The envelope in which Alibaba Cloud EventBridge hands on what OSS tells. Its id is the same for every copy of the event and every
 * rule, and, other than the request id, different for the objects of one request.
 */
function envelope(event: BucketEvent, { account, region }: EventOwner, arn: string, data: { readonly eventTime: string }) {
  return {
    id: digitsOf(event),
    source: 'acs.oss',
    specversion: '1.0',
    type: `oss:${event.eventName}`,
    datacontenttype: 'application/json;charset=utf-8',
    subject: `${arn}/${event.key}`,
    time: data.eventTime,
    aliyunaccountid: account,
    aliyunoriginalaccountid: account,
    aliyunregionid: region,
    aliyuneventbusname: 'default',
    aliyunpublishtime: new Date(event.receivedAt).toISOString(),
    data,
  };
}

function writeObject(event: BucketEvent, objectMeta: unknown) {
  return {
    deltaSize: deltaSizeOf(event),
    eTag: event.eTag.toUpperCase(),
    key: event.key,
    ...(objectMeta !== undefined && { objectMeta }),
    ...(event.eventName === 'ObjectDownloaded:GetObject' && readRange(event.range, event.size)),
    size: event.size,
  };
}

/** By how much the bucket grew. Where nobody knows the former object, a new one adds its whole size and a removal takes nothing away. */
function deltaSizeOf({ eventName, size, formerSize = 0 }: BucketEvent): number {
  if (eventName?.startsWith('ObjectCreated:') === true) return size - formerSize;
  return eventName === 'ObjectRemoved:DeleteObject' ? 0 - formerSize : 0;
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

function isoTime({ eventTime, receivedAt }: BucketEvent, { mapping }: OssEventRule): string {
  const time = new Date(eventTime);
  const readable = !Number.isNaN(time.getTime()) && time.getUTCFullYear() >= 1970 && time.getUTCFullYear() <= 9_999;
  const iso = (readable ? time : new Date(receivedAt)).toISOString();
  return mapping?.time === 'seconds' ? iso.replace(/\.\d+Z$/, '.000Z') : iso;
}

function requestIdOf(event: BucketEvent, { mapping }: OssEventRule): string {
  if (event.requestId === '') return digitsOf(event);
  return mapping?.requestId === 'padded' ? event.requestId.padStart(REQUEST_ID_LENGTH, '0') : event.requestId;
}

/** 24 hexadecimal digits like a request id of OSS, the same for every copy of the event. */
function digitsOf(event: BucketEvent): string {
  return eventId(event).toString('hex').slice(0, REQUEST_ID_LENGTH).toUpperCase();
}

/** What the rule wants to know of the store's own event; what the event lacks is left out. */
function eventVarsOf(event: BucketEvent, { eventVars = [] }: OssEventRule): Record<string, string> {
  const facts: Readonly<Record<EventVariable, string | undefined>> = {
    versionId: event.versionId,
    sequencer: event.sequencer,
    s3EventName: event.s3EventName,
    source: event.source,
    origin: originOf(event),
  };
  return Object.fromEntries(eventVars.flatMap((name) => (facts[name] ? [[`x:magpie-${name}`, facts[name]] as const] : [])));
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
