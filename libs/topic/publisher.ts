import { DEFAULT_RETENTION } from '#delivery/delivery-options.js';
import { Gather } from '#queue/gather.js';
import { encodePayload, messageSize, newMessageId } from '#queue/message-codec.js';
import type { SendMark } from '#queue/message-store.js';
import { STALE } from '#queue/record-cache.js';
import { ReplyCode } from '#queue/reply-code.js';
import { LuaScript } from '#redis/lua-script.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { Wakeup } from './pending-delivery.js';
import { matchesFilterTag } from './subscription.js';
import type { NewTopicMessage, PublishedMessage } from './topic.js';
import { checkTag } from './topic-name.js';
import type { TopicStore } from './topic-store.js';

/** Who starts the drains of pending queues that have just got something due. */
export interface Drains {
  wake(wakeups: readonly Wakeup[]): Promise<void>;
}

const PUBLISH = new LuaScript(new URL('./commands/publishMessages-1.lua', import.meta.url));

/** Queue entries that one gathered script call writes at the most: ten publishes to a hundred subscriptions would hold up Redis for 13 ms. */
const GATHERED = { items: 32, weight: 200 };

type PublishItem = readonly (string | number | Buffer)[];
type PublishReply = [code: number, now?: Buffer];

/**
 * Publishing stores the body once and appends one delivery to the pending queue of each matching subscription, in one script: either
 * every subscription that matches has the message, or none.
 */
export class Publisher {
  readonly #publish: Gather<PublishItem, PublishReply>;

  constructor(
    private readonly topics: TopicStore,
    private readonly drains: Drains,
  ) {
    this.#publish = new Gather((partition, items) => this.#run(partition, items), { ...GATHERED, weigh: (item) => (item.length - FIXED_ARGUMENTS) / 2 });
  }

  /**
   * @param mark makes the publish idempotent: a second one within its life is answered as done and adds nothing
   * @throws TopicNotExist · InvalidArgument · RedisFull
   */
  publish(account: string, name: string, message: NewTopicMessage, mark?: SendMark): Promise<PublishedMessage> {
    checkTag('MessageTag', message.messageTag);
    return this.topics.withTopic(account, name, async (topic) => {
      checkMessage(message, topic.attributes.maximumMessageSize);
      const { messageId, bodyMd5, payload } = encodePayload(newMessageId(Date.now(), topic.partition), message);
      const matching = topic.subscriptions.filter(({ attributes }) => matchesFilterTag(attributes.filterTag, message.messageTag));
      const [code] = await this.#publish.add(topic.partition, [
        topic.id,
        topic.stateVersion,
        mark?.id ?? '',
        mark?.seconds ?? 0,
        payload,
        matching.length,
        ...matching.flatMap(({ id, attributes }) => [id, (attributes.options?.retentionSeconds ?? DEFAULT_RETENTION) * 1_000]),
      ]);
      if (code === ReplyCode.STALE) return STALE;
      return { messageId, bodyMd5, ...(code === ReplyCode.DUPLICATE && { duplicate: true as const }) };
    });
  }

  async #run(partition: number, items: readonly PublishItem[]): Promise<PublishReply[]> {
    const replies = (await this.topics.run(PUBLISH, partition, items.flat())) as [...PublishReply[], (Buffer | number)[]];
    const armed = replies.pop() as (Buffer | number)[];
    const wakeups: Wakeup[] = [];
    for (let i = 0; i < armed.length; i += 2) wakeups.push({ partition, id: String(armed[i]), epoch: Number(armed[i + 1]) });
    // The messages are stored: nothing that goes wrong from here on may fail the publish. A wake-up that is lost is found by the sweep.
    if (wakeups.length > 0) void this.drains.wake(wakeups).catch(() => undefined);
    return replies as PublishReply[];
  }
}

/** Arguments of a publish in front of its pending queues. */
const FIXED_ARGUMENTS = 6;

/** @throws InvalidArgument */
function checkMessage(message: NewTopicMessage, maximumMessageSize: number): void {
  if (message.body === '') throw new InvalidArgument('MessageBody', 'MessageBody is required.');
  const size = messageSize(message);
  if (size > maximumMessageSize) throw new InvalidArgument('MessageBody', `The message has ${size} bytes; this topic takes up to ${maximumMessageSize}.`);
}
