import { setTimeout as sleep } from 'node:timers/promises';
import type { EventSource } from '#event-source/event-source.js';
import type { GapReason } from '#event-source/gap.js';
import type { SourceStatus, StoreStatus } from '#event-source/source-status-store.js';
import type { Logger } from '#runtime/log.js';
import type { BridgeMetrics } from '../bridge-metrics.js';
import type { SourceTask } from './source-task.js';
import { StoreHistory, type StoreChange } from './store-history.js';
import type { StoreFigures } from './store-metrics.js';
import type { StoreProbe, StoreSight } from './store-probe.js';

/** Milliseconds between two looks. */
const INTERVAL = 10_000;
/** Milliseconds for which MinIO keeps the answer: what the metrics say may be so old. */
const METRICS_AGE = 10_000;

export interface StoreWatchParts {
  readonly source: EventSource;
  readonly probe: Pick<StoreProbe, 'look'>;
  readonly gaps: { report(reason: GapReason, since: number): void; readonly pending: boolean };
  readonly status: { set(changes: SourceStatus): void };
  /** As the leader before wrote it. Fails while Redis is away. */
  readonly lastProvenLive: () => Promise<number | undefined>;
  /** Milliseconds since the epoch until which listening missed nothing; absent where it need not be complete. */
  readonly listenedUntil?: () => number;
  /** The store's process is a new one. */
  readonly onRestart: () => void;
  readonly metrics: Pick<BridgeMetrics, 'storeUp' | 'storeQueue'>;
  readonly logger: Logger;
  readonly interval?: number;
  readonly metricsAge?: number;
}

/**
 * Asks a store every few seconds how it is, and opens a gap when that shows that events may have been missed: it started again, it
 * dropped events, its queue does not move, or, where it has no metrics to tell, it was away. While nothing of that happens, the time
 * until which continuity is proven moves on; the next leader starts from there.
 */
export class StoreWatch implements SourceTask {
  readonly #history: StoreHistory;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;
  #status: StoreStatus | undefined;
  /** When the store was last seen well. */
  #wellAt: number | undefined;

  constructor(private readonly parts: StoreWatchParts) {
    this.#history = new StoreHistory(parts.source);
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    const { name } = this.parts.source;
    this.parts.metrics.storeUp.remove({ source: name });
    this.parts.metrics.storeQueue.remove({ source: name });
  }

  async #run(): Promise<void> {
    const interval = this.parts.interval ?? INTERVAL;
    await this.#takeOver(interval);
    while (!this.#stopping.signal.aborted) {
      const at = Date.now();
      const sight = await this.parts.probe.look(this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      this.#judge(sight, at);
      await this.#wait(interval);
    }
  }

  /** Nobody proves what happened since the leader before this one wrote its last proof. */
  async #takeOver(interval: number): Promise<void> {
    const { source, gaps, status, logger } = this.parts;
    while (!this.#stopping.signal.aborted) {
      try {
        const since = await this.parts.lastProvenLive();
        if (since !== undefined) gaps.report('bridge-started', since);
        else {
          logger.info({ source: source.name }, 'an event source that was not watched before: what its buckets hold already is not told, unless a back-fill is asked for');
          status.set({ lastProvenLive: Date.now() });
        }
        return;
      } catch (error) {
        logger.debug({ source: source.name, reason: String(error) }, 'the status of an event source cannot be read');
        await this.#wait(interval / 10);
      }
    }
  }

  #judge(sight: StoreSight, at: number): void {
    const { gaps, onRestart, metrics, source } = this.parts;
    const change = sight.reachable && sight.figures !== undefined ? this.#history.observe(sight.figures, at) : undefined;
    const returned = sight.reachable && this.#status?.state === 'unreachable';
    // A store with metrics tells by them what happened while it was away.
    if (returned && change === undefined) gaps.report('store-unreachable', this.#wellAt ?? this.#status!.since);
    for (const { reason, since } of change?.gaps ?? []) gaps.report(reason, since - this.#metricsAge);
    if (change?.restarted === true || (returned && change === undefined)) onRestart();
    metrics.storeUp.set({ source: source.name }, sight.reachable ? 1 : 0);
    this.#showStatus(sight, change, at);
    if (!sight.reachable) return;
    this.#wellAt = at;
    this.#prove(change === undefined ? at : at - this.#metricsAge);
  }

  #showStatus(sight: StoreSight, change: StoreChange | undefined, at: number): void {
    const { source, logger, status, metrics } = this.parts;
    const state = sight.reachable ? 'reachable' : 'unreachable';
    const before = this.#status;
    if (before?.state !== state) logger[sight.reachable ? 'info' : 'warn']({ source: source.name, state, ...(!sight.reachable && { reason: sight.reason }) }, 'store');
    const figures = sight.reachable ? sight.figures : undefined;
    const now: StoreStatus = {
      state,
      since: before?.state === state ? before.since : at,
      ...(!sight.reachable && { reason: sight.reason }),
      metrics: figures !== undefined,
      ...(sight.reachable && sight.figures === undefined && { metricsReason: sight.reason }),
      ...(figures && this.#numbers(figures)),
      ...(change && change.stuck.length > 0 && { remedy: remedyFor(change.stuck) }),
      checkedAt: at,
    };
    if (now.remedy !== undefined && before?.remedy === undefined) logger.error({ source: source.name, queueLength: now.queueLength }, now.remedy);
    if (now.queueLength !== undefined) metrics.storeQueue.set({ source: source.name }, now.queueLength);
    this.#status = now;
    status.set({ store: now });
  }

  #numbers(figures: StoreFigures): Pick<StoreStatus, 'startedAt' | 'queueLength' | 'skipped' | 'failed'> {
    const targets = this.#history.mattering(figures);
    return {
      ...(figures.startedAt.size > 0 && { startedAt: Math.max(...figures.startedAt.values()) }),
      queueLength: sum(targets.map(({ queued }) => queued)),
      skipped: sum([...figures.skipped.values()]),
      failed: sum(targets.map(({ failed }) => failed)),
    };
  }

  #prove(at: number): void {
    const { gaps, status, listenedUntil } = this.parts;
    // A gap that is not recorded yet would be forgotten with this process.
    if (!gaps.pending) status.set({ lastProvenLive: Math.min(at, listenedUntil?.() ?? at) });
  }

  get #metricsAge(): number {
    return this.parts.metricsAge ?? METRICS_AGE;
  }

  async #wait(millis: number): Promise<void> {
    await sleep(millis, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

function remedyFor(targets: readonly string[]): string {
  return (
    `Events lie in the queue of ${targets.join(', ')} and do not arrive. Check that the target's address and token are those of this hub and that the hub takes events; ` +
    'else a damaged file is at the head: look into the target\'s queue_dir on the store\'s machine, delete the .event file that is no JSON, and restart nothing. What it held is found by listing.'
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
