import { hash } from 'node:crypto';
import type { BucketEvent, StateRef } from './bucket-event.js';

/** Bytes of a state's id. */
const LENGTH = 12;
const DAY = 86_400_000;
/**
 * A version's event and its entry in a listing may differ by milliseconds in time (the markers of a multi-delete do), so around
 * midnight either day is looked at.
 */
const MIDNIGHT = 60_000;
/** Where only the content ties an event to an object: how far apart, more or less, the times of the two may be. */
const WINDOW = 60_000;

/** What a listing says of an object, a version or a delete marker. */
export interface ListedState {
  readonly bucket: string;
  readonly key: string;
  /** Absent where the listing has no versions. */
  readonly versionId?: string;
  /** Milliseconds since the epoch. */
  readonly lastModified: number;
  readonly eTag: string;
  readonly size: number;
}

/**
 * The state of an object that an event tells, as the listing shows it: both lead to the same ids, and so it is known whether what is
 * listed was told. Undefined for an event that leaves nothing to list, like a read or a delete for good.
 *
 * A real version id names the state. Elsewhere it is named by its time, which MinIO's sequencer has to the nanosecond and the listing to
 * the millisecond. Stores whose sequencer is no time are left with content and an approximate time.
 */
export function stateRefsOf(event: BucketEvent): readonly StateRef[] | undefined {
  if (event.listed !== undefined) return event.listed;
  if (!makesState(event)) return undefined;
  const { source, bucket, key, versionId, eTag, size } = event;
  const modified = modifiedBySequencer(event);
  const time = modified ?? Date.parse(event.eventTime);
  if (Number.isNaN(time)) return undefined;
  if (isVersion(versionId)) return versionRefs(source, bucket, key, versionId, time);
  if (modified !== undefined) return [timeRef(source, bucket, key, modified)];
  return [contentRef(source, bucket, key, eTag, size, Math.floor(time / WINDOW))];
}

/**
 * The ids under which an event may have told what is listed; the first of them names what is told because of the listing.
 * @param byTime whether the store is known to be one whose sequencer is a time; otherwise both kinds of ids are looked for
 */
export function listedRefsOf(source: string, state: ListedState, byTime: boolean): readonly StateRef[] {
  const { bucket, key, versionId, lastModified, eTag, size } = state;
  if (isVersion(versionId)) return versionRefs(source, bucket, key, versionId, lastModified);
  const ref = timeRef(source, bucket, key, lastModified);
  if (byTime) return [ref];
  const window = Math.floor(lastModified / WINDOW);
  const neighbour = lastModified % WINDOW < WINDOW / 2 ? window - 1 : window + 1;
  return [ref, contentRef(source, bucket, key, eTag, size, window), contentRef(source, bucket, key, eTag, size, neighbour)];
}

/** 24 hexadecimal digits, the same whenever the same state is told because of a listing. */
export function requestIdOf(refs: readonly StateRef[]): string {
  return refs[0]!.id.toUpperCase();
}

/** The one name of a removal that a listing showed: that of the object which was put at this time, in microseconds since the epoch. */
export function removalRefOf(source: string, bucket: string, key: string, putAt: number): StateRef {
  return { id: idOf([source, bucket, key, 'removed', putAt]), day: Math.floor(putAt / 1_000 / DAY) };
}

/** What an event says of the only state that an object has in an unversioned bucket; `time` in microseconds since the epoch. */
export interface UnversionedChange {
  readonly kind: 'put' | 'removed';
  readonly time: number;
}

/** Undefined for what changes nothing that a listing shows, for versions, and for an event without a time. */
export function unversionedChangeOf(event: BucketEvent): UnversionedChange | undefined {
  if (isVersion(event.versionId)) return undefined;
  const removed = event.eventName === 'ObjectRemoved:DeleteObject';
  if (event.s3EventName.endsWith(':DeleteMarkerCreated') || (!removed && !makesState(event))) return undefined;
  const modified = modifiedBySequencer(event);
  const time = modified === undefined ? Date.parse(event.eventTime) * 1_000 : modified * 1_000 + Number((BigInt(`0x${event.sequencer}`) / 1_000n) % 1_000n);
  return time >= 0 ? { kind: removed ? 'removed' : 'put', time } : undefined;
}

function modifiedBySequencer({ dialect, sequencer }: BucketEvent): number | undefined {
  return dialect === 'minio' || dialect === 'rustfs' ? timeOfSequencer(sequencer) : undefined;
}

function makesState({ s3EventName, eventName }: BucketEvent): boolean {
  if (eventName === 'ObjectCreated:InitiateMultipartUpload') return false;
  return /^ObjectCreated:(Put|Post|Copy|CompleteMultipartUpload)$|:DeleteMarkerCreated$/.test(s3EventName);
}

function isVersion(versionId: string | undefined): versionId is string {
  return versionId !== undefined && versionId !== '' && versionId !== 'null';
}

/** Nanoseconds in hexadecimal → milliseconds; undefined for what is no time of this century. */
function timeOfSequencer(sequencer: string): number | undefined {
  if (!/^[0-9A-Fa-f]{15,16}$/.test(sequencer)) return undefined;
  const time = Number(BigInt(`0x${sequencer}`) / 1_000_000n);
  return time > 946_684_800_000 && time < 4_102_444_800_000 ? time : undefined;
}

function versionRefs(source: string, bucket: string, key: string, versionId: string, time: number): StateRef[] {
  const id = idOf([source, bucket, key, versionId]);
  const day = Math.floor(time / DAY);
  const near = Math.floor((time + MIDNIGHT) / DAY) - day || Math.floor((time - MIDNIGHT) / DAY) - day;
  return near === 0 ? [{ id, day }] : [{ id, day }, { id, day: day + near }];
}

function timeRef(source: string, bucket: string, key: string, time: number): StateRef {
  return { id: idOf([source, bucket, key, time]), day: Math.floor(time / DAY) };
}

function contentRef(source: string, bucket: string, key: string, eTag: string, size: number, window: number): StateRef {
  return { id: idOf([source, bucket, key, eTag.toLowerCase(), size, window]), day: Math.floor((window * WINDOW) / DAY) };
}

function idOf(parts: readonly (string | number)[]): string {
  return hash('sha256', JSON.stringify(parts), 'hex').slice(0, 2 * LENGTH);
}
