import type { Clock } from '#runtime/clock.js';
import type { Logger } from '#runtime/log.js';
import type { DrainRun, LeaseReply, PendingDelivery, Settlement, SettleReply } from '#topic/pending-delivery.js';
import type { PendingQueueAddress, Subscription } from '#topic/subscription.js';
import type { EndpointWindow } from './endpoint-window.js';
import type { FairShare } from './fair-share.js';
import { SettlementBatch } from './settlement-batch.js';

/**
 * Milliseconds for which a leased delivery belongs to this worker: longer than any channel's time limit, short because a worker that
 * is killed keeps its deliveries from the others for so long.
 */
export const LEASE_MILLIS = 15_000;

/** Milliseconds between looks for new deliveries while others are still in flight: while they fly, publishing wakes nobody. */
const FIRST_POLL = 5;
const LONGEST_POLL = 100;

/** Whose slots are taken before the first lease has told whose pending queue it is, and how many. */
const UNKNOWN_ACCOUNT = '';
const UNKNOWN_COUNT = 8;

/** Deliveries in flight to one endpoint, when pushes carry several: what they hold of this worker's memory has a bound. */
const MOST_BATCHED = 200;

/** What a drain needs of the engine's pending deliveries. */
export interface DeliverySource {
  lease(
    address: PendingQueueAddress,
    run: DrainRun,
    options: { readonly count: number; readonly leaseMillis: number; readonly lastLook: boolean },
  ): Promise<LeaseReply>;
  settle(address: PendingQueueAddress, settlements: readonly Settlement[], lastLook?: DrainRun): Promise<SettleReply>;
  entrust(address: PendingQueueAddress, run: DrainRun): Promise<void>;
}

/** What a drain needs of the drain queue to be continued after its end. */
export interface DrainScheduler {
  addTimer(address: PendingQueueAddress, due: number): Promise<void>;
  resume(address: PendingQueueAddress, epoch: number, due: number, pause?: number): Promise<void>;
}

export interface DrainTools {
  readonly source: DeliverySource;
  readonly scheduler: DrainScheduler;
  /** Of the pushes that this process may have in flight. */
  readonly share: FairShare;
  /** Owners of pending queues, as far as they are known. */
  readonly accounts: { get(id: string): string | undefined; set(id: string, account: string): void };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes one attempt; its answer is recorded. */
  readonly attempt: (to: Subscription, pending: PendingDelivery, window: EndpointWindow, signal: AbortSignal) => Promise<Settlement>;
  /** Told of outcomes: how many were recorded with a line in the attempt log, how many were lost. */
  readonly onSettled: (address: PendingQueueAddress, recorded: number, lost: number) => void;
  /** Fires when the worker stops: nothing more is leased. */
  readonly stopping: AbortSignal;
  /** Fires when the worker cannot wait any longer: pushes in flight are given up and their deliveries returned. */
  readonly abandoning: AbortSignal;
}

/**
 * One run of the drain of a pending queue: takes what is due, pushes as much at a time as the endpoint's window allows, and ends
 *
 * - when nothing is due and nothing in flight: the queue was disarmed in the same step, and the timer that the step asked for is added;
 * - when the endpoint is to be left alone: the queue stays armed and a delayed job goes on, so that a dead endpoint holds no worker;
 * - when another epoch or run is in charge, or the subscription is gone;
 * - when the worker stops: a job for another worker goes on.
 *
 * A run that was told by a hint comes into charge with its first lease, if no other is, and has no job behind it. One that has a job
 * takes over: BullMQ's jobs are durable, so they stand above hints.
 */
export class Drain {
  readonly #settlements: SettlementBatch;
  /** Attempts under way. */
  #inFlight = 0;
  /** What is leased and not recorded yet: these and what is being recorded. */
  #unsettled = 0;
  /** The last lease got all that it asked for: there is more. */
  #hasBacklog = false;
  #poll = FIRST_POLL;
  /** Messages that one push to the endpoint may carry. */
  #batchSize = 1;
  #isInCharge = false;
  /** `looking`: a lease is under way; `leaving`: what is being recorded may be the last; `ended`: it was. */
  #state: 'looking' | 'waiting' | 'leaving' | 'ended' = 'waiting';
  /** By `performance.now()`: nothing can be taken before. */
  #limitedUntil = 0;
  /** What the last look asked for. */
  #timer: number | undefined;
  #account: string | undefined;
  #wake: () => void = () => undefined;
  readonly #onSlots = (): void => this.#wake();

  constructor(
    private readonly tools: DrainTools,
    private readonly address: PendingQueueAddress,
    private readonly drainRun: Omit<DrainRun, 'claim'> & { readonly claim: 'if-free' | 'take-over' },
    private readonly window: EndpointWindow,
  ) {
    this.#account = tools.accounts.get(address.id);
    this.#settlements = new SettlementBatch((settlements) => this.#settle(settlements), LEASE_MILLIS, tools.logger);
  }

  /** @throws RedisUnavailable, or what the drain queue throws: the run is to be repeated with the same epoch. */
  async run(): Promise<void> {
    const onStop = (): void => this.#wake();
    this.tools.stopping.addEventListener('abort', onStop);
    try {
      let isOver = false;
      while (!isOver) isOver = await this.#step();
      if (this.#timer !== undefined) await this.tools.scheduler.addTimer(this.address, this.#timer);
    } finally {
      while (this.#unsettled > 0) await this.#change();
      this.tools.stopping.removeEventListener('abort', onStop);
      this.tools.share.leave(this.#account ?? UNKNOWN_ACCOUNT, this.#onSlots);
    }
  }

  async #step(): Promise<boolean> {
    if (this.#state === 'ended') return true;
    const { clock, stopping } = this.tools;
    const now = clock.now();
    const paused = this.window.pausedUntil > now;
    if (this.#state === 'leaving' || (this.#unsettled > 0 && (stopping.aborted || paused || this.#isFull))) {
      await this.#change();
      return false;
    }
    const wait = this.#limitedUntil - performance.now();
    if (!stopping.aborted && !paused && wait > 0) {
      await this.#change(wait);
      return false;
    }
    if (!stopping.aborted && !paused) return await this.#take();
    await this.#leave(stopping.aborted ? now : this.window.pausedUntil);
    return true;
  }

  /** The queue stays armed, and a job goes on with it. A run that never was in charge has nothing to leave. */
  async #leave(due: number): Promise<void> {
    const { scheduler, source } = this.tools;
    const isHinted = this.drainRun.claim === 'if-free';
    if (isHinted && !this.#isInCharge) return;
    await scheduler.resume(this.address, this.drainRun.epoch, due, this.window.pause);
    if (isHinted) await source.entrust(this.address, this.drainRun);
  }

  /** Slots are free again when the endpoint has answered, not when Redis has heard of it; what is being recorded has a bound as well. */
  get #isFull(): boolean {
    return this.#inFlight >= this.#room || this.#unsettled >= 2 * this.#room;
  }

  /** Deliveries that may be in flight: the window counts pushes, and one may carry many of them. */
  get #room(): number {
    return this.#batchSize === 1 ? this.window.size : Math.max(this.window.size, Math.min(this.window.size * this.#batchSize, MOST_BATCHED));
  }

  async #take(): Promise<boolean> {
    const lastLook = this.#unsettled === 0;
    const account = this.#account ?? UNKNOWN_ACCOUNT;
    const wanted = Math.min(this.#room - this.#inFlight, this.#account === undefined ? UNKNOWN_COUNT : Number.MAX_SAFE_INTEGER);
    const count = this.tools.share.take(account, this.#inFlight, wanted);
    if (count === 0) {
      this.tools.share.wait(account, this.#onSlots);
      await this.#change(LONGEST_POLL);
      return false;
    }
    const reply = await this.#lease(account, count, lastLook);
    switch (reply.state) {
      case 'ended':
        return true;
      case 'leased':
        this.#batchSize = reply.subscription.options?.batch?.size ?? 1;
        for (const pending of reply.deliveries) void this.#deliver(reply.subscription, pending);
        this.#poll = FIRST_POLL;
        this.#hasBacklog = reply.deliveries.length === count;
        if (!this.#hasBacklog) await this.#change(this.#poll);
        return false;
      case 'limited':
        this.#limitedUntil = performance.now() + reply.millis;
        return false;
      case 'idle':
        this.#hasBacklog = false;
        if (!lastLook) {
          if (this.#unsettled > 0) await this.#change(this.#poll);
          this.#poll = Math.min(this.#poll * 2, LONGEST_POLL);
          return false;
        }
        this.#timer = reply.timer;
        return true;
    }
  }

  /** Takes at most `count` deliveries, for which slots are reserved. */
  async #lease(account: string, count: number, lastLook: boolean): Promise<LeaseReply> {
    const { source, share, accounts } = this.tools;
    const run = this.#isInCharge ? { ...this.drainRun, claim: 'held' as const } : this.drainRun;
    let used = 0;
    this.#state = 'looking';
    try {
      const reply = await source.lease(this.address, run, { count, leaseMillis: LEASE_MILLIS, lastLook });
      this.#isInCharge = true;
      if (reply.state !== 'leased') return reply;
      used = reply.deliveries.length;
      if (this.#account === undefined) {
        this.#account = reply.subscription.topicOwner;
        accounts.set(this.address.id, this.#account);
        share.transfer(account, this.#account, used);
      }
      return reply;
    } finally {
      this.#state = 'waiting';
      share.give(account, count - used);
    }
  }

  get #mayEnd(): boolean {
    const { clock, stopping } = this.tools;
    return this.#state === 'waiting' && !this.#hasBacklog && !stopping.aborted && this.window.pausedUntil <= clock.now();
  }

  /** Records outcomes. When nothing else is in flight, the run ends in the same step if nothing is due. */
  async #settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    const { source } = this.tools;
    if (settlements.length < this.#unsettled || !this.#mayEnd) return (await source.settle(this.address, settlements)).counted;
    let after: 'waiting' | 'ended' = 'waiting';
    this.#state = 'leaving';
    try {
      const { counted, end } = await source.settle(this.address, settlements, { ...this.drainRun, claim: 'held' });
      if (end !== undefined) after = 'ended';
      this.#timer = end?.timer;
      return counted;
    } finally {
      this.#state = after;
    }
  }

  /** Never rejects: after a defect the delivery comes back when its lease ends. */
  async #deliver(subscription: Subscription, pending: PendingDelivery): Promise<void> {
    this.#unsettled += 1;
    try {
      const settlement = await this.#attempt(subscription, pending);
      const recording = this.#settlements.add(settlement);
      // What takes its place is leased on the heels of the recording: one round trip and one sync of Redis for both.
      if (this.#hasBacklog) this.#wake();
      const counted = await recording;
      const attempted = settlement.outcome === 'returned' ? 0 : 1;
      this.tools.onSettled(this.address, counted ? attempted : 0, counted ? 0 : attempted);
    } catch (error) {
      const facts = { err: error, messageId: pending.messageId, subscriptionName: subscription.name };
      this.tools.logger.error(facts, 'delivery could not be settled');
    } finally {
      this.#unsettled -= 1;
      this.#wake();
    }
  }

  async #attempt(subscription: Subscription, pending: PendingDelivery): Promise<Settlement> {
    this.#inFlight += 1;
    try {
      return await this.tools.attempt(subscription, pending, this.window, this.tools.abandoning);
    } finally {
      this.#inFlight -= 1;
      this.tools.share.give(this.#account!, 1);
    }
  }

  /** Waits until a delivery is settled or the worker stops, at most `millis`. */
  async #change(millis = 60_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, millis);
    });
    clearTimeout(timer);
  }
}
