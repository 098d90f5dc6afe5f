import { createHash } from 'node:crypto';
import type { QueueEndpoint } from '#delivery/endpoint.js';
import { notificationBody } from '#delivery/notification.js';
import { delivered, held, permanent, retryable, type Outcome } from '#delivery/outcome.js';
import type { NewMessage, SentMessage } from '#queue/message.js';
import { FifoMissingMessageGroupId, QueueNotExist } from '#queue/queue-errors.js';
import { RedisFull, RedisUnavailable } from '#redis/redis-unavailable.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { notificationOf, type Channel, type Delivery } from './channel.js';
import { TimeLimitExceeded, withTimeLimit } from '#delivery/time-limit.js';

/** What this channel needs of the queue engine. */
export interface MessageSender {
  sendMessages(
    account: string,
    queue: string,
    messages: readonly NewMessage[],
    mark?: { readonly id: Buffer; readonly seconds: number },
  ): Promise<SentMessage[]>;
}

const TIME_LIMIT = 5_000;
/** Seconds until a queue is tried again that cannot take messages because Redis is full. */
const FULL_PAUSE = 5;
/** Seconds for which a push is remembered in its queue's partition: within them it is never doubled, however often it is repeated. */
const MARK_LIFE = 3_600;

/** Puts deliveries into queues of the topic's owner, as new messages. */
export class QueueChannel implements Channel<QueueEndpoint> {
  readonly timeLimit = TIME_LIMIT;

  constructor(private readonly messages: MessageSender) {}

  async send(delivery: Delivery<QueueEndpoint>, signal: AbortSignal): Promise<Outcome> {
    const { subscription, pending } = delivery;
    const { userProperties, systemProperties, messageGroupId } = pending.message;
    const message: NewMessage = {
      body: notificationBody(subscription.notifyContentFormat, notificationOf(delivery)),
      ...(userProperties !== undefined && { userProperties }),
      ...(systemProperties !== undefined && { systemProperties }),
      ...(messageGroupId !== undefined && { messageGroupId }),
    };
    const mark = { id: markOf(subscription.pendingQueue.id, pending.messageId), seconds: MARK_LIFE };
    try {
      const account = subscription.topicOwner;
      await withTimeLimit(signal, TIME_LIMIT, () => this.messages.sendMessages(account, delivery.endpoint.queue, [message], mark));
      return delivered();
    } catch (error) {
      signal.throwIfAborted();
      return outcomeOf(error);
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Names this delivery of this message, so that a worker that repeats it after a crash adds nothing. */
function markOf(pendingQueueId: string, messageId: string): Buffer {
  return createHash('sha256').update(`push ${pendingQueueId} ${messageId}`).digest().subarray(0, 16);
}

/** A queue that is missing may be put right; a message that does not fit its queue stays as it is. */
function outcomeOf(error: unknown): Outcome {
  if (error instanceof QueueNotExist) return retryable(`QueueNotExist: ${error.queue}`);
  if (error instanceof FifoMissingMessageGroupId) return permanent(`FifoMissingMessageGroupId: ${error.message}`);
  if (error instanceof InvalidArgument) return permanent(`InvalidArgument: ${error.message}`);
  // Retries would be used up, and the message lost, before the memory of a full Redis has come down.
  if (error instanceof RedisFull) return held(FULL_PAUSE);
  const isPassing = error instanceof RedisUnavailable || error instanceof TimeLimitExceeded;
  if (isPassing) return retryable(error.message);
  return retryable(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}
