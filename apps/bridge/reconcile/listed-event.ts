import type { BucketEvent, StateRef } from '#event-rule/bucket-event.js';
import { ossEventName } from '#event-rule/event-name.js';
import { requestIdOf } from '#event-rule/state-id.js';
import type { ObjectMetadata } from './bucket-listing.js';
import type { ListedEntry } from './listing-xml.js';

/** Where an entry was listed. */
export interface ListedIn {
  readonly source: string;
  readonly bucket: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The event that would have told what a listing shows, as far as that can be known: whether an object was put, posted or copied, and by
 * whom, cannot. It is the same whenever it is made again.
 */
export function listedEvent(entry: ListedEntry, refs: readonly StateRef[], { source, bucket, now }: ListedIn, metadata?: ObjectMetadata): BucketEvent {
  const s3EventName = nameOf(entry);
  return {
    source,
    dialect: 'other',
    s3EventName,
    eventName: ossEventName(s3EventName)!,
    eventTime: new Date(entry.lastModified).toISOString(),
    receivedAt: now,
    bucket,
    key: entry.key,
    ...(entry.versionId !== undefined && { versionId: entry.versionId }),
    size: entry.size,
    eTag: entry.eTag,
    ...metadata,
    sequencer: (BigInt(entry.lastModified) * 1_000_000n).toString(16).toUpperCase(),
    sourceIpAddress: '',
    principalId: '',
    requestId: requestIdOf(refs),
    hostId: '',
    deploymentId: '',
    userAgent: '',
    listed: refs,
  };
}

function nameOf({ kind, eTag }: ListedEntry): string {
  if (kind === 'marker') return 'ObjectRemoved:DeleteMarkerCreated';
  return /-\d+$/.test(eTag) ? 'ObjectCreated:CompleteMultipartUpload' : 'ObjectCreated:Put';
}
