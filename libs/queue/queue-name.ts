import { InvalidQueueName, QueueNameLengthError } from './queue-errors.js';
import { LIMITS } from './limits.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9-]*$/;

/** @throws QueueNameLengthError, InvalidQueueName */
export function checkQueueName(name: string): void {
  if (name.length < LIMITS.nameLength[0] || name.length > LIMITS.nameLength[1]) throw new QueueNameLengthError(name);
  if (!NAME.test(name)) throw new InvalidQueueName(name);
}
