import { setTimeout as sleep } from 'node:timers/promises';
import type { Budget } from './rate-budget.js';

/** Milliseconds that are waited for when the budget cannot be asked. */
const UNKNOWN = 1_000;

interface Waiting {
  /** @param wait 0: go; else milliseconds for which there is no turn */
  readonly end: (wait: number) => void;
}

/** Lets through what a budget allows, in the order of arrival; asks for the tokens of all that wait in one step. */
export class RateGate {
  #line: Waiting[] = [];
  #isAsking = false;
  /** Milliseconds, as the budget said last. */
  #wait = 0;

  /** @param waitLimit milliseconds after which one gives up waiting */
  constructor(
    private readonly budget: Budget,
    private readonly waitLimit: number,
  ) {}

  /** @returns 0 for a turn, else milliseconds after which to come again. Rejects with the reason of `signal` when it fires. */
  pass(signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#line = this.#line.filter((other) => other !== waiting);
      };
      const end = (wait: number): void => {
        leave();
        resolve(wait);
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason as Error);
      };
      const waiting: Waiting = { end };
      const timer = setTimeout(() => end(Math.max(1, this.#wait)), this.waitLimit);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#line.push(waiting);
      if (!this.#isAsking) void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    while (this.#line.length > 0) {
      const { granted, waitMillis } = await this.budget.take(this.#line.length).catch(() => ({ granted: 0, waitMillis: UNKNOWN }));
      this.#wait = waitMillis;
      for (const { end } of this.#line.slice(0, granted)) end(0);
      if (this.#line.length > 0 && waitMillis > 0) await sleep(waitMillis);
    }
    this.#isAsking = false;
  }
}
