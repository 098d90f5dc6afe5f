import type { ClientRequest } from 'node:http';

/** FCM answered "not now", perhaps with a wish. */
export class FcmUnavailable extends Error {
  override readonly name = 'FcmUnavailable';

  constructor(
    readonly status: number,
    readonly retryAfter: string | undefined,
  ) {
    super(`UNAVAILABLE: HTTP ${status}`);
  }
}

/**
 * What one attempt may do on the wire: one request to FCM. Google's library repeats a request up to four times by itself when it was
 * answered 503 or its connection broke, and waits up to a minute in between; each would be an attempt that nobody counts, and some
 * would come after the attempt's end.
 */
export class FcmExchange {
  #request: ClientRequest | undefined;
  #isAnswered = false;
  #isOver = false;
  #failure: Error | undefined;
  #refuse: (error: Error) => void = () => undefined;

  /** Rejects as soon as it is known that FCM does not take the message now. */
  readonly refused = new Promise<never>((_resolve, reject) => (this.#refuse = reject));

  constructor() {
    this.refused.catch(() => undefined);
  }

  /** The first thing that went wrong; what the library reports is the last. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Told of each request to FCM. False: it may not be made. */
  begin(request: ClientRequest): boolean {
    if (this.#isOver || this.#request !== undefined) return false;
    this.#request = request;
    request.once('error', (error) => this.#fail(error));
    request.once('response', (response) => {
      const { statusCode, headers } = response;
      response.once('end', () => (this.#isAnswered = true));
      if (statusCode === 503) this.#fail(new FcmUnavailable(503, headers['retry-after']));
    });
    return true;
  }

  /** The attempt is over, however it ended: nothing of it goes on unseen. */
  end(): void {
    this.#isOver = true;
    // A connection whose answer was read to its end is used again.
    if (!this.#isAnswered) this.#request?.destroy(new Error('the attempt is over'));
  }

  #fail(error: Error): void {
    if (this.#isOver || this.#failure !== undefined) return;
    this.#failure = error;
    this.#refuse(error);
  }
}
