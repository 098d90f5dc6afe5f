import { parseEndpoint, type Endpoint } from '#delivery/endpoint.js';
import { encodeAttempt, type Attempt } from '#delivery/attempt-log.js';
import { nextAttempt } from '#delivery/notify-strategy.js';
import { retryable, type Outcome } from '#delivery/outcome.js';
import type { Clock } from '#runtime/clock.js';
import type { Logger } from '#runtime/log.js';
import type { PendingDelivery, Settlement } from '#topic/pending-delivery.js';
import type { Subscription } from '#topic/subscription.js';
import type { Delivery } from './channels/channel.js';
import type { DeliveryMetrics } from './delivery-metrics.js';
import type { EndpointWindow } from './endpoint-window.js';

/** Seconds of a Retry-After that are honoured: an endpoint cannot send a message beyond its life by asking for a year. */
const LONGEST_RETRY_AFTER = 3_600;

export interface AttemptTools {
  readonly channels: { send(delivery: Delivery, signal: AbortSignal): Promise<Outcome> };
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly metrics: DeliveryMetrics;
  readonly logger: Logger;
}

/**
 * Makes one attempt, tells the endpoint's window, the metrics and the log of it, and answers how the delivery is to be settled.
 *
 * An attempt that `signal` cut short is none, nor is one that the hub held back: the delivery goes back uncounted.
 */
export async function attemptDelivery(
  tools: AttemptTools,
  subscription: Subscription,
  pending: PendingDelivery,
  window: EndpointWindow,
  signal: AbortSignal,
): Promise<Settlement> {
  const startedAt = tools.clock.now();
  const clockStart = performance.now();
  const endpoint = readEndpoint(subscription.endpoint);
  let outcome: Outcome;
  try {
    if (endpoint === undefined) outcome = retryable('this release does not know the endpoint');
    else outcome = await tools.channels.send({ endpoint, subscription, pending }, signal);
  } catch (error) {
    if (signal.aborted) return { handle: pending.handle, outcome: 'returned' };
    tools.logger.error({ err: error, ...namesOf(subscription, pending) }, 'attempt failed by a defect');
    outcome = retryable('internal error');
  }
  const latencyMillis = performance.now() - clockStart;
  if (outcome.kind === 'held') {
    window.failed(startedAt, outcome.seconds);
    return { handle: pending.handle, outcome: 'returned' };
  }
  if (outcome.kind === 'delivered') window.succeeded();
  if (outcome.kind === 'retryable') window.failed(startedAt, outcome.retryAfter);
  const result = resultOf(outcome, subscription, pending, tools);
  const attempt: MadeAttempt = { ...factsOf(subscription, pending), ...result, time: tools.clock.now(), latencyMillis, ...answerOf(outcome) };
  report(tools, endpoint?.kind ?? 'unknown', attempt, startedAt - pending.publishTime);
  return toSettlement(pending.handle, attempt);
}

/** Of an attempt that was made. */
type Made = Exclude<Outcome, { kind: 'held' }>;

/** As it is settled; what a provider says of it later is no part of it. */
type MadeAttempt = Attempt & Result;

type Result = { readonly outcome: 'delivered' | 'failed' } | { readonly outcome: 'retry'; readonly nextAttemptTime: number };

/** When the next attempt is: not before the notify strategy's delay, later if the endpoint wishes so, never after the message's life. */
function resultOf(outcome: Made, { notifyStrategy }: Subscription, pending: PendingDelivery, { clock, random }: AttemptTools): Result {
  if (outcome.kind === 'delivered') return { outcome: 'delivered' };
  const delay = outcome.kind === 'permanent' ? undefined : nextAttempt(notifyStrategy, pending.attempts + 1, random);
  if (delay === undefined || outcome.kind === 'permanent') return { outcome: 'failed' };
  const wish = Math.min(outcome.retryAfter ?? 0, LONGEST_RETRY_AFTER);
  const nextAttemptTime = Math.ceil(clock.now() + Math.max(delay, wish) * 1_000);
  return nextAttemptTime < pending.expireTime ? { outcome: 'retry', nextAttemptTime } : { outcome: 'failed' };
}

function toSettlement(handle: string, attempt: MadeAttempt): Settlement {
  const encoded = encodeAttempt(attempt);
  if (attempt.outcome !== 'retry') return { handle, outcome: attempt.outcome, attempt: encoded };
  return { handle, outcome: 'retry', notBefore: attempt.nextAttemptTime ?? attempt.time, attempt: encoded };
}

function factsOf(subscription: Subscription, pending: PendingDelivery) {
  return { ...namesOf(subscription, pending), pendingQueueId: subscription.pendingQueue.id, number: pending.attempts + 1 };
}

function namesOf({ topicOwner, topicName, name }: Subscription, { messageId }: PendingDelivery) {
  return { messageId, topicOwner, topicName, subscriptionName: name };
}

function answerOf(outcome: Made): Pick<Attempt, 'code' | 'reason'> {
  return {
    ...(outcome.code !== undefined && { code: outcome.code }),
    ...(outcome.reason !== undefined && { reason: outcome.reason }),
  };
}

/** One line with everything about the attempt. `age` is the time (ms) from publishing to the start of this attempt. */
function report({ metrics, logger }: AttemptTools, channel: string, attempt: Attempt, age: number): void {
  metrics.observeAttempt(channel, attempt, age);
  const { number, latencyMillis, ...facts } = attempt;
  const line = { ...facts, channel, attempt: number, latencyMillis: Math.round(latencyMillis * 10) / 10, age };
  if (attempt.outcome === 'delivered') logger.info(line, 'delivered');
  else logger.warn(line, attempt.outcome === 'retry' ? 'delivery will be tried again' : 'delivery has failed');
}

function readEndpoint(text: string): Endpoint | undefined {
  try {
    return parseEndpoint(text);
  } catch {
    return undefined;
  }
}
