import type { GapReason } from './gap.js';

/** Buckets and the time from which on they are looked through. */
export interface GapSpan {
  /** Milliseconds since the epoch; 0: since ever. */
  readonly since: number;
  /** Absent: all buckets of the source. */
  readonly buckets?: readonly string[];
  /** Only keys that begin with it; back-fills only. */
  readonly prefix?: string;
}

/** Where the listing of a bucket goes on: behind this key, and in a versioned bucket behind this version of it. */
export interface ListingCursor {
  readonly key: string;
  readonly version?: string;
}

export interface GapProgress {
  readonly startedAt: number;
  /** Buckets that are done with. */
  readonly done: readonly string[];
  /** The bucket that is being listed, and how far its entries are dealt with. */
  readonly bucket?: string;
  readonly cursor?: ListingCursor;
  /** Entries of listings that were looked at. */
  readonly listed: number;
  /** Those of them that lie in the gap. */
  readonly found: number;
  /** Those of them that no event had told, and that were told now. */
  readonly told: number;
  /** Why buckets could not be listed. */
  readonly problems: readonly { readonly bucket: string; readonly reason: string }[];
  /** Why nothing goes on now; the next attempt follows. */
  readonly waitingFor?: string;
}

/**
 * `waiting`: further gaps join it. `running`: it is being repaired; what is missed from now on needs another gap, because a bucket that
 * was listed already is not listed again. `paused`: by the operator.
 */
export type GapState = 'waiting' | 'running' | 'paused';

/** A gap that is not repaired yet. */
export interface OpenGap {
  readonly id: string;
  readonly state: GapState;
  readonly reasons: readonly GapReason[];
  readonly spans: readonly GapSpan[];
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  /** When the latest gap joined; the settle time is counted from here. */
  readonly changedAt: number;
  /** Until when buckets that refused to be listed are left alone, 0 for no such time. Another gap that joins lets it begin as usual. */
  readonly notBefore: number;
  /** A back-fill: asked for by the operator, never joined by others, and slower. */
  readonly backfill?: BackfillRates;
  readonly progress?: GapProgress;
}

/** How fast a back-fill may go. */
export interface BackfillRates {
  /** Pages of 1,000 entries that are listed in a second. */
  readonly pagesPerSecond: number;
  readonly eventsPerSecond: number;
}

/** `repaired` although some buckets may have had problems: these are named. */
export type GapOutcome = 'repaired' | 'cancelled';

export interface ClosedGap extends OpenGap {
  readonly closedAt: number;
  readonly outcome: GapOutcome;
}

/** More spans become one that covers all of them. */
const MOST_SPANS = 20;

/** Spans that cover what the given ones and `span` cover, without those that others make superfluous. */
export function addSpan(spans: readonly GapSpan[], span: GapSpan): GapSpan[] {
  if (spans.some((other) => covers(other, span))) return [...spans];
  const left = [...spans.filter((other) => !covers(span, other)), span];
  return left.length <= MOST_SPANS ? left : [{ since: Math.min(...left.map(({ since }) => since)) }];
}

/** From when on a bucket is to be looked through; undefined when not at all. */
export function sinceOf(spans: readonly GapSpan[], bucket: string): number | undefined {
  const sinces = spans.filter(({ buckets }) => buckets === undefined || buckets.includes(bucket)).map(({ since }) => since);
  return sinces.length === 0 ? undefined : Math.min(...sinces);
}

function covers(one: GapSpan, other: GapSpan): boolean {
  if (one.since > other.since) return false;
  if (one.prefix !== undefined && other.prefix?.startsWith(one.prefix) !== true) return false;
  if (one.buckets === undefined) return true;
  return other.buckets !== undefined && other.buckets.every((bucket) => one.buckets!.includes(bucket));
}
