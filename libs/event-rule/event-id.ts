import { createHash } from 'node:crypto';
import type { BucketEvent } from './bucket-event.js';

/** Internal events of MinIO have no request id and differ in time between two copies: within this many milliseconds they are one. */
const INTERNAL_WINDOW = 10_000;

/**
 * The identity of an event: equal for all copies of it that reach us (second webhook target, listener, repeated POST, replay),
 * different for any two things that happened. Where the record does not allow both, copies count as two: a duplicate is
 * better than a lost event.
 *
 * The request id is what two copies of MinIO have in common; their time and often their sequencer differ.
 */
export function eventId(event: BucketEvent): Buffer {
  if (event.listed !== undefined) return sha256(['listed', event.listed[0]!.id]);
  const version = event.versionId ?? 'null';
  const base = [event.source, event.deploymentId, event.s3EventName, event.bucket, event.key, version];
  return sha256([...base, ...distinguishing(event, version)]);
}

function distinguishing(event: BucketEvent, version: string): readonly (string | number)[] {
  const { dialect, requestId, hostId, sequencer, eventTime, eTag, size } = event;
  if (dialect === 'minio' && requestId !== '') return ['request', requestId, hostId];
  if (dialect === 'minio' && isInternal(event)) {
    // A version can be removed only once.
    if (version !== 'null' && /^(ObjectRemoved|LifecycleDelMarkerExpiration):/.test(event.s3EventName)) return ['version'];
    const time = Date.parse(eventTime);
    return ['window', Number.isNaN(time) ? eventTime : Math.floor(time / INTERNAL_WINDOW)];
  }
  // Elsewhere the request id may be empty or chosen by the client, so it is never enough.
  return ['content', requestId, sequencer, eventTime, eTag, size];
}

function isInternal({ userAgent, s3EventName }: BucketEvent): boolean {
  return userAgent.startsWith('Internal: ') || userAgent === 'Scanner' || s3EventName.startsWith('ObjectRestore:');
}

/** Names the hand-over of an event to one destination on behalf of one rule; 16 bytes. */
export function handOverId(event: Buffer, rule: string, destination: string): Buffer {
  return sha256([event.toString('hex'), rule, destination]).subarray(0, 16);
}

function sha256(parts: readonly (string | number)[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}
