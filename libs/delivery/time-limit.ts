/** An attempt took longer than its channel allows. */
export class TimeLimitExceeded extends Error {
  override readonly name = 'TimeLimitExceeded';

  constructor(millis: number) {
    super(`no answer within ${millis / 1_000} s`);
  }
}

/**
 * Waits for `work`, at most `millis` and until `signal` fires. The signal that `work` gets fires in both cases; work that cannot be
 * stopped goes on unseen.
 *
 * @throws TimeLimitExceeded, the reason of `signal`, or what `work` throws
 */
export async function withTimeLimit<T>(signal: AbortSignal, millis: number, work: (limit: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const onAbort = (): void => limit.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => limit.abort(new TimeLimitExceeded(millis)), millis);
  const ended = new Promise<never>((_resolve, reject) => {
    limit.signal.addEventListener('abort', () => reject(limit.signal.reason as Error), { once: true });
  });
  try {
    return await Promise.race([work(limit.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    ended.catch(() => undefined);
  }
}
