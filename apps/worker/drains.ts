import { setMaxListeners } from 'node:events';
import type { AttemptLog } from '#delivery/attempt-log.js';
import type { DrainJob } from '#delivery/drain-queue.js';
import type { Clock } from '#runtime/clock.js';
import type { Logger } from '#runtime/log.js';
import type { PendingQueueAddress } from '#topic/subscription.js';
import { attemptDelivery, type AttemptTools } from './attempt.js';
import { Drain, type DeliverySource, type DrainScheduler, type DrainTools } from './drain.js';
import type { DeliveryMetrics } from './delivery-metrics.js';
import type { EndpointWindows } from './endpoint-window.js';

/** Attempts recorded in a partition after which its attempt log is trimmed. */
const TRIM_EVERY = 1_000;

export interface DrainsOptions {
  readonly source: DeliverySource & { fireTimer(address: PendingQueueAddress, due: number): Promise<number | undefined> };
  readonly scheduler: DrainScheduler;
  readonly channels: AttemptTools['channels'];
  readonly attemptLog: Pick<AttemptLog, 'trim'>;
  readonly windows: EndpointWindows;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: DeliveryMetrics;
  readonly logger: Logger;
}

/** Runs the drains of this process and can end them all. */
export class Drains {
  readonly #stopping = new AbortController();
  readonly #abandoning = new AbortController();
  readonly #recorded = new Map<number, number>();
  readonly #tools: DrainTools;

  constructor(private readonly options: DrainsOptions) {
    // One listener for each drain and each push in flight.
    setMaxListeners(0, this.#stopping.signal, this.#abandoning.signal);
    this.#tools = {
      source: options.source,
      scheduler: options.scheduler,
      clock: options.clock,
      logger: options.logger,
      attempt: (subscription, pending, window, signal) => attemptDelivery(options, subscription, pending, window, signal),
      onSettled: (address, recorded, lost) => this.#onSettled(address.partition, recorded, lost),
      stopping: this.#stopping.signal,
      abandoning: this.#abandoning.signal,
    };
  }

  /** Runs the drain of a pending queue while `epoch` is in charge. @throws RedisUnavailable: to be repeated */
  async drain({ partition, id, epoch, pause }: (DrainJob & { name: 'drain' })['data']): Promise<void> {
    const { windows, metrics } = this.options;
    const window = windows.get(id);
    if (pause !== undefined) window.continueAfter(pause);
    metrics.drainStarted();
    try {
      await new Drain(this.#tools, { partition, id }, epoch, window).run();
    } finally {
      metrics.drainEnded();
      windows.release(id);
    }
  }

  /** @throws RedisUnavailable: to be repeated */
  async fireTimer({ partition, id, due }: (DrainJob & { name: 'timer' })['data']): Promise<void> {
    const epoch = await this.options.source.fireTimer({ partition, id }, due);
    if (epoch !== undefined) await this.drain({ partition, id, epoch });
  }

  /** Nothing more is taken; what is in flight may finish. */
  stop(): void {
    this.#stopping.abort(new Error('the worker stops'));
  }

  /** What is still in flight is given up, and its deliveries go back as if nothing had been tried. */
  abandon(): void {
    this.#abandoning.abort(new Error('the worker stops'));
  }

  #onSettled(partition: number, recorded: number, lost: number): void {
    if (lost > 0) this.options.metrics.unsettled(lost);
    if (recorded === 0) return;
    const count = (this.#recorded.get(partition) ?? 0) + recorded;
    this.#recorded.set(partition, count % TRIM_EVERY);
    if (count < TRIM_EVERY) return;
    this.options.attemptLog.trim(partition).catch((error: unknown) => {
      this.options.logger.warn({ partition, reason: String(error) }, 'attempt log was not trimmed');
    });
  }
}
