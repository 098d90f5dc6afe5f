import { setTimeout as sleep } from 'node:timers/promises';
import type { EventSource } from '#event-source/event-source.js';
import type { GapStore } from '#event-source/gap-store.js';
import { sinceOf, type OpenGap } from '#event-source/open-gap.js';
import type { Logger } from '#runtime/log.js';
import { MARGIN } from './bucket-walk.js';
import { GapRepair, type RepairParts } from './gap-repair.js';
import { QueueTrend, type QueueLook } from './queue-trend.js';
import type { SourceTask } from '../sources/source-task.js';
import { StoreReader } from './store-reader.js';

export interface ReconcilerTimes {
  /** Milliseconds between two looks for gaps. */
  readonly look: number;
  /** Milliseconds that a gap waits before it is repaired, and again what is found missing: events may still be on their way. */
  readonly settle: number;
  /** Milliseconds that a gap waits at the most for events that are still on their way, in the store's queue or in ours. */
  readonly longestDrain: number;
  /** Milliseconds until a store that could not be reached is tried again: doubled from the first to the second. */
  readonly firstPause: number;
  readonly longestPause: number;
  /** Milliseconds until buckets that refused to be listed are tried again. */
  readonly refusedPause: number;
}

const TIMES: ReconcilerTimes = { look: 2_000, settle: 6_000, longestDrain: 120_000, firstPause: 1_000, longestPause: 60_000, refusedPause: 600_000 };
/** Marks of what was told live four days: a reconciliation without a reason may not look back so far that it finds no marks. */
const LONGEST_SCHEDULE = 3 * 86_400_000;

export interface ReconcilerParts extends Omit<RepairParts, 'source' | 'reader' | 'gaps' | 'settle' | 'signal' | 'now'> {
  readonly gaps: GapStore;
  /** The last look at the store's queue; undefined when nobody looks. */
  readonly queue?: () => Promise<QueueLook | undefined>;
  /** Whether this bridge has taken many events that it has not told yet. */
  readonly isBehind?: () => Promise<boolean>;
  readonly logger: Logger;
  readonly times?: Partial<ReconcilerTimes>;
  readonly now?: () => number;
}

/**
 * Finds what no event told: repairs the gaps of one source by listing its buckets. Run by the source's leader; a second one at the same
 * time would only do the same work twice.
 *
 * Back-fills, which may take hours, run beside the gaps.
 */
export class Reconciler implements SourceTask {
  readonly #stopping = new AbortController();
  readonly #reader: StoreReader;
  readonly #times: ReconcilerTimes;
  readonly #now: () => number;
  #running: Promise<unknown> = Promise.resolve();
  readonly #trend = new QueueTrend();
  /** The gap whose turn it is, and since when. */
  #due: { readonly id: string; readonly since: number } | undefined;

  constructor(
    private readonly source: EventSource,
    private readonly parts: ReconcilerParts,
  ) {
    this.#reader = StoreReader.for(source);
    this.#times = { ...TIMES, ...parts.times };
    this.#now = parts.now ?? Date.now;
  }

  start(): void {
    this.#running = Promise.all([this.#loop(false), this.#loop(true)]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#reader.close();
    await this.#running;
  }

  get #signal(): AbortSignal {
    return this.#stopping.signal;
  }

  async #loop(backfills: boolean): Promise<void> {
    const { gaps, logger } = this.parts;
    while (!this.#signal.aborted) {
      try {
        if (!backfills) {
          await this.#openScheduled();
          await this.#openForInventory();
        }
        const gap = (await gaps.list(this.source.name)).find((open) => (open.backfill !== undefined) === backfills && this.#isDue(open));
        if (gap !== undefined && !(await this.#isDraining(gap))) {
          await this.#repair(gap);
          continue;
        }
      } catch (error) {
        if (!this.#signal.aborted) logger.debug({ source: this.source.name, reason: String(error) }, 'gaps could not be looked at');
      }
      await this.#sleep(this.#times.look);
    }
  }

  #isDue({ state, changedAt, notBefore, backfill }: OpenGap): boolean {
    if (state !== 'waiting') return state === 'running';
    return backfill !== undefined || (this.#now() >= changedAt + this.#times.settle && this.#now() >= notBefore);
  }

  /** Whether events are on their way still: they tell more than a listing, and it would tell the same before them. */
  async #isDraining({ id, backfill }: OpenGap): Promise<boolean> {
    if (backfill !== undefined) return false;
    if (this.#due?.id !== id) this.#due = { id, since: this.#now() };
    const { since } = this.#due;
    if (this.#now() >= since + this.#times.longestDrain) return false;
    const { queue, isBehind } = this.parts;
    return this.#trend.isDraining(await queue?.(), since) || (await isBehind?.()) === true;
  }

  /** The first time there is nothing to compare with: what the store held before is not told. */
  async #openScheduled(): Promise<void> {
    const { name, reconcileInterval } = this.source;
    const { gaps } = this.parts;
    const now = this.#now();
    const proven = await gaps.provenUntil(name);
    if (proven === undefined) return gaps.prove(name, now);
    if (reconcileInterval === 0 || this.source.buckets.length === 0 || now - proven < reconcileInterval * 1_000) return;
    if ((await gaps.list(name)).some(({ reasons }) => reasons.includes('schedule'))) return;
    await gaps.openGap(name, { reason: 'schedule', since: Math.max(proven, now - LONGEST_SCHEDULE) });
  }

  /** An inventory begins with a walk. It tells nothing of what is there already. */
  async #openForInventory(): Promise<void> {
    const { gaps, inventories } = this.parts;
    const { name, buckets, inventory } = this.source;
    if (!inventory) return;
    const unknown = await inventories.unknown(name, buckets);
    if (unknown.length === 0) return;
    const open = (await gaps.list(name)).filter(({ backfill }) => backfill === undefined);
    const without = unknown.filter((bucket) => open.every(({ spans }) => sinceOf(spans, bucket) === undefined));
    if (without.length > 0) await gaps.openGap(name, { reason: 'schedule', since: this.#now() + 2 * MARGIN, buckets: without });
  }

  async #repair(gap: OpenGap): Promise<void> {
    const { gaps, logger } = this.parts;
    const { name } = this.source;
    if (!(await gaps.begin(name, gap.id))) return;
    const repair = new GapRepair(gap, { ...this.parts, source: this.source, reader: this.#reader, settle: this.#times.settle, signal: this.#signal, now: this.#now });
    logger.info({ source: name, gap: gap.id, reasons: gap.reasons }, 'reconciliation begins');
    if (!(await this.#untilDone(repair))) return;
    const { progress, refused } = repair;
    if (refused.length > 0) {
      await gaps.putBack(name, gap.id, { spans: refused, notBefore: this.#now() + this.#times.refusedPause, progress: { ...progress, done: [] } });
      logger.warn({ source: name, gap: gap.id, problems: progress.problems }, 'buckets refuse to be listed: they are tried again');
      return;
    }
    await gaps.close(name, gap.id, progress);
    const whole = gap.spans.some(({ buckets, prefix }) => buckets === undefined && prefix === undefined);
    if (whole && this.source.buckets.length > 0) await gaps.prove(name, progress.startedAt);
    const { listed, found, told, problems } = progress;
    logger.info({ source: name, gap: gap.id, listed, found, told, problems }, 'reconciliation done');
  }

  /** @returns false when the gap was paused or cancelled, or this process no longer leads */
  async #untilDone(repair: GapRepair): Promise<boolean> {
    let pause = this.#times.firstPause;
    for (;;) {
      const before = repair.progress.listed;
      try {
        return await repair.run();
      } catch (error) {
        if (this.#signal.aborted) return false;
        const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        this.parts.logger.warn({ source: this.source.name, reason }, 'reconciliation waits');
        if (repair.progress.listed > before) pause = this.#times.firstPause;
        const goesOn = await repair.wait(reason).catch(() => true);
        await this.#sleep(pause);
        if (!goesOn || this.#signal.aborted) return false;
        pause = Math.min(this.#times.longestPause, pause * 2);
      }
    }
  }

  async #sleep(millis: number): Promise<void> {
    await sleep(millis, undefined, { signal: this.#signal }).catch(() => undefined);
  }
}
