import { LuaScript } from '#redis/lua-script.js';
import { checkMessageGroup } from './new-message.js';
import type { SendMark } from './message-store.js';
import { decodeMessage, encodePayload, newMessageId, type StoredContent } from './message-codec.js';
import type { QueueStore } from './queue-store.js';
import { STALE } from './record-cache.js';
import { ReplyCode } from './reply-code.js';

const SEND = new LuaScript(new URL('./commands/sendMessages-1.lua', import.meta.url));

/** A message on its way to another queue: as it was stored, and what to change. */
export interface MovingMessage {
  readonly packed: Buffer;
  readonly change: (content: StoredContent, messageId: string) => StoredContent;
  /** A repeated move adds nothing. */
  readonly mark: SendMark;
  /** The message counts as sent now, so that its retention begins anew; otherwise it keeps its enqueue time. */
  readonly anew?: boolean;
}

/**
 * Puts a stored message into a queue in another partition. It keeps its priority and, unless it counts as new, its enqueue time, so
 * that its retention counts from when it was first sent; it gets an id of its own.
 *
 * @throws QueueNotExist when there is no such queue · FifoMissingMessageGroupId when that is a FIFO queue and the message has no group
 */
export async function moveMessage(queues: QueueStore, account: string, target: string, moving: MovingMessage): Promise<void> {
  const { content, priority, enqueueTime, messageId } = decodeMessage(moving.packed);
  await queues.withQueue(account, target, async (queue) => {
    const changed = moving.change(content, messageId);
    if (queue.attributes.queueType === 'fifo') checkMessageGroup(changed);
    const { payload } = encodePayload(newMessageId(moving.anew === true ? Date.now() : enqueueTime, queue.partition), changed);
    const retention = queue.attributes.messageRetentionPeriod * 1_000;
    const time = moving.anew === true ? '' : enqueueTime;
    const args = [queue.id, queue.version, priority, 0, retention, time, moving.mark.id, moving.mark.seconds, payload];
    const [[code]] = (await queues.run(SEND, queue.partition, args)) as [[number]];
    return code === ReplyCode.STALE ? STALE : undefined;
  });
}

/** Takes a step for each message: one after the other inside a message group, so that the order survives, otherwise at the same time. */
export async function inGroupOrder<T extends { readonly packed: Buffer }>(
  messages: readonly T[],
  step: (message: T) => Promise<void>,
): Promise<void> {
  const groups = Map.groupBy(messages, (message) => decodeMessage(message.packed).content.messageGroupId ?? message);
  await Promise.all(
    [...groups.values()].map(async (group) => {
      for (const message of group) await step(message);
    }),
  );
}
