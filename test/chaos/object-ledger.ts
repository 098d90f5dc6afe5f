/** What a writer did to one object, and the store acknowledged. */
export interface Change {
  readonly bucket: string;
  readonly key: string;
  readonly kind: 'create' | 'delete';
  /** Of the new content, in capital letters; empty for a delete. Contents differ, so that it tells one write of a key from the next. */
  readonly eTag: string;
  /** Position among all changes, in the order in which they were begun; absent for what the store holds and never acknowledged. */
  readonly ordinal?: number;
}

/** An event that arrived in a queue. */
export interface Arrival {
  readonly messageId: string;
  readonly eventName: string;
  readonly bucket: string;
  readonly key: string;
  readonly eTag: string;
  readonly requestId: string;
}

export interface Findings {
  /** Changes without a message. */
  readonly lost: readonly Change[];
  readonly arrivals: number;
  /** A change that was told twice by the store's own events; each of these is a defect. */
  readonly doubledEvents: number;
  /** A change that an event and a reconciliation both told. */
  readonly doubledByReconciliation: number;
  /** Deletes that arrived more often than they were made; a delete of unknown outcome may be one of them. */
  readonly moreDeletes: number;
  /** Writes of one key that arrived after a later one. */
  readonly inversions: number;
  /** Changes that only the listing could tell: stored and never acknowledged to the writer, or without an event. */
  readonly toldByListing: number;
}

/** Compares what was acknowledged, and what the store holds in the end, with what arrived through one rule. */
export function compare(owed: readonly Change[], arrivals: readonly Arrival[]): Findings {
  const byChange = new Map<string, Arrival[]>();
  for (const arrival of distinctMessages(arrivals)) {
    const id = changeId(arrival.bucket, arrival.key, kindOf(arrival), arrival.eTag);
    byChange.set(id, [...(byChange.get(id) ?? []), arrival]);
  }
  const lost = owed.filter(({ bucket, key, kind, eTag }) => !byChange.has(changeId(bucket, key, kind, eTag)));
  const creates = [...byChange.values()].filter(([first]) => kindOf(first!) === 'create');
  const deletes = [...byChange.values()].filter(([first]) => kindOf(first!) === 'delete');
  const surplus = (group: readonly Arrival[], listed: boolean): number => Math.max(0, group.filter((arrival) => isListed(arrival) === listed).length - 1);
  return {
    lost,
    arrivals: arrivals.length,
    doubledEvents: creates.reduce((sum, group) => sum + surplus(group, false), 0),
    doubledByReconciliation: creates.reduce((sum, group) => sum + (group.some(isListed) && !group.every(isListed) ? 1 : 0) + surplus(group, true), 0),
    moreDeletes: deletes.reduce((sum, group) => sum + group.length - new Set(group.map(({ requestId }) => requestId)).size, 0),
    inversions: inversionsOf(owed, arrivals),
    toldByListing: [...byChange.values()].filter((group) => group.every(isListed)).length,
  };
}

/** Request ids of a real MinIO have 16 digits; what a reconciliation made up has 24. */
function isListed({ requestId }: Arrival): boolean {
  return requestId.length === 24;
}

function kindOf({ eventName }: Arrival): Change['kind'] {
  return eventName.startsWith('ObjectRemoved:') ? 'delete' : 'create';
}

function changeId(bucket: string, key: string, kind: string, eTag: string): string {
  return JSON.stringify([bucket, key, kind, kind === 'delete' ? '' : eTag]);
}

/** A message whose delete was lost is received again: that is the queue's contract and no second event. */
function distinctMessages(arrivals: readonly Arrival[]): Arrival[] {
  return [...new Map(arrivals.map((arrival) => [arrival.messageId, arrival])).values()];
}

function inversionsOf(owed: readonly Change[], arrivals: readonly Arrival[]): number {
  const ordinals = new Map(owed.flatMap(({ bucket, key, kind, eTag, ordinal }) => (kind === 'create' && ordinal !== undefined ? [[changeId(bucket, key, kind, eTag), ordinal] as const] : [])));
  const last = new Map<string, number>();
  let inversions = 0;
  for (const { bucket, key, eTag } of distinctMessages(arrivals)) {
    const ordinal = ordinals.get(changeId(bucket, key, 'create', eTag));
    if (ordinal === undefined) continue;
    const object = `${bucket}/${key}`;
    if (ordinal < (last.get(object) ?? -1)) inversions += 1;
    last.set(object, Math.max(ordinal, last.get(object) ?? -1));
  }
  return inversions;
}
