/** What the scenarios know of the protocol: its operations, with arguments and results that every client can be brought to. */
export interface MnsOperations {
  createQueue: { takes: { queue: string; attributes?: Attributes }; gives: { url: string } };
  setQueueAttributes: { takes: { queue: string; attributes: Attributes }; gives: object };
  getQueueAttributes: { takes: { queue: string }; gives: Readonly<Record<string, string>> };
  deleteQueue: { takes: { queue: string }; gives: object };
  listQueues: { takes: ListArguments; gives: ListPage };
  sendMessage: { takes: { queue: string } & NewMessage; gives: SentMessage };
  sendMessages: { takes: { queue: string; messages: readonly NewMessage[] }; gives: { messages: readonly SentMessage[] } };
  receiveMessage: { takes: { queue: string; waitSeconds?: number }; gives: ReceivedMessage };
  receiveMessages: { takes: { queue: string; count: number; waitSeconds?: number }; gives: { messages: readonly ReceivedMessage[] } };
  peekMessage: { takes: { queue: string }; gives: PeekedMessage };
  peekMessages: { takes: { queue: string; count: number }; gives: { messages: readonly PeekedMessage[] } };
  deleteMessage: { takes: { queue: string; receiptHandle: string }; gives: object };
  deleteMessages: { takes: { queue: string; receiptHandles: readonly string[] }; gives: { failed: readonly FailedDelete[] } };
  changeVisibility: {
    takes: { queue: string; receiptHandle: string; seconds: number };
    gives: { receiptHandle: string; nextVisibleTime: number };
  };
  setAccountAttributes: { takes: { loggingBucket: string }; gives: object };
  getAccountAttributes: { takes: object; gives: { loggingBucket: string } };
  createTopic: { takes: { topic: string; attributes?: Attributes }; gives: { url: string } };
  setTopicAttributes: { takes: { topic: string; attributes: Attributes }; gives: object };
  getTopicAttributes: { takes: { topic: string }; gives: Readonly<Record<string, string>> };
  deleteTopic: { takes: { topic: string }; gives: object };
  listTopics: { takes: ListArguments; gives: ListPage };
  subscribe: { takes: { topic: string; subscription: string; endpoint: string } & SubscriptionChoices; gives: { url: string } };
  setSubscriptionAttributes: { takes: { topic: string; subscription: string; strategy: string }; gives: object };
  getSubscriptionAttributes: { takes: { topic: string; subscription: string }; gives: Readonly<Record<string, string>> };
  unsubscribe: { takes: { topic: string; subscription: string }; gives: object };
  listSubscriptions: { takes: { topic: string } & ListArguments; gives: ListPage };
  publishMessage: { takes: { topic: string; body: string; tag?: string } & Companions; gives: SentMessage };
}

export type Operation = keyof MnsOperations;
export type Takes<O extends Operation> = MnsOperations[O]['takes'];
export type Gives<O extends Operation> = MnsOperations[O]['gives'];

/** By their names on the wire; `LoggingEnabled` is `True` or `False`. */
export type Attributes = Readonly<Record<string, number | boolean | string>>;

/** What travels with a body, by the names of the properties. */
export interface Companions {
  readonly userProperties?: Readonly<Record<string, { readonly type: string; readonly value: string }>>;
  /** All of type STRING. */
  readonly systemProperties?: Readonly<Record<string, string>>;
  readonly group?: string;
}

export interface NewMessage extends Companions {
  readonly body: string;
  readonly priority?: number;
  readonly delaySeconds?: number;
}

export interface SentMessage {
  readonly messageId: string;
  readonly bodyMd5: string;
  /** Of a delayed message. */
  readonly receiptHandle?: string;
  readonly group?: string;
}

/** Times in milliseconds. */
export interface PeekedMessage extends Companions {
  readonly messageId: string;
  readonly bodyMd5: string;
  readonly body: string;
  readonly enqueueTime: number;
  readonly firstDequeueTime: number;
  readonly dequeueCount: number;
  readonly priority: number;
}

export interface ReceivedMessage extends PeekedMessage {
  readonly receiptHandle: string;
  readonly nextVisibleTime: number;
}

export interface FailedDelete {
  readonly code: string;
  readonly receiptHandle: string;
}

export interface SubscriptionChoices {
  readonly format?: string;
  readonly strategy?: string;
  readonly filterTag?: string;
}

export interface ListArguments {
  readonly prefix: string;
  readonly limit: number;
  readonly marker?: string;
  /** Asks for the attributes of each entry. */
  readonly withMeta?: boolean;
}

export interface ListPage {
  readonly urls: readonly string[];
  /** Empty when nothing follows. */
  readonly marker: string;
  /** Of each entry, where they were asked for. */
  readonly attributes?: readonly Readonly<Record<string, string>>[];
}

/** Beside operations, what a scenario may ask of a client. */
export type Ability =
  /** Shows the marker of the page that follows. */
  | 'markers'
  /** Sends bodies as they are; others wrap them in base64. */
  | 'raw bodies'
  /** Escapes markup in bodies. */
  | 'markup'
  /** Keeps carriage returns in bodies. */
  | 'carriage returns'
  /** Shows a send's receipt handle. */
  | 'handles of delayed messages'
  /** Can say "do not wait" where the queue would. */
  | 'wait of zero'
  /** Lets the server judge names, numbers and the size of batches. */
  | 'unchecked arguments'
  /** Lets the server judge a visibility timeout that is too long. */
  | 'any visibility'
  /** Lets the server judge a message tag that is too long. */
  | 'any tag'
  /** User properties, system properties and message groups. */
  | 'properties'
  /** Asks for the attributes of the entries of a list. */
  | 'attributes in lists'
  /** Chooses the type of a queue. */
  | 'queue types'
  | 'tags'
  | 'filter tags'
  /** Shows the empty list. */
  | 'empty lists'
  | 'chosen keys';

export interface ScenarioCredentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** The server under test, and who speaks to it. */
export interface Endpoint extends ScenarioCredentials {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly account: string;
}

/** One way to speak MNS. */
export interface MnsScenarioClient {
  /** What it cannot express, with the reason that is shown for the scenarios it skips. */
  readonly lacks: Readonly<Partial<Record<Operation | Ability, string>>>;
  /** @throws Refusal when the server refuses; anything else is a failure of the client. */
  call<O extends Operation>(operation: O, given: Takes<O>, credentials?: ScenarioCredentials): Promise<Gives<O>>;
  stop(): Promise<void>;
}

/** An error of the protocol, as the client shows it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: string,
    /** Where the client shows them. */
    readonly details: { readonly requestId?: string; readonly hostId?: string } = {},
  ) {
    super(code);
  }
}
