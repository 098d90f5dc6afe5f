import { createHash } from 'node:crypto';
import type { MessageProperty } from '#queue/message.js';
import type { StoredContent } from '#queue/message-codec.js';
import { inGroupOrder, moveMessage } from '#queue/message-mover.js';
import { FifoMissingMessageGroupId, QueueNotExist } from '#queue/queue-errors.js';
import type { QueueStore } from '#queue/queue-store.js';
import type { Logger } from '#runtime/log.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { FailedDeliveries, FailedDelivery, FailedDeliveryStore } from './failed-delivery-store.js';

/** Deliveries that are moved at a time. */
const PORTION = 64;
/** Portions of one call, so that one subscription does not keep a duty from the others. */
const PORTIONS = 64;
/** Seconds for which a move is remembered; a mover that died must be repeated within that time. */
const MARK_LIFE = 86_400;

/** Brings what subscriptions have given up to their dead-letter queues. Any number of processes may do so at the same time. */
export class DeadLetterMover {
  constructor(
    private readonly failed: FailedDeliveryStore,
    private readonly queues: QueueStore,
    private readonly options: { readonly region: string; readonly logger: Logger },
  ) {}

  /** @param id of the subscription's pending queue. @throws RedisFull · RedisUnavailable */
  async move(partition: number, id: string): Promise<void> {
    for (let portion = 0; portion < PORTIONS; portion++) {
      const letters = await this.failed.readForDeadLetterQueue(partition, id, PORTION);
      if (letters === undefined || letters.deliveries.length === 0) return;
      try {
        // What has no body any more was dropped meanwhile.
        const present = letters.deliveries.filter(({ packed }) => packed.length > 0);
        await inGroupOrder(present, (delivery) => this.#moveOne(id, letters, delivery));
      } catch (error) {
        if (!(error instanceof QueueNotExist)) throw error;
        const { topic, subscription, deadLetterQueue: target } = letters;
        const facts = { topicName: topic, subscriptionName: subscription, target, reason: error.name };
        this.options.logger.warn(facts, 'dead-letter queue cannot take what a subscription gave up; it waits');
        return;
      }
      await this.failed.forget(partition, id, letters.deliveries);
      if (letters.deliveries.length < PORTION) return;
    }
  }

  async #moveOne(id: string, letters: FailedDeliveries, delivery: FailedDelivery): Promise<void> {
    const { account, topic, subscription, deadLetterQueue } = letters;
    const origin = `acs:mns:${this.options.region}:${account}:/topics/${topic}/subscriptions/${subscription}`;
    const mark = createHash('sha256').update(`given up ${id} ${deadLetterQueue} `).update(delivery.messageId).digest().subarray(0, 16);
    const move = (given: Partial<StoredContent>): Promise<void> =>
      moveMessage(this.queues, account, deadLetterQueue, {
        packed: delivery.packed,
        mark: { id: mark, seconds: MARK_LIFE },
        change: (content, messageId) => ({ ...withOrigin(content, origin, messageId, delivery), ...given }),
        // Its time in the topic is over; what the queue's owner set for the queue counts from now.
        anew: true,
      });
    try {
      await move({});
    } catch (error) {
      if (!(error instanceof FifoMissingMessageGroupId) && !(error instanceof InvalidArgument)) throw error;
      // What was published without a group, or with one that queues do not take, must not wait for ever, nor hold up the others.
      await move({ messageGroupId: topic });
    }
  }
}

/**
 * As the dead letters of queues say where they come from. What only we say stands in user properties: SDKs fail at system properties that
 * they do not know.
 */
function withOrigin(content: StoredContent, origin: string, messageId: string, { attempts, reason }: FailedDelivery): StoredContent {
  const { messageTag, userProperties, systemProperties } = content;
  const facts = {
    DLQAttempts: String(attempts),
    ...(reason !== '' && { DLQReason: reason }),
    ...(messageTag !== undefined && { DLQMessageTag: messageTag }),
  };
  return {
    ...content,
    userProperties: withProperties(userProperties, facts),
    systemProperties: withProperties(systemProperties, { DLQMessageType: 'Topic', DLQSourceArn: origin, DLQOriginMessageId: messageId }),
  };
}

function withProperties(present: readonly MessageProperty[] = [], added: Readonly<Record<string, string>>): MessageProperty[] {
  const kept = present.filter(({ name }) => !name.startsWith('DLQ'));
  return [...kept, ...Object.entries(added).map(([name, value]) => ({ name, value, type: 'STRING' as const }))];
}
