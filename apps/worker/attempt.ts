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
  const push = await makePush(tools, { subscription, pending }, window, signal);
  return push === undefined ? { handle: pending.handle, outcome: 'returned' } : conclude(tools, subscription, pending, push);
}

/** As `attemptDelivery`, of several messages in one push: it comes to the same for all of them, and each has its own attempts. */
export async function attemptBatch(
  tools: AttemptTools,
  subscription: Subscription,
  batch: readonly [PendingDelivery, ...PendingDelivery[]],
  window: EndpointWindow,
  signal: AbortSignal,
): Promise<Settlement[]> {
  const push = await makePush(tools, { subscription, pending: batch[0], batch }, window, signal);
  if (push === undefined) return batch.map(({ handle }) => ({ handle, outcome: 'returned' }));
  return batch.map((pending) => conclude(tools, subscription, pending, push));
}

interface MadePush {
  readonly outcome: Outcome;
  readonly startedAt: number;
  readonly latencyMillis: number;
}

/** @returns undefined when `signal` cut it short */
async function makePush(
  tools: AttemptTools,
  delivery: Omit<Delivery, 'endpoint'>,
  window: EndpointWindow,
  signal: AbortSignal,
): Promise<MadePush | undefined> {
  const { subscription, pending } = delivery;
  const startedAt = tools.clock.now();
  const clockStart = performance.now();
  const endpoint = endpointOf(subscription);
  let outcome: Outcome;
  try {
    if (endpoint === undefined) outcome = retryable('this release does not know the endpoint');
    else outcome = await tools.channels.send({ endpoint, ...delivery }, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    tools.logger.error({ err: error, ...namesOf(subscription, pending) }, 'attempt failed by a defect');
    outcome = retryable('internal error');
  }
  if (outcome.kind === 'held') window.failed(startedAt, outcome.seconds);
  if (outcome.kind === 'delivered') window.succeeded();
  if (outcome.kind === 'retryable') window.failed(startedAt, outcome.retryAfter);
  if (outcome.kind === 'gone') reportGone(tools, subscription, outcome.reason);
  return { outcome, startedAt, latencyMillis: performance.now() - clockStart };
}

function conclude(tools: AttemptTools, subscription: Subscription, pending: PendingDelivery, { outcome, startedAt, latencyMillis }: MadePush): Settlement {
  if (outcome.kind === 'held') return { handle: pending.handle, outcome: 'returned' };
  const result = resultOf(outcome, subscription, pending, tools);
  const attempt: MadeAttempt = { ...factsOf(subscription, pending), ...result, time: tools.clock.now(), latencyMillis, ...answerOf(outcome) };
  report(tools, endpointOf(subscription)?.kind ?? 'unknown', attempt, startedAt - pending.publishTime);
  return toSettlement(pending.handle, outcome, attempt);
}

/** In the attempt log, behind what the endpoint answered. */
const DISABLED = 'the subscription is disabled until it is resumed';

/** Of an attempt that was made. */
type Made = Exclude<Outcome, { kind: 'held' }>;

/** As it is settled; what a provider says of it later is no part of it. */
type MadeAttempt = Attempt & Result;

type Result = { readonly outcome: 'delivered' | 'failed' } | { readonly outcome: 'retry'; readonly nextAttemptTime?: number };

/** When the next attempt is: not before the notify strategy's delay, later if the endpoint wishes so, never after the message's life. */
function resultOf(outcome: Made, { notifyStrategy, options }: Subscription, pending: PendingDelivery, { clock, random }: AttemptTools): Result {
  if (outcome.kind === 'delivered') return { outcome: 'delivered' };
  // When the next attempt is, is up to whoever resumes the subscription.
  if (outcome.kind === 'gone') return { outcome: 'retry' };
  if (outcome.kind === 'permanent') return { outcome: 'failed' };
  const delay = nextAttempt(options?.schedule ?? notifyStrategy, pending.attempts + 1, random);
  if (delay === undefined) return { outcome: 'failed' };
  const wish = Math.min(outcome.retryAfter ?? 0, LONGEST_RETRY_AFTER);
  const nextAttemptTime = Math.ceil(clock.now() + Math.max(delay, wish) * 1_000);
  return nextAttemptTime < pending.expireTime ? { outcome: 'retry', nextAttemptTime } : { outcome: 'failed' };
}

function toSettlement(handle: string, { kind }: Made, attempt: MadeAttempt): Settlement {
  const facts = { handle, attempt: encodeAttempt(attempt) };
  const { reason = '' } = attempt;
  if (kind === 'gone') return { ...facts, outcome: 'gone', reason };
  if (attempt.outcome === 'retry') return { ...facts, outcome: 'retry', notBefore: attempt.nextAttemptTime ?? attempt.time };
  return attempt.outcome === 'failed' ? { ...facts, outcome: 'failed', reason } : { ...facts, outcome: 'delivered' };
}

function factsOf(subscription: Subscription, pending: PendingDelivery) {
  return { ...namesOf(subscription, pending), pendingQueueId: subscription.pendingQueue.id, number: pending.attempts + 1 };
}

function namesOf({ topicOwner, topicName, name }: Subscription, { messageId }: PendingDelivery) {
  return { messageId, topicOwner, topicName, subscriptionName: name };
}

function answerOf(outcome: Made): Pick<Attempt, 'code' | 'reason' | 'answer'> {
  return {
    ...(outcome.code !== undefined && { code: outcome.code }),
    ...(outcome.reason !== undefined && { reason: outcome.kind === 'gone' ? `${outcome.reason}: ${DISABLED}` : outcome.reason }),
    ...(outcome.answer !== undefined && { answer: outcome.answer }),
  };
}

/** One line with everything about the attempt. `age` is the time (ms) from publishing to the start of this attempt. */
function report({ metrics, logger }: AttemptTools, channel: string, attempt: Attempt, age: number): void {
  metrics.observeAttempt(channel, attempt, age);
  const isDelivered = attempt.outcome === 'delivered';
  if (!logger.isLevelEnabled(isDelivered ? 'info' : 'warn')) return;
  // The answer is its owner's to see, not the operator's.
  const { number, latencyMillis, ...facts } = { ...attempt, answer: undefined };
  const line = { ...facts, channel, attempt: number, latencyMillis: Math.round(latencyMillis * 10) / 10, age };
  if (isDelivered) logger.info(line, 'delivered');
  else logger.warn(line, attempt.outcome === 'retry' ? 'delivery will be tried again' : 'delivery has failed');
}

function reportGone({ metrics, logger }: AttemptTools, { topicOwner, topicName, name }: Subscription, reason: string): void {
  metrics.endpointGone();
  logger.warn({ topicOwner, topicName, subscriptionName: name, reason }, 'endpoint is gone: subscription is disabled until it is resumed');
}

/** By subscription as it was leased: one reading serves all deliveries that were leased with it. */
const endpoints = new WeakMap<Subscription, Endpoint>();

function endpointOf(subscription: Subscription): Endpoint | undefined {
  let endpoint = endpoints.get(subscription);
  if (endpoint === undefined) {
    endpoint = readEndpoint(subscription.endpoint);
    if (endpoint !== undefined) endpoints.set(subscription, endpoint);
  }
  return endpoint;
}

function readEndpoint(text: string): Endpoint | undefined {
  try {
    return parseEndpoint(text);
  } catch {
    return undefined;
  }
}
