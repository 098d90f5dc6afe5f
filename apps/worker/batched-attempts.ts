import type { PushBatch } from '#delivery/push-batch.js';
import type { Clock } from '#runtime/clock.js';
import type { PendingDelivery, Settlement } from '#topic/pending-delivery.js';
import type { Subscription } from '#topic/subscription.js';
import type { EndpointWindow } from './endpoint-window.js';

/** Bytes of message text in one push; receivers have limits of their own for bodies, 1 MB as a rule. */
const MOST_BYTES = 524_288;

/** Milliseconds that a full batch waits for its turn: with the gathering and the push itself it must stay below the lease. */
const LONGEST_TURN = 5_000;

/** With each attempt that failed a message goes in a batch so many times smaller, so that one that is refused is soon alone. */
const SHRINKING = 4;

type MakeAttempt = (
  to: Subscription,
  batch: readonly [PendingDelivery, ...PendingDelivery[]],
  window: EndpointWindow,
  signal: AbortSignal,
) => Promise<Settlement[]>;

interface Waiting {
  readonly pending: PendingDelivery;
  readonly resolve: (settlement: Settlement) => void;
  readonly reject: (error: unknown) => void;
}

interface Batch {
  readonly subscription: Subscription;
  readonly window: EndpointWindow;
  readonly signal: AbortSignal;
  readonly limit: number;
  readonly waiting: Waiting[];
  bytes: number;
  closedAt: number;
  timer?: NodeJS.Timeout;
}

/** What one pending queue has under way. */
interface Lane {
  /** By their limit. */
  readonly gathering: Map<number, Batch>;
  readonly ready: Batch[];
  inFlight: number;
}

/**
 * Gathers deliveries of one subscription into pushes that carry several, as many pushes at a time as the endpoint's window allows. Each
 * delivery gets a settlement of its own.
 */
export class BatchedAttempts {
  readonly #lanes = new Map<string, Lane>();

  constructor(
    private readonly makeAttempt: MakeAttempt,
    private readonly clock: Clock,
  ) {}

  attempt(subscription: Subscription, option: PushBatch, pending: PendingDelivery, window: EndpointWindow, signal: AbortSignal): Promise<Settlement> {
    const { id } = subscription.pendingQueue;
    const lane: Lane = this.#lanes.get(id) ?? { gathering: new Map(), ready: [], inFlight: 0 };
    const limit = Math.max(1, Math.floor(option.size / SHRINKING ** pending.attempts));
    const bytes = Buffer.byteLength(pending.message.body);
    return new Promise((resolve, reject) => {
      const present = lane.gathering.get(limit);
      // Options that were changed meanwhile hold for what comes from now on.
      const fits = present !== undefined && present.bytes + bytes <= MOST_BYTES && present.subscription.lastModifyTime === subscription.lastModifyTime;
      if (present !== undefined && !fits) this.#close(id, lane, present);
      const batch = fits ? present : this.#open(id, lane, { subscription, window, signal, limit }, option.waitMillis);
      batch.waiting.push({ pending, resolve, reject });
      batch.bytes += bytes;
      if (batch.waiting.length >= limit) this.#close(id, lane, batch);
    });
  }

  #open(id: string, lane: Lane, facts: Pick<Batch, 'subscription' | 'window' | 'signal' | 'limit'>, waitMillis: number): Batch {
    const batch: Batch = { ...facts, waiting: [], bytes: 0, closedAt: 0 };
    batch.timer = setTimeout(() => this.#close(id, lane, batch), waitMillis);
    lane.gathering.set(facts.limit, batch);
    this.#lanes.set(id, lane);
    return batch;
  }

  #close(id: string, lane: Lane, batch: Batch): void {
    clearTimeout(batch.timer);
    lane.gathering.delete(batch.limit);
    batch.closedAt = this.clock.now();
    lane.ready.push(batch);
    this.#advance(id, lane);
  }

  /** Pushes what has its turn. What could not be pushed in time goes back uncounted, and so does all while the endpoint is left alone. */
  #advance(id: string, lane: Lane): void {
    for (let batch = lane.ready[0]; batch !== undefined; batch = lane.ready[0]) {
      const now = this.clock.now();
      const isHeldBack = batch.signal.aborted || batch.window.pausedUntil > now || now - batch.closedAt > LONGEST_TURN;
      if (!isHeldBack && lane.inFlight >= batch.window.size) break;
      lane.ready.shift();
      if (isHeldBack) for (const { pending, resolve } of batch.waiting) resolve({ handle: pending.handle, outcome: 'returned' });
      else void this.#push(id, lane, batch);
    }
    if (lane.inFlight === 0 && lane.ready.length === 0 && lane.gathering.size === 0) this.#lanes.delete(id);
  }

  async #push(id: string, lane: Lane, { subscription, window, signal, waiting }: Batch): Promise<void> {
    lane.inFlight += 1;
    try {
      const [first, ...others] = waiting.map(({ pending }) => pending);
      const settlements = await this.makeAttempt(subscription, [first!, ...others], window, signal);
      waiting.forEach(({ resolve }, index) => resolve(settlements[index]!));
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    } finally {
      lane.inFlight -= 1;
      this.#advance(id, lane);
    }
  }
}
