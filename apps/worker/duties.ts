import type { Logger } from '#runtime/log.js';
import type { Wakeup } from '#topic/pending-delivery.js';
import type { PendingQueueAddress } from '#topic/subscription.js';
import type { DeliveryMetrics } from './delivery-metrics.js';
import type { PartitionActivity } from './partition-activity.js';

/** Milliseconds between two rounds. */
export const DUTY_INTERVAL = 15_000;

/**
 * Milliseconds without a sign of life after which an armed pending queue counts as forgotten: longer than any attempt and than BullMQ
 * needs to give the job of a killed worker to another one.
 *
 * What is owed after a crash is on its way again after this time, one interval and the backlog at the latest.
 */
export const STALE_MILLIS = 20_000;

export interface DutiesOptions {
  readonly findActive: () => Promise<PartitionActivity[]>;
  readonly source: {
    sweep(partition: number, staleMillis: number): Promise<{ wakeups: Wakeup[]; timers: { address: PendingQueueAddress; due: number }[] }>;
  };
  readonly upkeep: { run(partition: number): Promise<number | undefined> };
  readonly replays: { advance(partition: number): Promise<void> };
  readonly drains: { wake(wakeups: readonly Wakeup[]): Promise<void>; addTimer(address: PendingQueueAddress, due: number): Promise<void> };
  readonly metrics: DeliveryMetrics;
  readonly logger: Logger;
}

/** What must happen from time to time without anybody asking. One worker at a time does it; doing it twice does no harm. */
export class Duties {
  constructor(private readonly options: DutiesOptions) {}

  /** One round over all partitions. A partition that fails does not keep the others from their turn. @throws the last error */
  async run(): Promise<void> {
    let failure: unknown;
    for (const { partition, sweep, upkeep } of await this.options.findActive()) {
      try {
        if (sweep) await this.#sweep(partition);
        if (!upkeep) continue;
        await this.options.replays.advance(partition);
        await this.options.upkeep.run(partition);
      } catch (error) {
        failure = error;
        this.options.logger.warn({ partition, reason: String(error) }, 'duties of a partition failed; the next round repeats them');
      }
    }
    if (failure !== undefined) throw failure as Error;
  }

  async #sweep(partition: number): Promise<void> {
    const { source, drains, metrics, logger } = this.options;
    const { wakeups, timers } = await source.sweep(partition, STALE_MILLIS);
    if (wakeups.length === 0 && timers.length === 0) return;
    metrics.swept(wakeups.length, timers.length);
    logger.debug({ partition, drains: wakeups.length, timers: timers.length }, 'lost wake-ups found');
    await drains.wake(wakeups);
    for (const { address, due } of timers) await drains.addTimer(address, due);
  }
}
