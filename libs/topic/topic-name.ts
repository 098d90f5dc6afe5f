import { InvalidArgument } from '#runtime/invalid-argument.js';
import { SubscriptionNameInvalid, SubscriptionNameLengthError, TopicNameInvalid, TopicNameLengthError } from './topic-errors.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
const TOPIC_NAME_LENGTH = 120;
const SUBSCRIPTION_NAME_LENGTH = 255;
/** Characters of a message tag or filter tag. */
const TAG_LENGTH = 16;

/** @throws TopicNameLengthError, TopicNameInvalid */
export function checkTopicName(name: string): void {
  if (name.length < 1 || name.length > TOPIC_NAME_LENGTH) throw new TopicNameLengthError(name);
  if (!NAME.test(name)) throw new TopicNameInvalid(name);
}

/** @throws SubscriptionNameLengthError, SubscriptionNameInvalid */
export function checkSubscriptionName(name: string): void {
  if (name.length < 1 || name.length > SUBSCRIPTION_NAME_LENGTH) throw new SubscriptionNameLengthError(name);
  if (!NAME.test(name)) throw new SubscriptionNameInvalid(name);
}

/** @throws InvalidArgument for a tag of more than 16 characters */
export function checkTag(argument: 'MessageTag' | 'FilterTag', tag: string | undefined): void {
  if (tag !== undefined && (tag.length === 0 || tag.length > TAG_LENGTH)) {
    throw InvalidArgument.outOfRange(argument, 1, TAG_LENGTH, 'characters');
  }
}
