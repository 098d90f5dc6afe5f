import { LuaScript } from '#redis/lua-script.js';
import type { SendMark } from './message-store.js';
import { decodeMessage, encodePayload, newMessageId, type StoredContent } from './message-codec.js';
import { STALE, type QueueStore } from './queue-store.js';
import { ReplyCode } from './reply-code.js';

const SEND = new LuaScript(new URL('./commands/sendMessages-1.lua', import.meta.url));

/** A message on its way to another queue: as it was stored, and what to change. */
export interface MovingMessage {
  readonly packed: Buffer;
  readonly change: (content: StoredContent, messageId: string) => StoredContent;
  /** A repeated move adds nothing. */
  readonly mark: SendMark;
}

/**
 * Puts a stored message into a queue in another partition. It keeps its priority and its enqueue time, so that its retention counts
 * from when it was first sent; it gets an id of its own.
 *
 * @throws QueueNotExist when there is no such queue
 */
export async function moveMessage(queues: QueueStore, account: string, target: string, moving: MovingMessage): Promise<void> {
  const { content, priority, enqueueTime, messageId } = decodeMessage(moving.packed);
  await queues.withQueue(account, target, async (queue) => {
    const { payload } = encodePayload(newMessageId(enqueueTime, queue.partition), moving.change(content, messageId));
    const retention = queue.attributes.messageRetentionPeriod * 1_000;
    const args = [queue.id, queue.version, priority, 0, retention, enqueueTime, moving.mark.id, moving.mark.seconds, payload];
    const [[code]] = (await queues.run(SEND, queue.partition, args)) as [[number]];
    return code === ReplyCode.STALE ? STALE : undefined;
  });
}
