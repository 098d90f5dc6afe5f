import type { OssEventName } from './event-name.js';

/** Who wrote the record; decides how its key is encoded and which of its fields identify the event. */
export type StoreDialect = 'minio' | 'rustfs' | 'ceph' | 'versity' | 'aws' | 'other';

/** Names a state of an object; see `state-id.ts`. */
export interface StateRef {
  /** 24 hexadecimal digits. */
  readonly id: string;
  /** Days since the epoch. */
  readonly day: number;
}

/**
 * One thing that happened to one object, read from whatever an S3-compatible store sent.
 * Plain data: it survives `JSON.stringify` and back, because events wait as JSON while their destination is missing.
 */
export interface BucketEvent {
  /** Name of the event source that sent it. */
  readonly source: string;
  readonly dialect: StoreDialect;
  /** The store's own name without `s3:`, for example `ObjectCreated:Put`. */
  readonly s3EventName: string;
  /** What OSS calls it; absent when OSS has no such event. */
  readonly eventName?: OssEventName;
  /** As the store wrote it; may be empty or no time at all. */
  readonly eventTime: string;
  /** Milliseconds since the epoch, by the clock of the bridge. */
  readonly receivedAt: number;
  readonly bucket: string;
  /** Decoded: the name a client would use. */
  readonly key: string;
  /** Absent for an unversioned object; `null` is a version of its own. */
  readonly versionId?: string;
  /** Bytes; 0 when the record has none. */
  readonly size: number;
  readonly eTag: string;
  /** Bytes of the object that was overwritten or removed; absent where no inventory knows. */
  readonly formerSize?: number;
  readonly contentType?: string;
  /** Names as the store wrote them. */
  readonly userMetadata?: Readonly<Record<string, string>>;
  /** Tags of the object; absent: not told and not asked for. */
  readonly tags?: Readonly<Record<string, string>>;
  /** The store did not answer when a rule asked for the tags: it is asked again before the event is handed over. */
  readonly tagsUnread?: true;
  /** Hexadecimal; orders the events of one key. */
  readonly sequencer: string;
  /** The Range header of a download. */
  readonly range?: string;
  /** Without a port; empty when unknown. */
  readonly sourceIpAddress: string;
  /** Access key of the requester; empty for what the store did by itself. */
  readonly principalId: string;
  readonly requestId: string;
  /** `x-amz-id-2`: names the node that answered. */
  readonly hostId: string;
  readonly deploymentId: string;
  readonly userAgent: string;
  /** Set by the reconciler alone: no store told the event, a listing showed this state. */
  readonly listed?: readonly StateRef[];
}
