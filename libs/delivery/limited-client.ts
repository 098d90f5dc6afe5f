import type { ProviderClient } from './channel-type.js';
import { held, type Outcome } from './outcome.js';
import type { Budget, Rate } from './rate-budget.js';
import { RateGate } from './rate-gate.js';

/** Milliseconds that a message waits for its turn before it is given back to its pending queue. */
const WAIT_LIMIT = 2_000;

/** So many a second, of which a tenth may go at once. @param maxPerSecond at least 1 */
export function perSecond(maxPerSecond: number): Rate {
  return { burst: Math.max(1, maxPerSecond / 10), refillMillis: 1_000 / maxPerSecond };
}

/** A provider's client that sends no more than a budget allows. What finds no turn in time is held: no attempt counted. */
export class LimitedClient<Message> implements ProviderClient<Message> {
  readonly timeLimit: number;
  readonly #gate: RateGate;

  constructor(
    private readonly client: ProviderClient<Message>,
    budget: Budget,
  ) {
    this.timeLimit = client.timeLimit + WAIT_LIMIT;
    this.#gate = new RateGate(budget, WAIT_LIMIT);
  }

  async send(message: Message, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const wait = await this.#gate.pass(signal);
    return wait > 0 ? held(Math.max(1, Math.ceil(wait / 1_000))) : await this.client.send(message, signal);
  }

  check(signal: AbortSignal): Promise<Outcome> {
    return this.client.check(signal);
  }

  close(): Promise<void> {
    return this.client.close();
  }
}
