/** A typed property of a message. User properties belong to the sender; system properties have names that the protocol defines. */
export interface MessageProperty {
  readonly name: string;
  readonly value: string;
  readonly type: 'STRING' | 'NUMBER' | 'BOOLEAN' | 'BINARY';
}

/** What travels with a message besides its body, from sender to receiver unchanged. */
export interface MessageContent {
  readonly body: string;
  readonly userProperties?: readonly MessageProperty[];
  readonly systemProperties?: readonly MessageProperty[];
  /** Up to 128 characters. FIFO queues want one and order by it, others carry it. */
  readonly messageGroupId?: string;
}

export interface NewMessage extends MessageContent {
  /** 1 (first) to 16 (last), 8 when absent. */
  readonly priority?: number;
  /** 0 to 604,800 seconds; the queue's own delay when absent. */
  readonly delaySeconds?: number;
}

export interface SentMessage {
  /** 32 upper-case hexadecimal digits. */
  readonly messageId: string;
  /** Upper-case hexadecimal MD5 of the body. */
  readonly bodyMd5: string;
  /** Only for a delayed message: lets its sender delete it or change when it appears. */
  readonly receiptHandle?: string;
  /** Only for a delayed message: milliseconds since the epoch. */
  readonly nextVisibleTime?: number;
  /** A message with the same mark was there: nothing was added. */
  readonly duplicate?: true;
  /** As it was given. */
  readonly messageGroupId?: string;
}

export interface PeekedMessage extends MessageContent {
  readonly messageId: string;
  readonly bodyMd5: string;
  /** Milliseconds since the epoch. */
  readonly enqueueTime: number;
  /** Milliseconds since the epoch; the enqueue time while the message was never received. */
  readonly firstDequeueTime: number;
  readonly dequeueCount: number;
  readonly priority: number;
}

export interface ReceivedMessage extends PeekedMessage {
  readonly receiptHandle: string;
  /** Milliseconds since the epoch: until then nobody else receives the message. */
  readonly nextVisibleTime: number;
}
