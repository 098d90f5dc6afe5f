import type { BucketEvent } from '#event-rule/bucket-event.js';
import { ossEventName } from '#event-rule/event-name.js';
import { removalRefOf, requestIdOf } from '#event-rule/state-id.js';
import type { BucketListing, ListingPage } from '../reconcile/bucket-listing.js';
import type { Inventory, InventoryBucket, KeyRange } from './inventory.js';
import { contentOf, isKeptKey, keptSize, type InventoryChange, type InventoryEntry } from './inventory-entry.js';
import type { ListedEntry } from '../reconcile/listing-xml.js';

/** Milliseconds by which an object may be older than the listing that does not show it: clocks are read to the second. */
const MARGIN = 2_000;
/** Microseconds after which what is known of something gone is of no use to walks and late events. */
const GONE_LIFE = 3_600_000_000;
const TOLD_LIFE = 4 * 86_400_000_000;
/** HEAD requests at a time. */
const HEADS = 8;

export interface InventoryWalkParts {
  readonly inventory: Pick<Inventory, 'begin' | 'list' | 'read' | 'note' | 'partitions' | 'partitionOf'>;
  readonly listing: Pick<BucketListing, 'isGone'>;
  /** Returns once the events are in the journal; waits while that is full. */
  readonly append: (events: readonly BucketEvent[]) => Promise<void>;
  /** That so many were told; false: stop. */
  readonly onTold: (told: number) => Promise<boolean>;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

interface Recorded {
  readonly key: string;
  readonly entry: InventoryEntry;
}

/** What the inventory has within the range of a page and the page has not; to be looked at again when late events have had their time. */
export interface MissedOnPage {
  /** What it counts against the most that a walk holds. */
  readonly weight: number;
  readonly gone: readonly Recorded[];
  /** The inventory has so much in this range that it is not held: it is read again. */
  readonly rest?: { readonly range: KeyRange; readonly listed: ReadonlySet<string>; readonly before: number };
  readonly clockSkew: number;
}

/**
 * The part of a walk that compares an inventory with the pages of a listing. Listing and inventory are in the order of their keys, so
 * every page shows the whole of a range by itself: a walk that is cut, or taken up by another bridge, says nothing wrong about the rest.
 */
export class InventoryWalk {
  #from: string;
  readonly #end: string;

  /** @param after the key behind which the walk begins */
  constructor(
    private readonly parts: InventoryWalkParts,
    private readonly of: InventoryBucket,
    { prefix, after }: { readonly prefix: string; readonly after?: string },
  ) {
    this.#from = after === undefined ? prefix : `${after}\u0001`;
    this.#end = prefix === '' ? '+' : `(${prefix}\u{10ffff}`;
  }

  /** Takes over what a page shows, except what is still to be told of it. @param listedAt milliseconds, before the page was asked for */
  async compare({ entries, next, clockSkew }: ListingPage, listedAt: number, untold: ReadonlySet<string>): Promise<MissedOnPage> {
    const { inventory } = this.parts;
    const range = { from: this.#from, end: next === undefined ? this.#end : `(${next.cursor.key}\u0001` };
    if (next !== undefined) this.#from = `${next.cursor.key}\u0001`;
    const kept = entries.filter(({ key }) => isKeptKey(key));
    const listed = new Set(kept.map(({ key }) => key));
    const before = microsOf(listedAt + clockSkew - MARGIN);
    const recorded = new Map<string, InventoryEntry>();
    const slices = await Promise.all(inventory.partitions.map((partition) => inventory.list(this.of, partition, range)));
    for (const slice of slices) for (const [key, entry] of slice.entries) recorded.set(key, entry);
    // An object that is listed here may have been removed meanwhile: a removal that was forgotten must not be undone.
    if (slices.every(({ walking }) => walking)) await this.#take(kept.filter(({ key }) => !untold.has(key)), recorded);
    await this.#tidy(recorded);
    if (slices.some((slice) => slice.next !== undefined)) return { weight: listed.size, gone: [], rest: { range, listed, before }, clockSkew };
    const gone = missed(recorded, listed, before);
    return { weight: gone.length, gone, clockSkew };
  }

  /** Tells what is still missing. @returns false when it was told to stop */
  async tell({ gone, rest, clockSkew }: MissedOnPage): Promise<boolean> {
    if (!(await this.#tellGone(await this.#stillRecorded(gone), clockSkew))) return false;
    if (rest === undefined) return true;
    for (const partition of this.parts.inventory.partitions) {
      for (let from: string | undefined = rest.range.from; from !== undefined; ) {
        const slice = await this.parts.inventory.list(this.of, partition, { ...rest.range, from });
        await this.#tidy(slice.entries);
        if (!(await this.#tellGone(missed(slice.entries, rest.listed, rest.before), clockSkew))) return false;
        from = slice.next;
      }
    }
    return true;
  }

  async #take(entries: readonly ListedEntry[], recorded: ReadonlyMap<string, InventoryEntry>): Promise<void> {
    const changed = entries.filter((entry) => !isRecorded(entry, recorded.get(entry.key)));
    await this.parts.inventory.note(
      changed.map(({ key, lastModified, size, eTag }): InventoryChange => ({ ...this.of, key, time: microsOf(lastModified), kind: 'listed', size, eTag })),
    );
  }

  /** Forgets what is of no use any more. */
  async #tidy(recorded: ReadonlyMap<string, InventoryEntry>): Promise<void> {
    const now = microsOf(this.parts.now());
    const old = [...recorded].filter(([, { state, time, told }]) => state !== 'there' && now > (told === undefined ? time + GONE_LIFE : told.until + TOLD_LIFE));
    await this.parts.inventory.note(old.map(([key, { time }]): InventoryChange => ({ ...this.of, key, time, kind: 'superfluous' })));
  }

  async #stillRecorded(gone: readonly Recorded[]): Promise<Recorded[]> {
    const entries = await Promise.all(gone.map(({ key }) => this.parts.inventory.read({ ...this.of, key })));
    return gone.filter(({ entry }, index) => entries[index]?.state === 'there' && entries[index].time === entry.time);
  }

  async #tellGone(recorded: readonly Recorded[], clockSkew: number): Promise<boolean> {
    const { listing, append, onTold, signal, now } = this.parts;
    let told = 0;
    for (let at = 0; at < recorded.length; at += HEADS) {
      signal.throwIfAborted();
      const some = recorded.slice(at, at + HEADS);
      const gone = await Promise.all(some.map(({ key }) => listing.isGone(key)));
      const events = some.filter((_, index) => gone[index]).map((one) => removalEvent(one, this.of, { now: now(), clockSkew }));
      if (events.length > 0) await append(events);
      told += events.length;
    }
    return recorded.length === 0 || onTold(told);
  }
}

function microsOf(millis: number): number {
  return Math.max(0, millis) * 1_000;
}

/** Objects that were there before the listing that does not show them. */
function missed(recorded: ReadonlyMap<string, InventoryEntry>, listed: ReadonlySet<string>, before: number): Recorded[] {
  return [...recorded].filter(([key, { state, time }]) => state === 'there' && time < before && !listed.has(key)).map(([key, entry]) => ({ key, entry }));
}

/** Whether the inventory has what is listed, or something newer. */
function isRecorded({ lastModified, size, eTag }: ListedEntry, entry: InventoryEntry | undefined): boolean {
  if (entry === undefined) return false;
  const time = microsOf(lastModified);
  if (entry.state === 'missing') return entry.time > time;
  if (entry.state === 'gone' || entry.time > time) return entry.time >= time;
  return entry.time === time && entry.size === keptSize(size) && entry.content === contentOf(eTag);
}

/** The event that would have told that an object is gone, as far as that can be known: not when, and not by whom. It is the same object whenever it is made again. */
function removalEvent({ key, entry }: Recorded, { source, bucket }: InventoryBucket, { now, clockSkew }: { readonly now: number; readonly clockSkew: number }): BucketEvent {
  const ref = removalRefOf(source, bucket, key, entry.time);
  const goneBy = now + clockSkew;
  return {
    source,
    dialect: 'other',
    s3EventName: 'ObjectRemoved:Delete',
    eventName: ossEventName('ObjectRemoved:Delete')!,
    eventTime: new Date(goneBy).toISOString(),
    receivedAt: now,
    bucket,
    key,
    size: 0,
    eTag: '',
    sequencer: (BigInt(goneBy) * 1_000_000n).toString(16).toUpperCase(),
    sourceIpAddress: '',
    principalId: '',
    requestId: requestIdOf([ref]),
    hostId: '',
    deploymentId: '',
    userAgent: '',
    listed: [ref],
  };
}
