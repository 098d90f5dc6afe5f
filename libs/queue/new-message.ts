import { InvalidArgument } from '#runtime/invalid-argument.js';
import { BATCH_SIZE_LIMIT, LIMITS } from './limits.js';
import type { NewMessage } from './message.js';
import { messageSize } from './message-codec.js';
import { isWholeWithin } from './queue-attributes.js';

/** What keeps messages from being stored in a queue with this limit (bytes), as far as it can be said beforehand. */
export function findProblem(messages: readonly NewMessage[], maximumMessageSize: number): InvalidArgument | undefined {
  const [least, most] = LIMITS.batch;
  if (messages.length < least || messages.length > most) return InvalidArgument.outOfRange('Messages', least, most, 'messages');
  let total = 0;
  for (const message of messages) {
    const size = messageSize(message);
    const problem = findMessageProblem(message, size, maximumMessageSize);
    if (problem !== undefined) return problem;
    total += size;
  }
  if (messages.length > 1 && total > BATCH_SIZE_LIMIT) {
    return new InvalidArgument('Messages', `The messages of a batch may have ${BATCH_SIZE_LIMIT} bytes together, these have ${total}.`);
  }
  return undefined;
}

function findMessageProblem({ body, priority, delaySeconds }: NewMessage, size: number, maximumMessageSize: number): InvalidArgument | undefined {
  if (body === '') return new InvalidArgument('MessageBody', 'MessageBody is required.');
  if (priority !== undefined && !isWholeWithin(priority, ...LIMITS.priority)) return InvalidArgument.outOfRange('Priority', ...LIMITS.priority, 'levels');
  if (delaySeconds !== undefined && !isWholeWithin(delaySeconds, ...LIMITS.delaySeconds)) {
    return InvalidArgument.outOfRange('DelaySeconds', ...LIMITS.delaySeconds, 'seconds');
  }
  if (size <= maximumMessageSize) return undefined;
  return new InvalidArgument('MessageBody', `The message has ${size} bytes; this queue takes up to ${maximumMessageSize}.`);
}
