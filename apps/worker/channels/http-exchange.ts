import type { Dispatcher } from 'undici';
import { TimeLimitExceeded } from './time-limit.js';

/** Bytes of an answer's body that are kept. */
const KEPT = 1_024;
/** Bytes of an answer's body that are read and thrown away so that the connection can be used again. */
const READ = 64 * 1_024;
/** Milliseconds that a body may take to begin: the status is the answer, and one that is slow to explain itself is not waited for. */
const GRACE = 50;

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | string[] | undefined;
  /** How the body began. */
  readonly text: string;
}

/**
 * One request and its answer, handled on undici's lowest level: a push is made thousands of times a second, and streams, promises and
 * abort signals around it would cost more than itself.
 *
 * The answer is known once its body has ended, has filled what is kept, or lets itself be waited for. What comes then is read up to a
 * limit of bytes and until `millis` after the start, else it costs its connection; it changes nothing any more.
 *
 * @param millis until the status must be there
 * @throws TimeLimitExceeded, the reason of `signal`, or what went wrong on the way
 */
export function exchange(dispatcher: Dispatcher, request: Dispatcher.DispatchOptions, signal: AbortSignal, millis: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const handler = new Exchange(resolve, reject, signal, millis);
    try {
      dispatcher.dispatch(request, handler);
    } catch (error) {
      handler.onResponseError(undefined, error as Error);
    }
  });
}

class Exchange implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  /** Why it was given up, before a connection could be had as well. */
  #givenUp: Error | undefined;
  #status: number | undefined;
  #retryAfter: string | string[] | undefined;
  #chunks: Buffer[] | undefined;
  #read = 0;
  #limit: NodeJS.Timeout;
  #grace: NodeJS.Timeout | undefined;

  constructor(
    private readonly resolve: (answer: HttpAnswer) => void,
    private readonly reject: (error: Error) => void,
    private readonly signal: AbortSignal,
    millis: number,
  ) {
    this.#limit = setTimeout(() => this.#giveUp(new TimeLimitExceeded(millis)), millis);
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#givenUp === undefined) this.#controller = controller;
    else controller.abort(this.#givenUp);
  }

  onResponseStart(_controller: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    // Nothing but the one final answer counts.
    if (status < 200) return;
    this.#status = status;
    this.#retryAfter = headers['retry-after'];
    this.#grace = setTimeout(() => this.#answered(), GRACE);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#read < KEPT) (this.#chunks ??= []).push(Buffer.from(chunk.subarray(0, KEPT - this.#read)));
    this.#read += chunk.length;
    if (this.#read >= KEPT) this.#answered();
    if (this.#read > READ) controller.abort(new Error('the answer is long'));
  }

  onResponseEnd(): void {
    clearTimeout(this.#limit);
    this.#answered();
  }

  onResponseError(_controller: unknown, error: Error): void {
    clearTimeout(this.#limit);
    if (this.#status === undefined) this.#fail(this.#givenUp ?? error);
    else this.#answered();
  }

  readonly #onAbort = (): void => this.#giveUp(this.signal.reason as Error);

  /** Settles at once: a connection that is still being made need not hear of it. */
  #giveUp(reason: Error): void {
    this.#givenUp = reason;
    if (this.#status === undefined) this.#fail(reason);
    else this.#answered();
    this.#controller?.abort(reason);
  }

  #answered(): void {
    if (this.#grace === undefined) return;
    this.#settled();
    const text = this.#chunks === undefined ? '' : Buffer.concat(this.#chunks).toString();
    this.resolve({ status: this.#status!, retryAfter: this.#retryAfter, text });
  }

  #fail(error: Error): void {
    this.#settled();
    clearTimeout(this.#limit);
    this.reject(error);
  }

  #settled(): void {
    clearTimeout(this.#grace);
    this.#grace = undefined;
    this.signal.removeEventListener('abort', this.#onAbort);
  }
}
