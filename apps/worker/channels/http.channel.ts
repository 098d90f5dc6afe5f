import { randomBytes } from 'node:crypto';
import { Agent, type Dispatcher } from 'undici';
import type { HttpEndpoint } from '#delivery/endpoint.js';
import { notificationBody } from '#delivery/notification.js';
import { delivered, permanent, retryable, type Outcome } from '#delivery/outcome.js';
import { pushHeaders, type PushSigner } from '#delivery/push-headers.js';
import type { HeaderLine } from '#delivery/push-signature.js';
import type { Clock } from '#runtime/clock.js';
import { notificationOf, type Channel, type Delivery } from './channel.js';
import type { PushNetwork } from '#delivery/push-network.js';
import { withTimeLimit } from '#delivery/time-limit.js';

/** MNS's limit (ms) for the whole of a push: connection, request and answer. */
const TIME_LIMIT = 5_000;
/** Bytes of an answer's body that are read and thrown away so that the connection can be used again. */
const ANSWER_LIMIT = 64 * 1_024;
/** Connections to one origin; its subscriptions share them, with at most 32 pushes in flight each. */
const CONNECTIONS = 512;

export interface HttpChannelOptions {
  readonly signer: PushSigner;
  readonly network: PushNetwork;
  readonly clock: Clock;
  /** Milliseconds; 5,000 but in tests. */
  readonly timeLimit?: number;
}

/** Pushes by signed POST. Redirects are not followed: they could lead where the endpoint itself may not. */
export class HttpChannel implements Channel<HttpEndpoint> {
  readonly timeLimit: number;
  readonly #agent: Agent;

  constructor(private readonly options: HttpChannelOptions) {
    this.timeLimit = options.timeLimit ?? TIME_LIMIT;
    // One pool per origin, let go when its connections have been idle.
    const connect = options.network.connector(this.timeLimit);
    this.#agent = new Agent({ connect, connections: CONNECTIONS, pipelining: 1, allowH2: false });
  }

  async send(delivery: Delivery<HttpEndpoint>, signal: AbortSignal): Promise<Outcome> {
    const { endpoint, subscription } = delivery;
    const format = subscription.notifyContentFormat;
    const notification = notificationOf(delivery);
    const body = notificationBody(format, notification);
    const requestId = randomBytes(12).toString('hex').toUpperCase();
    const now = this.options.clock.now();
    const headers = await pushHeaders({ notification, format, body, requestUri: endpoint.requestUri, requestId, now }, this.options.signer);
    try {
      return await withTimeLimit(signal, this.timeLimit, (limit) => this.#post(endpoint, headers, body, limit));
    } catch (error) {
      signal.throwIfAborted();
      return retryable(reasonOf(error));
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #post(endpoint: HttpEndpoint, headers: readonly HeaderLine[], body: string, limit: AbortSignal): Promise<Outcome> {
    const answer = await this.#agent.request({
      origin: endpoint.origin,
      path: endpoint.requestUri,
      method: 'POST',
      headers: headers.flat(),
      body: Buffer.from(body),
      signal: limit,
      headersTimeout: this.timeLimit,
      bodyTimeout: this.timeLimit,
    });
    this.#discard(answer.body);
    return readAnswer(answer.statusCode, answer.headers['retry-after'], this.options.clock.now());
  }

  /** The status is the answer; a body that is long or never ends costs its connection and changes nothing. */
  #discard(body: Dispatcher.ResponseData['body']): void {
    const timer = setTimeout(() => body.destroy(), this.timeLimit).unref();
    body
      .dump({ limit: ANSWER_LIMIT })
      .catch(() => undefined)
      .finally(() => clearTimeout(timer));
  }
}

/** Any 2xx is a delivery and 410 the wish to hear no more; all else may change. Asked to slow down, we do. */
export function readAnswer(status: number, retryAfter: string | string[] | undefined, now: number): Outcome {
  if (status >= 200 && status < 300) return delivered(status);
  if (status === 410) return permanent('HTTP 410', status);
  const wish = status === 429 || status === 503 ? secondsOf(retryAfter, now) : undefined;
  const reason = status >= 300 && status < 400 ? `HTTP ${status}: redirects are not followed` : `HTTP ${status}`;
  return retryable(reason, { code: status, ...(wish !== undefined && { retryAfter: wish }) });
}

/** Retry-After is a number of seconds or a date. */
function secondsOf(retryAfter: string | string[] | undefined, now: number): number | undefined {
  const text = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter;
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text.trim())) return Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1_000));
}

/** What the operator of an endpoint can act on; a failed connection to several addresses names the first. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
