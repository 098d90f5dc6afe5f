import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '#runtime/clock.js';
import { held, permanent, type Outcome } from '../outcome.js';
import type { Budget, Grant } from '../rate-budget.js';
import { truncateToFit } from '../text-fit.js';
import { mergeMessages, type RobotMessage } from './robot-message.js';
import type { RobotProvider, RobotVerdict } from './robot-provider.js';

/** Messages that are put into one at the most: more would be read by nobody. */
const MOST_MERGED = 100;
/** Milliseconds for which nothing is merged after a merged message was refused for its content: each is then judged alone. */
const SINGLY_MILLIS = 600_000;
/** Seconds of a pause that are asked for at a time; the robot may be set up anew meanwhile. */
const LONGEST_PAUSE = 60;
/** Milliseconds that are waited for when the budget cannot be asked. */
const UNKNOWN = 1_000;

export interface RobotOutboxTools {
  readonly provider: RobotProvider;
  readonly budget: Budget;
  readonly clock: Clock;
  /** Milliseconds that a message waits for its turn at the most. */
  readonly waitLimit: number;
  /** Never rejects. */
  readonly post: (message: RobotMessage) => Promise<RobotVerdict>;
}

interface Waiting {
  readonly message: RobotMessage;
  settle(outcome: Outcome): void;
}

/**
 * What waits for one robot. While the robot's budget lasts, which all processes share, each message goes out alone and at once; afterwards those that wait for the
 * next turn are merged, as many as the provider takes in one, and share its outcome. What finds no turn in time is held: given back
 * to its pending queue, no attempt counted.
 */
export class RobotOutbox {
  #waiting: Waiting[] = [];
  #isPumping = false;
  /** Milliseconds, as the budget said last. */
  #wait = 0;
  #blockedUntil = 0;
  #singlyUntil = 0;

  constructor(private readonly tools: RobotOutboxTools) {}

  /** Rejects with the reason of `signal` when it fires; a message that is on its way may still arrive. */
  send(message: RobotMessage, signal: AbortSignal): Promise<Outcome> {
    const { provider, clock, waitLimit } = this.tools;
    const now = clock.now();
    if (this.#blockedUntil > now) return Promise.resolve(this.#held(this.#blockedUntil - now));
    const text = truncateToFit(message.text, (shorter) => provider.fits({ ...message, text: shorter }));
    if (text === undefined) return Promise.resolve(permanent('title and names leave no room for the message'));
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
      };
      const waiting: Waiting = {
        message: { ...message, text },
        settle: (outcome) => {
          end();
          resolve(outcome);
        },
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      const giveBack = (): void => {
        if (this.#waiting.includes(waiting)) waiting.settle(this.#held(this.#wait));
      };
      const timer = setTimeout(giveBack, waitLimit);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiting);
      if (!this.#isPumping) void this.#pump();
    });
  }

  /** What still waits is given back. */
  close(): void {
    for (const waiting of [...this.#waiting]) waiting.settle(held(1));
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    // What had to wait for a turn shares it.
    let hasWaited = false;
    while (this.#waiting.length > 0) {
      const wanted = hasWaited ? 1 : this.#waiting.length;
      const { granted, waitMillis } = await this.#take(wanted);
      for (let turn = 0; turn < granted && this.#waiting.length > 0; turn++) {
        void this.#post(hasWaited ? this.#takeBatch(this.tools.clock.now()) : this.#waiting.splice(0, 1));
      }
      this.#wait = waitMillis;
      if (granted === wanted || this.#waiting.length === 0) continue;
      await sleep(waitMillis, undefined, { ref: false });
      hasWaited = true;
    }
    this.#isPumping = false;
  }

  async #take(wanted: number): Promise<Grant> {
    // Redis is away: nobody knows what others send.
    return await this.tools.budget.take(wanted).catch(() => ({ granted: 0, waitMillis: UNKNOWN }));
  }

  /** The oldest that waits, and those behind it that fit into one message with it. */
  #takeBatch(now: number): Waiting[] {
    const { provider } = this.tools;
    const most = this.#singlyUntil > now ? 1 : MOST_MERGED;
    let count = 1;
    while (count < Math.min(most, this.#waiting.length)) {
      const messages = this.#waiting.slice(0, count + 1).map(({ message }) => message);
      if (messages[count]!.format !== messages[0]!.format || !provider.fits(mergeMessages(messages))) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #post(batch: readonly Waiting[]): Promise<void> {
    const verdict = await this.tools.post(mergeMessages(batch.map(({ message }) => message)));
    const now = this.tools.clock.now();
    const refusedTogether = batch.length > 1 && verdict.aboutContent === true && verdict.outcome.kind === 'permanent';
    if (refusedTogether) this.#singlyUntil = now + SINGLY_MILLIS;
    for (const waiting of batch) waiting.settle(refusedTogether ? held(1) : verdict.outcome);
    if (verdict.throttledFor === undefined) return;
    this.#blockedUntil = now + verdict.throttledFor * 1_000;
    for (const waiting of [...this.#waiting]) waiting.settle(this.#held(verdict.throttledFor * 1_000));
  }

  #held(millis: number): Outcome {
    return held(Math.min(LONGEST_PAUSE, Math.max(1, Math.ceil(millis / 1_000))));
  }
}
