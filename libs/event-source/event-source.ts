/**
 * How the changes of an object store reach the hub. `durable` and `fast` are webhook targets of the store, `listen` is its stream of
 * events, which is read where a probe shows that it works.
 */
export type EventWay = 'durable' | 'fast' | 'listen';

export const EVENT_WAYS: readonly EventWay[] = ['durable', 'fast', 'listen'];

/** An S3-compatible object store whose events become messages. Its name is the last part of the intake's path, unique in a deployment. */
export interface EventSource {
  readonly name: string;
  /** 16 digits: whose rules see its events. */
  readonly account: string;
  /** Base URL of the store. Absent: the hub never speaks to the store, it only takes what the store posts. */
  readonly endpoint?: string;
  readonly credentials?: StoreCredentials;
  /** The store's own region, with which requests are signed; `us-east-1` unless set. */
  readonly storeRegion: string;
  /** What stands in its events; the hub's region and the owning account unless set. */
  readonly region?: string;
  readonly eventAccount?: string;
  /** Buckets that are provisioned, watched and reconciled. Events of others are taken all the same. */
  readonly buckets: readonly string[];
  readonly ways: readonly EventWay[];
  /** Ids of the two webhook targets in the store's configuration, in capital letters. */
  readonly durableTarget: string;
  readonly fastTarget: string;
  /** Own token of the intake for this source; absent: the hub's. */
  readonly intakeToken?: string;
  /** Whether keys of unversioned buckets are remembered, so that deletes inside a gap are found. Costs some 50 to 300 bytes of Redis per object. */
  readonly inventory: boolean;
  /** Seconds between two reconciliations without a reason; 0: none. 86,400 unless set. */
  readonly reconcileInterval: number;
  /** Raised by every change. */
  readonly version: number;
}

export interface StoreCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Whether the hub can list the buckets of a source, and so find what no event told. */
export function isReconciled(source: EventSource | undefined): boolean {
  return source?.endpoint !== undefined && source.credentials !== undefined;
}
