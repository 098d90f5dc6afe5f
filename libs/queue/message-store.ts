import { LuaScript } from '#redis/lua-script.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { Gather } from './gather.js';
import { DEFAULT_PRIORITY, LIMITS } from './limits.js';
import type { LongPoll, Ticket } from './long-poll.js';
import type { NewMessage, PeekedMessage, ReceivedMessage, SentMessage } from './message.js';
import { decodeMessage, encodePayload, newMessageId, type EncodedMessage } from './message-codec.js';
import { checkNewMessages } from './new-message.js';
import { isWholeWithin } from './queue-attributes.js';
import { MessageNotExist, ReceiptHandleError } from './queue-errors.js';
import type { QueueRecord, QueueStore } from './queue-store.js';
import { STALE } from './record-cache.js';
import { ReceiptHandles, type Delivery } from './receipt-handle.js';
import { ReplyCode } from './reply-code.js';

/** Makes a send idempotent: a second one with the same id, within the life of the mark, is answered as done and adds nothing. */
export interface SendMark {
  /** 16 bytes. */
  readonly id: Buffer;
  readonly seconds: number;
}

export interface ReceiveOptions {
  /** 1 to 16. */
  readonly count: number;
  /** 0 to 30; the queue's own polling wait when absent. */
  readonly waitSeconds?: number | undefined;
  /** Asked, once, when there may be something to wait for: a client that is not waited for need not be watched. */
  readonly watch?: (() => ClientWatch) | undefined;
}

/** Looks after the client of a poll that waits. */
export interface ClientWatch {
  /** Aborted when the client has gone: the poll ends, and what was leased for it is given back uncounted. */
  readonly signal: AbortSignal;
  close(): void;
}

const SCRIPTS = {
  send: new LuaScript(new URL('./commands/sendMessages-1.lua', import.meta.url)),
  receive: new LuaScript(new URL('./commands/receiveMessages-1.lua', import.meta.url)),
  peek: new LuaScript(new URL('./commands/peekMessages-1.lua', import.meta.url)),
  delete: new LuaScript(new URL('./commands/deleteMessages-1.lua', import.meta.url)),
  changeVisibility: new LuaScript(new URL('./commands/changeVisibility-1.lua', import.meta.url)),
  return: new LuaScript(new URL('./commands/returnMessages-1.lua', import.meta.url)),
};

/** Arguments of one message, one request, one handle for its script. */
type ScriptItem = readonly (string | number | Buffer)[];
type SendReply = [code: number, member: Buffer, now: Buffer, visible: Buffer];
type ReceiveReply = [code: number, now: Buffer, more: number, due: Buffer, ...messages: MessageReply[]];
type MessageReply = [member: Buffer, number: number, count: number, first: Buffer, packed: Buffer];

/**
 * Messages of queues. Every call is one script call in the queue's partition; concurrent calls to a partition are gathered into one.
 */
export class MessageStore {
  readonly #handles: ReceiptHandles;
  readonly #send: Gather<ScriptItem, SendReply[]>;
  readonly #receive: Gather<ScriptItem, ReceiveReply>;
  readonly #delete: Gather<ScriptItem, number>;

  constructor(
    private readonly queues: QueueStore,
    private readonly polls: LongPoll,
  ) {
    this.#handles = new ReceiptHandles(queues.deployment.handleSecret);
    this.#send = new Gather((partition, batches) => this.#sendBatches(partition, batches), { ...GATHERED, weigh: bytesOf });
    this.#receive = this.#gather(SCRIPTS.receive, (item) => Number(item[2]) * TYPICAL_SIZE);
    this.#delete = this.#gather(SCRIPTS.delete, () => 1);
  }

  /**
   * Stores all messages or none. A mark goes with a single message.
   * @throws QueueNotExist · InvalidArgument · FifoMissingMessageGroupId · RedisFull
   */
  sendMessages(account: string, name: string, messages: readonly NewMessage[], mark?: SendMark): Promise<SentMessage[]> {
    return this.queues.withQueue(account, name, async (queue) => {
      checkNewMessages(messages, queue.attributes);
      const now = Date.now();
      const encoded = messages.map((message) => encodePayload(newMessageId(now, queue.partition), message));
      const batch = encoded.flatMap(({ payload }, index) => sendItem(queue, messages[index]!, payload, mark));
      const replies = await this.#send.add(queue.partition, batch);
      if (replies[0]![0] === ReplyCode.STALE) return STALE;
      return replies.map((reply, index) => ({ ...this.#sent(queue, encoded[index]!, reply), ...groupOf(messages[index]!) }));
    });
  }

  /**
   * Leases up to `count` messages; waits for the first one as long as the options or the queue say.
   * @returns [] when nothing came, or when the client went away
   * @throws QueueNotExist · InvalidArgument
   */
  receiveMessages(account: string, name: string, options: ReceiveOptions): Promise<ReceivedMessage[]> {
    checkCount(options.count);
    checkWait(options.waitSeconds);
    const started = performance.now();
    return this.queues.withQueue(account, name, async (queue) => {
      const wait = (options.waitSeconds ?? queue.attributes.pollingWaitSeconds) * 1_000;
      if (wait === 0) return this.#poll(queue, options.count, undefined, started, undefined);
      const ticket = this.polls.enter(queue.id);
      const watch = options.watch?.();
      try {
        return await this.#poll(queue, options.count, ticket, started + wait, watch?.signal);
      } finally {
        watch?.close();
        ticket.release();
      }
    });
  }

  /** Gives leases back whose messages never reached their client: visible at once, not counted as deliveries. */
  async returnMessages(account: string, name: string, messages: readonly ReceivedMessage[]): Promise<void> {
    if (messages.length === 0) return;
    await this.queues.withQueue(account, name, async (queue) => {
      const deliveries = messages.map((message) => this.#handles.read(message.receiptHandle)).filter(({ queueId }) => queueId === queue.id);
      await this.#giveBack(queue, deliveries);
    });
  }

  /** Shows up to `count` (1 to 16) ready messages and changes nothing. @throws QueueNotExist · InvalidArgument */
  peekMessages(account: string, name: string, count: number): Promise<PeekedMessage[]> {
    checkCount(count);
    return this.queues.withQueue(account, name, async (queue) => {
      const reply = (await this.queues.run(SCRIPTS.peek, queue.partition, [queue.id, queue.version, count])) as [number, ...MessageReply[]];
      const [code, ...messages] = reply;
      return code === ReplyCode.STALE ? STALE : messages.map(readMessage);
    });
  }

  /** @returns per handle why it was not deleted, undefined where it was. @throws QueueNotExist · InvalidArgument */
  deleteMessages(account: string, name: string, handles: readonly string[]): Promise<(MessageNotExist | ReceiptHandleError | undefined)[]> {
    const [least, most] = LIMITS.batch;
    if (!isWholeWithin(handles.length, least, most)) throw InvalidArgument.outOfRange('ReceiptHandles', least, most, 'handles');
    return this.queues.withQueue(account, name, async (queue) => {
      const deliveries = handles.map((handle) => this.#deliveryOrError(queue, handle));
      const refused = deliveries.some((delivery) => delivery instanceof ReceiptHandleError);
      if (refused && !(await this.queues.isCurrent(account, name, queue))) return STALE;
      const results = await Promise.all(deliveries.map((delivery) => this.#deleteOne(queue, delivery)));
      return results.includes(STALE) ? STALE : (results as (MessageNotExist | ReceiptHandleError | undefined)[]);
    });
  }

  /**
   * Sets the visibility timeout of one delivery, in seconds from now (1 to 43,200).
   * @returns a new handle; the old one stays good until the new time too
   * @throws QueueNotExist · MessageNotExist · ReceiptHandleError · InvalidArgument
   */
  changeVisibility(account: string, name: string, handle: string, seconds: number): Promise<{ receiptHandle: string; nextVisibleTime: number }> {
    const [low, high] = LIMITS.visibilityTimeout;
    if (!isWholeWithin(seconds, low, high)) throw InvalidArgument.outOfRange('VisibilityTimeout', low, high, 'seconds');
    return this.queues.withQueue(account, name, async (queue) => {
      const delivery = this.#deliveryOf(queue, handle);
      const args = [queue.id, delivery.member, delivery.number, seconds * 1_000];
      const [code, visible] = (await this.queues.run(SCRIPTS.changeVisibility, queue.partition, args)) as [number, Buffer];
      if (code === ReplyCode.STALE) return STALE;
      if (code === ReplyCode.GONE) throw new MessageNotExist();
      const nextVisibleTime = Number(visible);
      return { receiptHandle: this.#handles.issue({ ...delivery, nextVisibleTime }), nextVisibleTime };
    });
  }

  async #poll(
    queue: QueueRecord,
    count: number,
    ticket: Ticket | undefined,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<ReceivedMessage[] | typeof STALE> {
    const visibility = queue.attributes.visibilityTimeout * 1_000;
    for (;;) {
      const wait = ticket === undefined ? 0 : Math.max(0, Math.ceil(deadline - performance.now()));
      const [code, now, more, due, ...messages] = await this.#receive.add(queue.partition, [queue.id, queue.version, count, visibility, wait]);
      if (code === ReplyCode.STALE) return STALE;
      if (code === ReplyCode.AGAIN) continue;
      if (messages.length > 0) {
        const nextVisibleTime = Number(now) + visibility;
        if (signal?.aborted === true) return this.#handOn(queue, messages, nextVisibleTime);
        if (more === 1) ticket?.pass();
        return messages.map((message) => this.#received(queue, message, nextVisibleTime));
      }
      if (ticket === undefined) return [];
      if (Number(due) > 0) this.polls.wakeIn(queue.id, Number(due) - Number(now));
      const end = await ticket.wait(deadline - performance.now(), signal);
      if (end !== 'look') return [];
      if (signal?.aborted === true) {
        ticket.pass();
        return [];
      }
    }
  }

  async #handOn(queue: QueueRecord, messages: MessageReply[], nextVisibleTime: number): Promise<ReceivedMessage[]> {
    await this.#giveBack(queue, messages.map(([member, number]) => ({ queueId: queue.id, member: Number(member), number, nextVisibleTime })));
    return [];
  }

  async #giveBack(queue: QueueRecord, deliveries: readonly Delivery[]): Promise<void> {
    await this.queues.run(SCRIPTS.return, queue.partition, [queue.id, ...deliveries.flatMap(({ member, number }) => [member, number])]);
  }

  async #deleteOne(
    queue: QueueRecord,
    delivery: Delivery | ReceiptHandleError,
  ): Promise<MessageNotExist | ReceiptHandleError | typeof STALE | undefined> {
    if (delivery instanceof ReceiptHandleError) return delivery;
    const code = await this.#delete.add(queue.partition, [queue.id, delivery.member, delivery.number]);
    if (code === ReplyCode.STALE) return STALE;
    return code === ReplyCode.GONE ? new MessageNotExist() : undefined;
  }

  #deliveryOrError(queue: QueueRecord, handle: string): Delivery | ReceiptHandleError {
    try {
      return this.#deliveryOf(queue, handle);
    } catch (error) {
      if (error instanceof ReceiptHandleError) return error;
      throw error;
    }
  }

  /** @throws ReceiptHandleError for a handle never issued, or issued for another queue (or an earlier one of this name) */
  #deliveryOf(queue: QueueRecord, handle: string): Delivery {
    const delivery = this.#handles.read(handle);
    if (delivery.queueId !== queue.id) throw new ReceiptHandleError();
    return delivery;
  }

  #sent(queue: QueueRecord, { messageId, bodyMd5 }: EncodedMessage, [code, member, now, visible]: SendReply): SentMessage {
    if (code === ReplyCode.DUPLICATE) return { messageId, bodyMd5, duplicate: true };
    if (code !== ReplyCode.OK || Number(visible) === Number(now)) return { messageId, bodyMd5 };
    const nextVisibleTime = Number(visible);
    const receiptHandle = this.#handles.issue({ queueId: queue.id, member: Number(member), number: 0, nextVisibleTime });
    return { messageId, bodyMd5, receiptHandle, nextVisibleTime };
  }

  #received(queue: QueueRecord, reply: MessageReply, nextVisibleTime: number): ReceivedMessage {
    const receiptHandle = this.#handles.issue({ queueId: queue.id, member: Number(reply[0]), number: reply[1], nextVisibleTime });
    return { ...readMessage(reply), receiptHandle, nextVisibleTime };
  }

  /** Batches stay whole: the messages of one request go into one script call or none does. */
  async #sendBatches(partition: number, batches: readonly ScriptItem[]): Promise<SendReply[][]> {
    const replies = (await this.queues.run(SCRIPTS.send, partition, batches.flat())) as SendReply[];
    let at = 0;
    return batches.map((batch) => replies.slice(at, (at += batch.length / SEND_ARGUMENTS)));
  }

  #gather<Reply>(script: LuaScript, weigh: (item: ScriptItem) => number): Gather<ScriptItem, Reply> {
    const run = async (partition: number, items: readonly ScriptItem[]): Promise<Reply[]> =>
      (await this.queues.run(script, partition, items.flat())) as Reply[];
    return new Gather(run, { ...GATHERED, weigh });
  }
}

/** One script call holds up Redis for everybody; these limits keep it below a few milliseconds. */
const GATHERED = { items: 64, weight: 512 * 1_024 };
/** Arguments of one message in `sendMessages-1.lua`. */
const SEND_ARGUMENTS = 9;
/** Bytes by which a message that a receive may return is counted before its size is known. */
const TYPICAL_SIZE = 4_096;

function groupOf({ messageGroupId }: NewMessage): Pick<SentMessage, 'messageGroupId'> {
  return messageGroupId === undefined ? {} : { messageGroupId };
}

function bytesOf(batch: ScriptItem): number {
  return batch.reduce<number>((sum, argument) => sum + (Buffer.isBuffer(argument) ? argument.length : 0), 0);
}

function sendItem(queue: QueueRecord, message: NewMessage, payload: Buffer, mark: SendMark | undefined): ScriptItem {
  const { delaySeconds, messageRetentionPeriod } = queue.attributes;
  return [
    queue.id,
    queue.version,
    message.priority ?? DEFAULT_PRIORITY,
    (message.delaySeconds ?? delaySeconds) * 1_000,
    messageRetentionPeriod * 1_000,
    '',
    mark?.id ?? '',
    mark?.seconds ?? 0,
    payload,
  ];
}

function readMessage([, , count, first, packed]: MessageReply): PeekedMessage {
  const { messageId, bodyMd5, priority, enqueueTime, content } = decodeMessage(packed);
  const firstDequeueTime = Number(first);
  return {
    ...content,
    messageId,
    bodyMd5,
    priority,
    enqueueTime,
    firstDequeueTime: firstDequeueTime === 0 ? enqueueTime : firstDequeueTime,
    dequeueCount: count,
  };
}

function checkCount(count: number): void {
  const [low, high] = LIMITS.batch;
  if (!isWholeWithin(count, low, high)) throw InvalidArgument.outOfRange('numOfMessages', low, high, 'messages');
}

function checkWait(seconds: number | undefined): void {
  const [low, high] = LIMITS.pollingWaitSeconds;
  if (seconds !== undefined && !isWholeWithin(seconds, low, high)) throw InvalidArgument.outOfRange('waitseconds', low, high, 'seconds');
}
