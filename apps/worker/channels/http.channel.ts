import type { Agent } from 'undici';
import { answerText } from '#delivery/answer-text.js';
import type { HttpEndpoint } from '#delivery/endpoint.js';
import { notificationBody } from '#delivery/notification.js';
import { delivered, gone, retryable, withAnswer, type Outcome } from '#delivery/outcome.js';
import { BATCH_CONTENT_TYPE, batchBody, batchId, type PushBatch } from '#delivery/push-batch.js';
import { pushHeaders, type PushSigner } from '#delivery/push-headers.js';
import type { PushNetwork } from '#delivery/push-network.js';
import { newPushRequestId } from '#delivery/push-request-id.js';
import type { HeaderLine } from '#delivery/push-signature.js';
import type { Clock } from '#runtime/clock.js';
import { notificationOf, type Channel, type Delivery } from './channel.js';
import { exchange, type HttpAnswer } from './http-exchange.js';
import { PushAgents } from './push-agents.js';
import type { PushSecrets } from './push-secrets.js';

/** MNS's limit (ms) for the whole of a push: connection, request and answer. */
const TIME_LIMIT = 5_000;
const MASK = '***';

export interface HttpChannelOptions {
  readonly signer: PushSigner;
  readonly network: PushNetwork;
  readonly secrets: PushSecrets;
  readonly clock: Clock;
  /** PEM of certificate authorities that are believed beside the platform's. */
  readonly ca?: string;
  /** Milliseconds; 5,000 but in tests. */
  readonly timeLimit?: number;
}

interface Push {
  readonly agent: Agent;
  readonly endpoint: HttpEndpoint;
  readonly headers: readonly HeaderLine[];
  readonly body: string;
}

/** Pushes by signed POST. Redirects are not followed: they could lead where the endpoint itself may not. */
export class HttpChannel implements Channel<HttpEndpoint> {
  readonly timeLimit: number;
  readonly #agents: PushAgents;

  constructor(private readonly options: HttpChannelOptions) {
    const { network, secrets, ca, timeLimit = TIME_LIMIT } = options;
    this.timeLimit = timeLimit;
    this.#agents = new PushAgents({ network, secrets, timeLimit, ...(ca !== undefined && { ca }) });
  }

  async send(delivery: Delivery<HttpEndpoint>, signal: AbortSignal): Promise<Outcome> {
    try {
      const push = await this.#prepare(delivery);
      signal.throwIfAborted();
      return await this.#post(push, delivery, signal);
    } catch (error) {
      signal.throwIfAborted();
      return retryable(reasonOf(error));
    }
  }

  async close(): Promise<void> {
    await this.#agents.close();
  }

  async #prepare(delivery: Delivery<HttpEndpoint>): Promise<Push> {
    const { secrets, signer, clock } = this.options;
    const { endpoint, subscription } = delivery;
    const { notifyContentFormat: format, options } = subscription;
    const notification = notificationOf(delivery);
    const batch = options?.batch && prepareBatch(options.batch, delivery);
    const body = batch?.body ?? notificationBody(format, notification);
    const request = {
      ...(batch !== undefined && { batch }),
      notification,
      format,
      body,
      requestUri: endpoint.requestUri,
      requestId: newPushRequestId(),
      now: clock.now(),
      ...(options?.signature !== undefined && { signature: options.signature }),
      ...(options?.signingSecrets !== undefined && { signingKeys: secrets.signingKeys(subscription) }),
      ...(options?.headers !== undefined && { headers: secrets.headers(subscription) }),
    };
    return { agent: this.#agents.of(subscription), endpoint, headers: await pushHeaders(request, signer), body };
  }

  async #post({ agent, endpoint, headers, body }: Push, { subscription, onExchange }: Delivery, signal: AbortSignal): Promise<Outcome> {
    const { origin, requestUri: path } = endpoint;
    const request = onExchange && { method: 'POST', url: `${origin}${path}`, headers: masked(headers, subscription.options?.headers), body };
    if (request !== undefined) onExchange?.({ request });
    const answer = await exchange(agent, { origin, path, method: 'POST', headers: headers.flat(), body: Buffer.from(body) }, signal, this.timeLimit);
    const { status, headers: lines, start } = answer;
    if (request !== undefined) onExchange?.({ request, response: { status, headers: linesOf(lines), body: start } });
    return withAnswer(readAnswer(status, lines['retry-after'], this.options.clock.now()), start);
  }
}

/** With the option even a lone message comes in a batch: the receiver reads one form. */
function prepareBatch({ form }: PushBatch, { subscription, pending, batch = [pending] }: Delivery) {
  const notifications = batch.map((each) => notificationOf({ subscription, pending: each }));
  return { id: batchId(notifications), size: batch.length, contentType: BATCH_CONTENT_TYPE[form], body: batchBody(form, notifications) };
}

/** As they are sent but for the subscription's secrets. */
function masked(headers: readonly HeaderLine[], own: Readonly<Record<string, unknown>> = {}): HeaderLine[] {
  return headers.map(([name, value]) => [name, Object.hasOwn(own, name) && typeof own[name] !== 'string' ? MASK : value]);
}

function linesOf(headers: HttpAnswer['headers']): HeaderLine[] {
  return Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().map((line) => [name, answerText(Buffer.from(line))] as const));
}

/** Any 2xx is a delivery and 410 the wish to hear no more; all else may change. Asked to slow down, we do. */
export function readAnswer(status: number, retryAfter: string | string[] | undefined, now: number): Outcome {
  if (status >= 200 && status < 300) return delivered(status);
  if (status === 410) return gone('HTTP 410', status);
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
