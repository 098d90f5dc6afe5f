/** The event types of OSS, by group. Rules may name a type or a whole group (`ObjectCreated:*`). */
const TYPES = {
  ObjectCreated: [
    'PutObject',
    'PostObject',
    'CopyObject',
    'AppendObject',
    'PutSymlink',
    'InitiateMultipartUpload',
    'UploadPart',
    'UploadPartCopy',
    'CompleteMultipartUpload',
    'Mirror',
  ],
  ObjectDownloaded: ['GetObject'],
  ObjectModified: ['UpdateObjectMeta', 'ChangeStorageClass'],
  ObjectRemoved: ['DeleteObject', 'DeleteObjects', 'AbortMultipartUpload'],
  ObjectReplication: ['ObjectCreated', 'ObjectModified', 'ObjectRemoved'],
  ObjectRestore: ['FinishRestore'],
} as const;

type Group = keyof typeof TYPES;
export type OssEventName = { [G in Group]: `${G}:${(typeof TYPES)[G][number]}` }[Group];

const NAMES: ReadonlyMap<string, readonly OssEventName[]> = new Map(
  Object.entries(TYPES).flatMap(([group, actions]): [string, OssEventName[]][] => {
    const names = actions.map((action) => `${group}:${action}` as OssEventName);
    return [[`${group}:*`, names], ...names.map((name): [string, OssEventName[]] => [name, [name]])];
  }),
);

/** Every event type that a rule may name, groups included. */
export const EVENT_TYPES: readonly string[] = [...NAMES.keys()];

/**
 * The events for which a rule with this event type fires; undefined for a type that OSS does not have.
 * A store reports a multi-object delete as single deletes, so a rule for `DeleteObjects` fires for those as well.
 */
export function eventNamesOf(eventType: string): readonly OssEventName[] | undefined {
  if (eventType === 'ObjectRemoved:DeleteObjects') return ['ObjectRemoved:DeleteObjects', 'ObjectRemoved:DeleteObject'];
  return NAMES.get(eventType);
}

/**
 * S3 event name (without `s3:`) → OSS event name. What is missing here has no counterpart in OSS and makes no message: reads of
 * metadata (Head, Attributes, …), `NoOP` (the delete of a key that does not exist), failed replication, scanner and bucket events,
 * failed transitions, started restores.
 */
const FROM_S3: Readonly<Record<string, OssEventName>> = {
  'ObjectCreated:Put': 'ObjectCreated:PutObject',
  'ObjectCreated:Post': 'ObjectCreated:PostObject',
  'ObjectCreated:Copy': 'ObjectCreated:CopyObject',
  'ObjectCreated:CompleteMultipartUpload': 'ObjectCreated:CompleteMultipartUpload',
  // A store counts changes of an object's metadata among its creations; OSS does not.
  'ObjectCreated:PutTagging': 'ObjectModified:UpdateObjectMeta',
  'ObjectCreated:DeleteTagging': 'ObjectModified:UpdateObjectMeta',
  'ObjectCreated:PutRetention': 'ObjectModified:UpdateObjectMeta',
  'ObjectCreated:PutLegalHold': 'ObjectModified:UpdateObjectMeta',
  'ObjectTagging:Put': 'ObjectModified:UpdateObjectMeta',
  'ObjectTagging:Delete': 'ObjectModified:UpdateObjectMeta',
  'ObjectAcl:Put': 'ObjectModified:UpdateObjectMeta',
  'ObjectRetention:Put': 'ObjectModified:UpdateObjectMeta',
  'ObjectAccessed:Get': 'ObjectDownloaded:GetObject',
  'ObjectRemoved:Delete': 'ObjectRemoved:DeleteObject',
  'ObjectRemoved:DeleteMarkerCreated': 'ObjectRemoved:DeleteObject',
  'ObjectRemoved:DeleteAllVersions': 'ObjectRemoved:DeleteObject',
  'LifecycleDelMarkerExpiration:Delete': 'ObjectRemoved:DeleteObject',
  'ObjectTransition:Complete': 'ObjectModified:ChangeStorageClass',
  LifecycleTransition: 'ObjectModified:ChangeStorageClass',
  'ObjectRestore:Completed': 'ObjectRestore:FinishRestore',
  'ObjectSynced:Create': 'ObjectReplication:ObjectCreated',
};

const FROM_S3_GROUP: readonly (readonly [prefix: string, name: OssEventName])[] = [
  ['LifecycleExpiration:', 'ObjectRemoved:DeleteObject'],
  ['ObjectLifecycle:Expiration:', 'ObjectRemoved:DeleteObject'],
  ['ObjectLifecycle:Transition:', 'ObjectModified:ChangeStorageClass'],
];

/** What OSS calls an S3 event (name without `s3:`), or undefined when OSS has no such event. */
export function ossEventName(s3EventName: string): OssEventName | undefined {
  if (Object.hasOwn(FROM_S3, s3EventName)) return FROM_S3[s3EventName];
  return FROM_S3_GROUP.find(([prefix]) => s3EventName.startsWith(prefix))?.[1];
}

/** The event by which a store reports a finished replication, at its source; OSS reports it at the destination. Only rules that ask for it see it. */
export const REPLICATED = 'Replication:OperationCompletedReplication';

/** Why something is told: a client asked for it, the store did it by itself, or only a listing showed it. */
export function originOf({ s3EventName, userAgent, listed }: Told): EventOrigin {
  if (listed !== undefined) return 'listing';
  if (s3EventName.startsWith('Replication:')) return 'replication';
  const byRule = /^(Lifecycle|ObjectLifecycle:|ObjectTransition:)/.test(s3EventName) || s3EventName === 'ObjectRemoved:DeleteAllVersions';
  return byRule || userAgent.startsWith('Internal: [ILM') ? 'lifecycle' : 'request';
}

interface Told {
  readonly s3EventName: string;
  readonly userAgent: string;
  /** Set where a listing showed it. */
  readonly listed?: readonly unknown[];
}

export type EventOrigin = 'request' | 'lifecycle' | 'replication' | 'listing';
