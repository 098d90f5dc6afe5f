/** What a caller of the queue engine can do wrong. The wire turns each class into one MNS error code; nothing else knows codes. */
export abstract class QueueError extends Error {}

export class QueueNotExist extends QueueError {
  override readonly name = 'QueueNotExist';
  constructor(readonly queue: string) {
    super('The queue name you provided is not exist.');
  }
}

/** A queue of that name exists and its attributes differ. */
export class QueueAlreadyExist extends QueueError {
  override readonly name = 'QueueAlreadyExist';
  constructor(readonly queue: string) {
    super('The queue you created is already exist.');
  }
}

/** Nothing to receive or peek; or the delivery that a receipt handle stands for has ended. */
export class MessageNotExist extends QueueError {
  override readonly name = 'MessageNotExist';
  constructor() {
    super('Message not exist.');
  }
}

/** A receipt handle that this deployment never issued for this queue. */
export class ReceiptHandleError extends QueueError {
  override readonly name = 'ReceiptHandleError';
  constructor() {
    super('The receipt handle you provide is not valid.');
  }
}

export class InvalidQueueName extends QueueError {
  override readonly name = 'InvalidQueueName';
  constructor(readonly queue: string) {
    super('The queue name contains invalid characters: it starts with a letter or digit and goes on with letters, digits and hyphens.');
  }
}

export class QueueNameLengthError extends QueueError {
  override readonly name = 'QueueNameLengthError';
  constructor(readonly queue: string) {
    super('The length of a queue name is 1 to 120 characters.');
  }
}

/** A message for a FIFO queue must say which group it belongs to. */
export class FifoMissingMessageGroupId extends QueueError {
  override readonly name = 'FifoMissingMessageGroupId';
  constructor() {
    super('MessageGroupId is required for a FIFO queue.');
  }
}
