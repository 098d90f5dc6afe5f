import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptLog } from '#delivery/attempt-log.js';
import type { DrainJob } from '#delivery/drain-queue.js';
import type { Clock } from '#runtime/clock.js';
import type { Logger } from '#runtime/log.js';
import type { DrainRun, Wakeup } from '#topic/pending-delivery.js';
import type { PendingQueueAddress } from '#topic/subscription.js';
import { attemptBatch, attemptDelivery, type AttemptTools } from './attempt.js';
import { BatchedAttempts } from './batched-attempts.js';
import { Drain, type DeliverySource, type DrainScheduler, type DrainTools } from './drain.js';
import type { DeliveryMetrics } from './delivery-metrics.js';
import type { EndpointWindows } from './endpoint-window.js';
import { FairShare } from './fair-share.js';

/** Attempts recorded in a partition after which its attempt log is trimmed. */
const TRIM_EVERY = 1_000;
/** Drains that hints have started at a time; those beyond are left to their publisher, who adds jobs. What they push is bounded by slots. */
const HINTED = 10_000;
/** Pending queues whose owner is remembered. */
const KNOWN_ACCOUNTS = 20_000;
/** Milliseconds after which a drain that a hint has started gets a job, by which another worker goes on should this one be killed. */
const GUARD_AFTER = 2_000;
/** Milliseconds until a drain that a hint has started is tried again after Redis was away. */
const TRY_AGAIN = 1_000;

export interface DrainsOptions {
  readonly source: DeliverySource & { fireTimer(address: PendingQueueAddress, due: number): Promise<number | undefined> };
  readonly scheduler: DrainScheduler & { wake(wakeups: readonly Wakeup[]): Promise<void> };
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
  readonly #batches: BatchedAttempts;
  readonly #tools: DrainTools;
  /** Told by a hint and running, by pending queue and epoch. */
  readonly #hinted = new Map<string, Promise<void>>();
  readonly #accounts = new Map<string, string>();

  constructor(private readonly options: DrainsOptions) {
    // One listener for each drain and each push in flight.
    setMaxListeners(0, this.#stopping.signal, this.#abandoning.signal);
    this.#batches = new BatchedAttempts((...args) => attemptBatch(options, ...args), options.clock);
    this.#tools = {
      source: options.source,
      scheduler: options.scheduler,
      share: new FairShare(),
      accounts: { get: (id) => this.#accounts.get(id), set: (id, account) => this.#rememberAccount(id, account) },
      clock: options.clock,
      logger: options.logger,
      attempt: (subscription, pending, window, signal) =>
        subscription.options?.batch === undefined
          ? attemptDelivery(options, subscription, pending, window, signal)
          : this.#batches.attempt(subscription, subscription.options.batch, pending, window, signal),
      onSettled: (address, recorded, lost) => this.#onSettled(address.partition, recorded, lost),
      stopping: this.#stopping.signal,
      abandoning: this.#abandoning.signal,
    };
  }

  /** Runs the drain of a pending queue while `epoch` is in charge. @throws RedisUnavailable: to be repeated */
  async drain({ partition, id, epoch, pause }: (DrainJob & { name: 'drain' })['data']): Promise<void> {
    // The run is this worker's own and has a job behind it from now on. If it ends with work left, this job goes on.
    await this.#hinted.get(nameOf({ id, epoch }));
    await this.#run({ partition, id }, { epoch, name: `j${newRunId()}`, claim: 'take-over' }, pause);
  }

  /** Begins at once with drains that a publish has just armed, unless another worker does. Never fails. */
  hint(wakeups: readonly Wakeup[]): void {
    for (const wakeup of wakeups) {
      const name = nameOf(wakeup);
      if (this.#hinted.size >= HINTED || this.#hinted.has(name) || this.#stopping.signal.aborted) continue;
      const running = this.#runHinted(wakeup).finally(() => this.#hinted.delete(name));
      this.#hinted.set(name, running);
    }
  }

  /** Resolves when no drain that a hint has started is running any more. */
  async hintedEnd(): Promise<void> {
    while (this.#hinted.size > 0) await Promise.all(this.#hinted.values());
  }

  /** Never rejects. No job is tried again for it, so it does so itself, until somebody else is in charge. */
  async #runHinted(wakeup: Wakeup): Promise<void> {
    const run = { epoch: wakeup.epoch, name: `h${newRunId()}`, claim: 'if-free' as const };
    const guard = setTimeout(() => void this.options.scheduler.wake([wakeup]).catch(() => undefined), GUARD_AFTER);
    for (;;) {
      try {
        await this.#run(wakeup, run);
        break;
      } catch (error) {
        this.options.logger.warn({ reason: String(error) }, 'drain failed and will be tried again');
        await sleep(TRY_AGAIN, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
        if (this.#stopping.signal.aborted) break;
      }
    }
    clearTimeout(guard);
  }

  async #run({ partition, id }: PendingQueueAddress, run: DrainRun & { readonly claim: 'if-free' | 'take-over' }, pause?: number): Promise<void> {
    const { windows, metrics } = this.options;
    const window = windows.get(id);
    if (pause !== undefined) window.continueAfter(pause);
    metrics.drainStarted();
    try {
      await new Drain(this.#tools, { partition, id }, run, window).run();
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

  #rememberAccount(id: string, account: string): void {
    const [oldest] = this.#accounts.keys();
    if (this.#accounts.size >= KNOWN_ACCOUNTS && oldest !== undefined) this.#accounts.delete(oldest);
    this.#accounts.set(id, account);
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

function nameOf({ id, epoch }: Pick<Wakeup, 'id' | 'epoch'>): string {
  return `${id}.${epoch}`;
}

function newRunId(): string {
  return randomBytes(6).toString('base64url');
}
