import type { EventSource } from '#event-source/event-source.js';
import type { GapStore } from '#event-source/gap-store.js';
import type { InventoryRegistry } from '#event-source/inventory-registry.js';
import { sinceOf, type GapProgress, type GapSpan, type ListingCursor, type OpenGap } from '#event-source/open-gap.js';
import { BucketListing } from './bucket-listing.js';
import { BucketWalk, type WalkCounts } from './bucket-walk.js';
import type { Inventory } from '../inventory/inventory.js';
import { InventoryWalk } from '../inventory/inventory-walk.js';
import type { Journal } from '../journal/journal.js';
import { JournalFeed } from './journal-feed.js';
import { Pace } from './pace.js';
import type { StateMarks } from '../journal/state-marks.js';
import { StoreRefused, type StoreReader } from './store-reader.js';

/** Milliseconds between two reports of progress. */
const REPORT_INTERVAL = 1_000;

export interface RepairParts {
  readonly source: EventSource;
  readonly reader: Pick<StoreReader, 'get' | 'head'>;
  readonly gaps: Pick<GapStore, 'progress'>;
  readonly marks: Pick<StateMarks, 'areTold'>;
  readonly journal: Pick<Journal, 'append' | 'length'>;
  readonly inventory: Inventory;
  readonly inventories: Pick<InventoryRegistry, 'get' | 'put' | 'unknown'>;
  readonly onCounts: (counts: WalkCounts) => void;
  /** Milliseconds; see `BucketWalk`. */
  readonly settle: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** What a gap has to do in one bucket. */
interface BucketPart {
  readonly bucket: string;
  readonly since: number;
  readonly prefix: string;
}

/**
 * Repairs one gap: walks its buckets one after the other. What it has done so far it keeps, here and in the store of gaps, so that
 * after an error, or under another leader, it goes on where it was.
 */
export class GapRepair {
  readonly #startedAt: number;
  readonly #done: string[];
  /** The bucket that is being walked, and how far. */
  #at: { readonly bucket?: string; readonly cursor?: ListingCursor };
  #counts: WalkCounts;
  #problems: GapProgress['problems'];
  #waitingFor: string | undefined;
  /** Buckets that the store would not list, though they are there. */
  readonly #refused = new Set<string>();
  #reportedAt = 0;
  readonly #feed: JournalFeed;
  readonly #pace: Pace | undefined;

  constructor(
    private readonly gap: OpenGap,
    private readonly parts: RepairParts,
  ) {
    const { startedAt = parts.now(), done = [], bucket, cursor, listed = 0, found = 0, told = 0, problems = [] } = gap.progress ?? {};
    this.#startedAt = startedAt;
    this.#done = [...done];
    this.#at = { ...(bucket !== undefined && { bucket }), ...(cursor && { cursor }) };
    this.#counts = { listed, found, told };
    this.#problems = problems.filter((problem) => done.includes(problem.bucket));
    this.#feed = new JournalFeed(parts.journal, parts.signal, gap.backfill?.eventsPerSecond);
    this.#pace = gap.backfill && new Pace(gap.backfill.pagesPerSecond);
  }

  get progress(): GapProgress {
    return {
      startedAt: this.#startedAt,
      done: [...this.#done],
      ...this.#at,
      ...this.#counts,
      problems: this.#problems,
      ...(this.#waitingFor !== undefined && { waitingFor: this.#waitingFor }),
    };
  }

  /** The spans of buckets that refused, to be tried again later. */
  get refused(): GapSpan[] {
    return [...this.#refused].map((bucket) => ({ since: sinceOf(this.gap.spans, bucket) ?? 0, buckets: [bucket], ...prefixOf(this.gap) }));
  }

  /** @returns false when the gap was paused or cancelled · @throws StoreUnreachable · RedisUnavailable: call it again */
  async run(): Promise<boolean> {
    const parts = partsOf(this.gap, this.parts.source);
    if (parts.length === 0) this.#problems = [{ bucket: '*', reason: 'the source names no buckets: nothing was listed' }];
    for (const part of parts) {
      if (this.#done.includes(part.bucket)) continue;
      try {
        if (!(await this.#walk(part))) return false;
      } catch (error) {
        if (!(error instanceof StoreRefused)) throw error;
        if (!error.isMissing) this.#refused.add(part.bucket);
        this.#problems = [...this.#problems, { bucket: part.bucket, reason: error.message }];
      }
      this.#done.push(part.bucket);
      this.#at = {};
      if (!(await this.#report())) return false;
    }
    return true;
  }

  /** Shows why nothing goes on now. @returns false when the gap was paused or cancelled */
  async wait(reason: string): Promise<boolean> {
    this.#waitingFor = reason;
    return this.#report();
  }

  async #walk({ bucket, since, prefix }: BucketPart): Promise<boolean> {
    const { source, reader, marks, settle, signal, now } = this.parts;
    const listing = await BucketListing.open(reader, bucket, prefix, signal);
    const cursor = this.#at.bucket === bucket ? this.#at.cursor : undefined;
    this.#at = { bucket, ...(cursor && { cursor }) };
    const inventory = await this.#openInventory(listing, { bucket, prefix, ...(cursor && { after: cursor.key }) });
    const walk = new BucketWalk(
      {
        listing,
        told: (states) => marks.areTold(source.name, bucket, states),
        append: (events) => this.#feed.append(events),
        onProgress: (counts, at) => this.#onProgress(bucket, counts, at),
        pace: async () => this.#pace?.take(1, signal),
        ...(inventory && { inventory }),
        signal,
        now,
      },
      { source: source.name, bucket, since, settle, ...(cursor && { cursor }) },
    );
    return walk.run();
  }

  /** What is known of another store, or of a bucket that is versioned by now, is removed first. */
  async #openInventory(listing: BucketListing, { bucket, ...range }: { bucket: string; prefix: string; after?: string }): Promise<InventoryWalk | undefined> {
    const { source, inventory, inventories, signal, now } = this.parts;
    const of = { source: source.name, bucket };
    if (!inventory.isWanted(of)) return undefined;
    const endpoint = source.endpoint ?? '';
    const state = listing.versions ? 'versioned' : 'kept';
    const known = await inventories.get(source.name, bucket);
    if (known?.state !== state || known.endpoint !== endpoint) {
      while (!(await inventory.drop(of)));
      await inventories.put(source.name, bucket, { state, endpoint, since: now() });
    }
    if (listing.versions) return undefined;
    await inventory.begin(of);
    const onTold = (told: number) => this.#onProgress(bucket, { listed: 0, found: told, told }, undefined);
    return new InventoryWalk({ inventory, listing, append: (events) => this.#feed.append(events), onTold, signal, now }, of, range);
  }

  async #onProgress(bucket: string, counts: WalkCounts, cursor: ListingCursor | undefined): Promise<boolean> {
    const { listed, found, told } = this.#counts;
    this.#counts = { listed: listed + counts.listed, found: found + counts.found, told: told + counts.told };
    if (cursor !== undefined) this.#at = { bucket, cursor };
    this.#waitingFor = undefined;
    this.parts.onCounts(counts);
    return this.parts.now() - this.#reportedAt < REPORT_INTERVAL ? true : this.#report();
  }

  #report(): Promise<boolean> {
    this.#reportedAt = this.parts.now();
    return this.parts.gaps.progress(this.parts.source.name, this.gap.id, this.progress);
  }
}

/** Each bucket once, from the earliest time that any span gives it. A back-fill has one span, perhaps with a prefix. */
function partsOf(gap: OpenGap, source: EventSource): BucketPart[] {
  const buckets = new Set(gap.spans.flatMap((span) => span.buckets ?? source.buckets));
  return [...buckets].map((bucket) => ({ bucket, since: sinceOf(gap.spans, bucket) ?? 0, prefix: prefixOf(gap).prefix ?? '' }));
}

function prefixOf({ spans }: OpenGap): { prefix?: string } {
  const prefix = spans[0]?.prefix;
  return prefix === undefined ? {} : { prefix };
}
