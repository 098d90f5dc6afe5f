import type { EventSource } from '#event-source/event-source.js';
import type { GapReason } from '#event-source/gap.js';
import type { StoreFigures, TargetFigures } from './store-metrics.js';

/** What the difference between two looks tells. */
export interface StoreChange {
  readonly restarted: boolean;
  readonly gaps: readonly { readonly reason: GapReason; readonly since: number }[];
  /** Targets whose queue does not move, as `target` or `target on server`. */
  readonly stuck: readonly string[];
}

/** Milliseconds for which a queue must not move before it counts as stuck. */
const STUCK_AFTER = 60_000;
/** Milliseconds after which a queue that is still stuck opens another gap: what waits in it is told by a listing meanwhile. */
const STUCK_AGAIN = 1_800_000;
/** Milliseconds: less than any restart takes. The time of start is written with hundredths of a second and stays the same for the life of a process. */
const CLOCK_TOLERANCE = 50;
/** Looks with progress among which the shortest queue counts as the idle one: files that a crash left stay in it for ever. */
const RECENT = 6;

interface QueueHistory {
  delivered: number;
  progressAt: number;
  /** After the last looks with progress. */
  lengths: readonly number[];
  gapAt?: number;
}

/**
 * Compares what a store says of itself with what it said before. Counters begin anew with a process; what that may have hidden is
 * seen as a restart. A node that is away for one look is compared when it is back.
 */
export class StoreHistory {
  #lookedAt: number | undefined;
  readonly #startedAt = new Map<string, number>();
  readonly #dropped = new Map<string, number>();
  readonly #queues = new Map<string, QueueHistory>();

  constructor(private readonly source: Pick<EventSource, 'ways' | 'durableTarget' | 'fastTarget'>) {}

  /** @param at milliseconds since the epoch, from before the store was asked */
  observe(figures: StoreFigures, at: number): StoreChange {
    const before = this.#lookedAt;
    this.#lookedAt = at;
    const restarted = raised(this.#startedAt, figures.startedAt, { tolerance: CLOCK_TOLERANCE });
    const dropped = raised(this.#dropped, this.#droppedNow(figures), { tolerance: 0 });
    const stuck = this.#stuckQueues(figures, at);
    const gaps = [...stuck.gaps];
    if (before !== undefined && dropped) gaps.unshift({ reason: 'events-dropped', since: before });
    if (before !== undefined && restarted) gaps.unshift({ reason: 'store-restarted', since: before });
    return { restarted: restarted && before !== undefined, gaps, stuck: stuck.names };
  }

  /** Targets whose losses are losses of the source: a fast copy is none where a durable one follows. */
  mattering(figures: StoreFigures): readonly TargetFigures[] {
    const { ways, durableTarget, fastTarget } = this.source;
    const wanted = ways.includes('durable') ? durableTarget : ways.includes('fast') ? fastTarget : undefined;
    return figures.targets.filter(({ target }) => target.toUpperCase() === wanted?.toUpperCase());
  }

  #droppedNow(figures: StoreFigures): Map<string, number> {
    const { ways } = this.source;
    const skipped = ways.includes('durable') || ways.includes('fast') ? [...figures.skipped] : [];
    return new Map([...skipped, ...this.mattering(figures).map(({ server, target, failed }) => [`${server} ${target}`, failed] as const)]);
  }

  #stuckQueues(figures: StoreFigures, at: number): { names: string[]; gaps: StoreChange['gaps'][number][] } {
    const names: string[] = [];
    const gaps: StoreChange['gaps'][number][] = [];
    for (const { server, target, total, failed, queued } of this.mattering(figures)) {
      const queue = this.#observeQueue(`${server} ${target}`, total - failed - queued, queued, at);
      if (at - queue.progressAt < STUCK_AFTER) continue;
      names.push(figures.startedAt.size > 1 ? `${target} on ${server}` : target);
      if (queue.gapAt !== undefined && at - queue.gapAt < STUCK_AGAIN) continue;
      gaps.push({ reason: 'queue-stuck', since: queue.progressAt });
      queue.gapAt = at;
    }
    return { names, gaps };
  }

  #observeQueue(name: string, delivered: number, queued: number, at: number): QueueHistory {
    const queue = this.#queues.get(name) ?? { delivered, progressAt: at, lengths: [] };
    this.#queues.set(name, queue);
    const progressed = delivered !== queue.delivered;
    if (progressed) queue.lengths = [...queue.lengths, queued].slice(-RECENT);
    const idle = queue.lengths.length === 0 ? 0 : Math.min(...queue.lengths);
    if (progressed || queued <= idle) {
      queue.delivered = delivered;
      queue.progressAt = at;
      delete queue.gapAt;
    }
    return queue;
  }
}

/** Whether a number is above the one before it by more than the tolerance; one that is new counts when it is above 0. */
function raised(before: Map<string, number>, now: ReadonlyMap<string, number>, { tolerance }: { readonly tolerance: number }): boolean {
  let found = false;
  for (const [name, number] of now) {
    found ||= number > (before.get(name) ?? 0) + tolerance;
    before.set(name, number);
  }
  return found;
}
