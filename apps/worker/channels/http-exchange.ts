import type { Dispatcher } from 'undici';
import { ANSWER_BYTES, answerText } from '#delivery/answer-text.js';
import { TimeLimitExceeded } from '#delivery/time-limit.js';

/** Bytes of an answer's body that are read so that the connection can be used again. */
const ANSWER_LIMIT = 64 * 1_024;
/** Milliseconds that the beginning of the body may come after the status, which is the answer. */
const BODY_WAIT = 250;

/** By name in lower case. */
type Headers = Readonly<Record<string, string | string[] | undefined>>;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** How the body begins, as text that may be shown. */
  readonly start: string;
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
      dispatcher.dispatch({ ...request, headersTimeout: 0, bodyTimeout: 0 }, handler);
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
  #headers: Headers = {};
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

  onResponseStart(_controller: unknown, status: number, headers: Headers): void {
    // Nothing but the one final answer counts.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    this.#grace = setTimeout(() => this.#answered(), BODY_WAIT);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#read < ANSWER_BYTES) (this.#chunks ??= []).push(Buffer.from(chunk.subarray(0, ANSWER_BYTES - this.#read)));
    this.#read += chunk.length;
    if (this.#read >= ANSWER_BYTES) this.#answered();
    if (this.#read > ANSWER_LIMIT) controller.abort(new Error('the answer is long'));
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
    const start = this.#chunks === undefined ? '' : answerText(Buffer.concat(this.#chunks));
    this.resolve({ status: this.#status!, headers: this.#headers, start });
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
