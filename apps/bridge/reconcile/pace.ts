import { setTimeout as sleep } from 'node:timers/promises';

/** Lets so many things a second through, evenly; what was not used is not saved up. */
export class Pace {
  #next = 0;

  constructor(
    private readonly perSecond: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** Resolves when the thing, or so many of them, may go on; at once when the signal ends the waiting. */
  async take(count: number, signal: AbortSignal): Promise<void> {
    const now = this.now();
    const wait = this.#next - now;
    this.#next = Math.max(now, this.#next) + (1_000 * count) / this.perSecond;
    if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
  }
}
