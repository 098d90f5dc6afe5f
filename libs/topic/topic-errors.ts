/** What a caller of topics can do wrong. The wire turns each class into one MNS error code. */
export abstract class TopicError extends Error {}

export class TopicNotExist extends TopicError {
  override readonly name = 'TopicNotExist';
  constructor(readonly topic: string) {
    super('The topic you provided does not exist.');
  }
}

/** A topic of that name exists and its attributes differ. */
export class TopicAlreadyExist extends TopicError {
  override readonly name = 'TopicAlreadyExist';
  constructor(readonly topic: string) {
    super('The topic you created is already exist.');
  }
}

export class TopicNameInvalid extends TopicError {
  override readonly name = 'TopicNameInvalid';
  constructor(readonly topic: string) {
    super('The topic name contains invalid characters: it starts with a letter or digit and goes on with letters, digits and hyphens.');
  }
}

export class TopicNameLengthError extends TopicError {
  override readonly name = 'TopicNameLengthError';
  constructor(readonly topic: string) {
    super('The length of a topic name is 1 to 120 characters.');
  }
}

export class SubscriptionNotExist extends TopicError {
  override readonly name = 'SubscriptionNotExist';
  constructor(readonly subscription: string) {
    super('The subscription you provided does not exist.');
  }
}

/** A subscription of that name exists and its attributes differ. */
export class SubscriptionAlreadyExist extends TopicError {
  override readonly name = 'SubscriptionAlreadyExist';
  constructor(readonly subscription: string) {
    super('The subscription you created is already exist.');
  }
}

export class SubscriptionNameInvalid extends TopicError {
  override readonly name = 'SubscriptionNameInvalid';
  constructor(readonly subscription: string) {
    super('The subscription name contains invalid characters: it starts with a letter or digit and goes on with letters, digits and hyphens.');
  }
}

export class SubscriptionNameLengthError extends TopicError {
  override readonly name = 'SubscriptionNameLengthError';
  constructor(readonly subscription: string) {
    super('The length of a subscription name is 1 to 255 characters.');
  }
}
