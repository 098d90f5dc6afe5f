import { setTimeout as sleep } from 'node:timers/promises';
import type { BucketEvent, StateRef } from '#event-rule/bucket-event.js';
import { listedRefsOf } from '#event-rule/state-id.js';
import { canaryId } from '#event-source/canary.js';
import type { ListingCursor } from '#event-source/open-gap.js';
import type { BucketListing, ListingPage, PageStart } from './bucket-listing.js';
import type { InventoryWalk, MissedOnPage } from '../inventory/inventory-walk.js';
import { listedEvent } from './listed-event.js';
import type { ListedEntry } from './listing-xml.js';

/** Milliseconds by which an entry may be older than the gap: clocks are never quite the same. */
export const MARGIN = 60_000;
/** Entries that nobody told, and that wait to be looked at once more; with more, the listing waits. */
const MOST_MISSING = 5_000;
/** HEAD requests at a time. */
const HEADS = 8;
/** Events that are handed to the journal together. */
const TOLD_AT_ONCE = 100;
/** For entries older than this no copy of an event is likely to be on its way. */
const SETTLED_LONG_AGO = 600_000;

export interface WalkParts {
  readonly listing: Pick<BucketListing, 'page' | 'metadata'>;
  /** Which of the states somebody told, in their order. */
  readonly told: (states: readonly StatesOfObject[]) => Promise<readonly boolean[]>;
  /** Returns once the events are in the journal; waits while that is full. */
  readonly append: (events: readonly BucketEvent[]) => Promise<void>;
  /** What was done up to the cursor; false: stop. Absent cursor: the bucket is done. */
  readonly onProgress: (counts: WalkCounts, cursor?: ListingCursor) => Promise<boolean>;
  /** Waits until the next page may be listed. */
  readonly pace: () => Promise<void>;
  /** Compares the bucket's inventory with each page; absent: none is kept. */
  readonly inventory?: Pick<InventoryWalk, 'compare' | 'tell'>;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

export interface WalkTarget {
  readonly source: string;
  readonly bucket: string;
  /** Milliseconds since the epoch, by our clock; 0: everything. */
  readonly since: number;
  readonly cursor?: ListingCursor;
  /** Milliseconds between the two looks at what nobody has told: its event may be on its way. */
  readonly settle: number;
}

export interface WalkCounts {
  readonly listed: number;
  readonly found: number;
  readonly told: number;
}

/** The ids of one object's state. */
export interface StatesOfObject {
  readonly key: string;
  readonly refs: readonly StateRef[];
}

interface Missing extends StatesOfObject {
  readonly entry: ListedEntry;
}

interface AskedPage extends ListingPage {
  /** Milliseconds, before it was asked for. */
  readonly listedAt: number;
}

/** A page whose entries were compared; `due`: when those that nobody told are looked at again. */
interface Compared {
  readonly counts: WalkCounts;
  readonly missing: readonly Missing[];
  /** What the inventory has and the page has not. */
  readonly missed?: MissedOnPage;
  readonly weight: number;
  readonly due: number;
  readonly cursor?: ListingCursor;
}

/**
 * Walks one bucket: lists a page while the one before it is compared with what was told, and tells what nobody told. Progress is
 * reported in the order of the pages, each once everything on it is dealt with, so that a walk can be taken up at any cursor.
 */
export class BucketWalk {
  readonly #compared: Compared[] = [];
  #missing = 0;

  constructor(
    private readonly parts: WalkParts,
    private readonly target: WalkTarget,
  ) {}

  /** @returns false when it was told to stop · @throws StoreRefused · StoreUnreachable · RedisUnavailable */
  async run(): Promise<boolean> {
    const { cursor } = this.target;
    let next = this.#list(cursor === undefined ? undefined : { cursor });
    for (;;) {
      const page = await next;
      if (page.next !== undefined) next = this.#list(page.next);
      // What comes of a page that nobody waits for any more is not looked at.
      if (page.next !== undefined) next.catch(() => undefined);
      this.#compared.push(await this.#compare(page));
      const goesOn = page.next !== undefined;
      if (!(await this.#deal(goesOn))) return false;
      if (!goesOn) return true;
    }
  }

  async #list(start: PageStart | undefined): Promise<AskedPage> {
    await this.parts.pace();
    const listedAt = this.parts.now();
    return { ...(await this.parts.listing.page(start)), listedAt };
  }

  async #compare(page: AskedPage): Promise<Compared> {
    const { source, bucket, since, settle } = this.target;
    const from = since === 0 ? 0 : Math.min(since, since + page.clockSkew) - MARGIN;
    const candidates = page.entries
      .filter(({ key, lastModified }) => lastModified >= from && canaryId(key) === undefined)
      .map((entry): Missing => ({ entry, key: entry.key, refs: listedRefsOf(source, { bucket, ...entry }, page.byTime) }));
    const missing = await this.#untold(candidates);
    const missed = await this.parts.inventory?.compare(page, page.listedAt, new Set(missing.map(({ key }) => key)));
    const weight = missing.length + (missed?.weight ?? 0);
    this.#missing += weight;
    const now = this.parts.now();
    const fresh = missing.some(({ entry }) => entry.lastModified > now + page.clockSkew - SETTLED_LONG_AGO);
    return {
      counts: { listed: page.entries.length, found: candidates.length, told: 0 },
      missing,
      ...(missed && { missed }),
      weight,
      due: fresh || (missed?.weight ?? 0) > 0 || missed?.rest !== undefined ? now + settle : now,
      ...(page.next && { cursor: page.next.cursor }),
    };
  }

  /** Deals with pages whose time has come; with all of them when the listing is at its end, or has to wait. */
  async #deal(goesOn: boolean): Promise<boolean> {
    const { now, signal, onProgress } = this.parts;
    for (let page = this.#compared[0]; page !== undefined; page = this.#compared[0]) {
      const wait = page.weight === 0 && page.missed?.rest === undefined ? 0 : page.due - now();
      if (wait > 0 && goesOn && this.#missing < MOST_MISSING) return true;
      if (wait > 0) await sleep(wait, undefined, { signal });
      const told = page.missing.length === 0 ? 0 : await this.#tell(await this.#untold(page.missing));
      if (page.missed !== undefined && !(await this.parts.inventory!.tell(page.missed))) return false;
      this.#missing -= page.weight;
      this.#compared.shift();
      if (!(await onProgress({ ...page.counts, told }, page.cursor))) return false;
    }
    return true;
  }

  async #untold(candidates: readonly Missing[]): Promise<Missing[]> {
    if (candidates.length === 0) return [];
    const told = await this.parts.told(candidates);
    return candidates.filter((_, index) => !told[index]);
  }

  /** Oldest first, so that the states of one object are told in their order; within a millisecond the listing has them newest first. */
  async #tell(missing: readonly Missing[]): Promise<number> {
    const ordered = missing.toReversed().sort((one, other) => one.entry.lastModified - other.entry.lastModified);
    for (let at = 0; at < ordered.length; at += TOLD_AT_ONCE) {
      await this.parts.append(await this.#events(ordered.slice(at, at + TOLD_AT_ONCE)));
    }
    return missing.length;
  }

  async #events(missing: readonly Missing[]): Promise<BucketEvent[]> {
    const { source, bucket } = this.target;
    const events: BucketEvent[] = [];
    for (let at = 0; at < missing.length; at += HEADS) {
      const some = missing.slice(at, at + HEADS);
      const metadata = await Promise.all(some.map(({ entry }) => (entry.kind === 'object' ? this.parts.listing.metadata(entry) : Promise.resolve(undefined))));
      events.push(...some.map(({ entry, refs }, index) => listedEvent(entry, refs, { source, bucket, now: this.parts.now() }, metadata[index])));
    }
    return events;
  }
}
