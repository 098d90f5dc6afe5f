import type { MessageContent } from '#queue/message.js';
import { isWholeWithin } from '#queue/queue-attributes.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';

/** What the owner of a topic can set. */
export interface TopicAttributes {
  /** Bytes, 1,024 to 65,536. */
  readonly maximumMessageSize: number;
  readonly loggingEnabled: boolean;
}

export const DEFAULT_TOPIC_ATTRIBUTES: TopicAttributes = { maximumMessageSize: 65_536, loggingEnabled: false };

/** @throws InvalidArgument */
export function checkTopicAttributes({ maximumMessageSize }: Partial<TopicAttributes>): void {
  if (maximumMessageSize !== undefined && !isWholeWithin(maximumMessageSize, 1_024, 65_536)) {
    throw InvalidArgument.outOfRange('MaximumMessageSize', 1_024, 65_536, 'bytes');
  }
}

export interface TopicDescription extends TopicAttributes {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createTime: number;
  readonly lastModifyTime: number;
  /** Published messages that at least one subscription still waits for. */
  readonly messageCount: number;
}

export interface NewTopicMessage extends MessageContent {
  /** At most 16 characters; matched exactly against the filter tag of each subscription. */
  readonly messageTag?: string;
  /** Channel parameters as JSON text, by the MNS element name (DirectMail, DirectSMS, DYSMS, DM, Push, …). Stored, and read by the channel. */
  readonly messageAttributes?: Readonly<Record<string, string>>;
}

export interface PublishedMessage {
  readonly messageId: string;
  readonly bodyMd5: string;
  /** A message with the same mark was there: nothing was added. */
  readonly duplicate?: true;
}
