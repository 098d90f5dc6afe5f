import { InvalidArgument } from '#runtime/invalid-argument.js';
import { BATCH_SIZE_LIMIT, LIMITS } from './limits.js';
import type { MessageContent, NewMessage } from './message.js';
import { messageSize } from './message-codec.js';
import { isWholeWithin, type QueueAttributes } from './queue-attributes.js';
import { FifoMissingMessageGroupId } from './queue-errors.js';

/**
 * Checks what can be said about messages before they are stored.
 * @throws InvalidArgument · FifoMissingMessageGroupId
 */
export function checkNewMessages(messages: readonly NewMessage[], { maximumMessageSize, queueType }: QueueAttributes): void {
  const [least, most] = LIMITS.batch;
  if (messages.length < least || messages.length > most) throw InvalidArgument.outOfRange('Messages', least, most, 'messages');
  let total = 0;
  for (const message of messages) {
    total += checkNewMessage(message, maximumMessageSize);
    if (queueType === 'fifo') checkMessageGroup(message);
  }
  if (messages.length > 1 && total > BATCH_SIZE_LIMIT) {
    throw new InvalidArgument('Messages', `The messages of a batch may have ${BATCH_SIZE_LIMIT} bytes together, these have ${total}.`);
  }
}

function checkNewMessage(message: NewMessage, maximumMessageSize: number): number {
  const { priority, delaySeconds } = message;
  if (message.body === '') throw new InvalidArgument('MessageBody', 'MessageBody is required.');
  if (priority !== undefined && !isWholeWithin(priority, ...LIMITS.priority)) {
    throw InvalidArgument.outOfRange('Priority', ...LIMITS.priority, 'levels');
  }
  if (delaySeconds !== undefined && !isWholeWithin(delaySeconds, ...LIMITS.delaySeconds)) {
    throw InvalidArgument.outOfRange('DelaySeconds', ...LIMITS.delaySeconds, 'seconds');
  }
  const size = messageSize(message);
  if (size > maximumMessageSize) {
    throw new InvalidArgument('MessageBody', `The message has ${size} bytes; this queue takes up to ${maximumMessageSize}.`);
  }
  return size;
}

/** @throws FifoMissingMessageGroupId · InvalidArgument */
export function checkMessageGroup({ messageGroupId }: MessageContent): void {
  if (!messageGroupId) throw new FifoMissingMessageGroupId();
  const [least, most] = LIMITS.messageGroupIdLength;
  if (messageGroupId.length > most) throw InvalidArgument.outOfRange('MessageGroupId', least, most, 'characters');
}
