import { EndpointInvalid, parseEndpoint } from '#delivery/endpoint.js';
import type { Outcome } from '#delivery/outcome.js';
import type { PushExchange } from '#delivery/push-exchange.js';
import type { TestPushRequest, TestPushResult } from '#delivery/test-push.js';
import { newMessageId } from '#queue/message-codec.js';
import type { Clock } from '#runtime/clock.js';
import type { Logger } from '#runtime/log.js';
import type { Subscription } from '#topic/subscription.js';
import { SubscriptionNotExist, TopicNotExist } from '#topic/topic-errors.js';
import type { AttemptTools } from './attempt.js';

/** Milliseconds for which the message of a test push says that it may be delivered; nothing holds it to that. */
const MESSAGE_LIFE = 60_000;

export interface TestPushesOptions {
  readonly subscriptions: { getSubscription(account: string, topic: string, name: string): Promise<Subscription> };
  readonly channels: AttemptTools['channels'];
  readonly replies: { write(id: string, result: TestPushResult): Promise<void> };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Makes the pushes that somebody wants to see, by the same channels and with the same checks as deliveries. */
export class TestPushes {
  readonly #abandoning = new AbortController();

  constructor(private readonly options: TestPushesOptions) {}

  /** @throws RedisUnavailable */
  async run(request: TestPushRequest): Promise<void> {
    const { clock, replies, logger } = this.options;
    if (clock.now() > request.until) return;
    const result = await this.#push(request);
    const { topicOwner, topicName, subscriptionName } = request;
    logger.info({ topicOwner, topicName, subscriptionName, ...result, exchange: undefined }, 'test push');
    await replies.write(request.id, result);
  }

  /** What is in flight is given up; whoever asked gets no answer. */
  abandon(): void {
    this.#abandoning.abort(new Error('the worker stops'));
  }

  async #push({ topicOwner, topicName, subscriptionName, message }: TestPushRequest): Promise<TestPushResult> {
    const { subscriptions, channels, clock } = this.options;
    try {
      const subscription = await subscriptions.getSubscription(topicOwner, topicName, subscriptionName);
      const endpoint = parseEndpoint(subscription.endpoint);
      const startTime = clock.now();
      const messageId = newMessageId(startTime, subscription.pendingQueue.partition).toString('hex').toUpperCase();
      const pending = { handle: '', messageId, publishTime: startTime, expireTime: startTime + MESSAGE_LIFE, message, attempts: 0 };
      let exchange: PushExchange | undefined;
      const start = performance.now();
      const delivery = { endpoint, subscription, pending, onExchange: (seen: PushExchange) => void (exchange = seen) };
      const outcome = await channels.send(delivery, this.#abandoning.signal);
      const latencyMillis = Math.round((performance.now() - start) * 10) / 10;
      return { ...factsOf(outcome), channel: endpoint.kind, messageId, startTime, latencyMillis, ...(exchange !== undefined && { exchange }) };
    } catch (error) {
      const expected = error instanceof EndpointInvalid || error instanceof SubscriptionNotExist || error instanceof TopicNotExist;
      if (expected) return { outcome: 'refused', channel: 'unknown', reason: error.message };
      throw error;
    }
  }
}

function factsOf(outcome: Outcome): Pick<TestPushResult, 'outcome' | 'code' | 'reason'> {
  if (outcome.kind === 'held') return { outcome: 'held', reason: `the hub cannot take it now, next try in ${outcome.seconds} s` };
  return {
    outcome: outcome.kind,
    ...(outcome.code !== undefined && { code: outcome.code }),
    ...(outcome.kind !== 'delivered' && { reason: outcome.reason }),
  };
}
