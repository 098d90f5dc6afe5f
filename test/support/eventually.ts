import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Milliseconds until the wait is given up. */
  readonly within?: number;
  /** Milliseconds between two looks. */
  readonly every?: number;
}

/**
 * Looks again and again until `look` neither throws nor answers undefined or false, and returns its answer.
 *
 * @throws the last error of `look`, or one that says what was waited for, when the time is over.
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const { within = 5_000, every = 10 } = options;
  const deadline = Date.now() + within;
  for (;;) {
    let failure: unknown;
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    } catch (error) {
      failure = error;
    }
    if (Date.now() >= deadline) throw new Error(`not within ${within} ms: ${what}`, { cause: failure });
    await sleep(every);
  }
}
