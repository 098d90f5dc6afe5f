import type { Clock } from '#runtime/clock.js';

export interface Rate {
  /** What may be sent at once after a rest. */
  readonly burst: number;
  /** Milliseconds until one more may be sent. */
  readonly refillMillis: number;
}

export interface Grant {
  /** Tokens, of those that were wanted. */
  readonly granted: number;
  /** Milliseconds until it is worth asking for more, 0 when all were granted. */
  readonly waitMillis: number;
}

/** Something that tokens are taken from. */
export interface Budget {
  take(wanted: number): Promise<Grant>;
}

/** A budget of this process alone. */
export function localBudget(rate: Rate, clock: Clock): Budget {
  const budget = new RateBudget(rate, clock.now());
  return {
    take: (wanted) => {
      const now = clock.now();
      let granted = 0;
      while (granted < wanted && budget.take(now)) granted += 1;
      return Promise.resolve({ granted, waitMillis: granted === wanted ? 0 : Math.max(1, budget.waitMillis(now)) });
    },
  };
}

/**
 * A token bucket: at most `burst` at once, then one each `refillMillis`.
 *
 * In any stretch of time it lets through `burst` and what is refilled in it. A provider's "20 a minute" is therefore 7 at once and 12
 * refilled in the minute, not 20 and 20; one is left for clocks and networks.
 */
export class RateBudget {
  #tokens: number;
  #countedAt: number;

  constructor(
    private readonly rate: Rate,
    now: number,
  ) {
    this.#tokens = rate.burst;
    this.#countedAt = now;
  }

  /** Takes one token; false when there is none. */
  take(now: number): boolean {
    this.#refill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until there is a token, 0 when there is one. */
  waitMillis(now: number): number {
    this.#refill(now);
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) * this.rate.refillMillis);
  }

  /** A clock that was set back fills nothing. */
  #refill(now: number): void {
    const elapsed = Math.max(0, now - this.#countedAt);
    this.#tokens = Math.min(this.rate.burst, this.#tokens + elapsed / this.rate.refillMillis);
    this.#countedAt = now;
  }
}
