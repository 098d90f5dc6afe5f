import type { Clock } from '#runtime/clock.js';

/** Pushes in flight to a healthy endpoint. */
export const FULL_WINDOW = 32;
/** Failures without a success between them after which the endpoint counts as down. */
const DOWN_AFTER = 8;
const FIRST_PAUSE = 1_000;
/** Milliseconds. With the ramp behind it, full speed is back within 100 s of the endpoint's recovery. */
const LONGEST_PAUSE = 60_000;

/**
 * How hard one endpoint may be pushed to: MNS's push back-off.
 *
 * | endpoint                        | in flight                       | between attempts                         |
 * | ------------------------------- | ------------------------------- | ---------------------------------------- |
 * | healthy                         | 32                              | –                                        |
 * | some failures                   | halved once a round trip, +1 for each success | –                          |
 * | down (8 failures, no success)   | 1                               | a pause: 1, 2, 4, … 60 s                 |
 * | answered Retry-After            | 1                               | what it asked for, at most 60 s          |
 * | back                            | doubles every round trip        | –                                        |
 *
 * A pause is no attempt: it only makes the next one later. Times are milliseconds since the epoch.
 */
export class EndpointWindow {
  #size = FULL_WINDOW;
  #failures = 0;
  #pause = 0;
  #pausedUntil = 0;
  /** An attempt that was started before the last step down tells nothing new. */
  #steppedDownAt = 0;

  constructor(private readonly clock: Clock) {}

  /** Pushes that may be in flight now. */
  get size(): number {
    return this.#size;
  }

  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** Length of the last pause in milliseconds, 0 when the endpoint is not down. */
  get pause(): number {
    return this.#pause;
  }

  get isHealthy(): boolean {
    return this.#size === FULL_WINDOW && this.#failures === 0;
  }

  /** Takes over where another worker stopped: its pause is over, the next attempt decides. */
  continueAfter(pause: number): void {
    if (this.#pause >= pause) return;
    this.#size = 1;
    this.#failures = DOWN_AFTER;
    this.#pause = pause;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#pause = 0;
    this.#pausedUntil = 0;
    this.#size = Math.min(FULL_WINDOW, this.#size + 1);
  }

  /**
   * @param startedAt when the attempt was started
   * @param retryAfter seconds that the endpoint asked for
   */
  failed(startedAt: number, retryAfter?: number): void {
    const now = this.clock.now();
    this.#failures += 1;
    if (retryAfter !== undefined) this.#pauseFor(Math.min(retryAfter * 1_000, LONGEST_PAUSE), now);
    if (this.#failures >= DOWN_AFTER && this.#pause === 0) {
      this.#pauseFor(FIRST_PAUSE, now);
    } else if (startedAt < this.#steppedDownAt) {
      return;
    } else if (this.#failures >= DOWN_AFTER) {
      this.#pauseFor(Math.min(this.#pause * 2, LONGEST_PAUSE), now);
    } else if (this.#size > 1) {
      this.#size = Math.max(1, this.#size >> 1);
      this.#steppedDownAt = now;
    }
  }

  #pauseFor(millis: number, now: number): void {
    this.#size = 1;
    this.#pause = Math.max(this.#pause, millis);
    this.#pausedUntil = Math.max(this.#pausedUntil, now + millis);
    // Later than now: what starts in this same millisecond started before.
    this.#steppedDownAt = now + 1;
  }
}

/** More endpoints that fail at the same time than this start afresh: the one that was touched least recently. */
const REMEMBERED = 10_000;

/** The windows of the endpoints that this process pushes to, by pending queue. Healthy ones without a drain are not kept. */
export class EndpointWindows {
  readonly #windows = new Map<string, EndpointWindow>();

  constructor(private readonly clock: Clock) {}

  get(pendingQueueId: string): EndpointWindow {
    const window = this.#windows.get(pendingQueueId) ?? new EndpointWindow(this.clock);
    this.#windows.delete(pendingQueueId);
    this.#windows.set(pendingQueueId, window);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > REMEMBERED && oldest !== undefined) this.#windows.delete(oldest);
    return window;
  }

  release(pendingQueueId: string): void {
    if (this.#windows.get(pendingQueueId)?.isHealthy === true) this.#windows.delete(pendingQueueId);
  }

  /** Endpoints that are being left alone. */
  countPaused(): number {
    const now = this.clock.now();
    return [...this.#windows.values()].filter((window) => window.pausedUntil > now).length;
  }
}
