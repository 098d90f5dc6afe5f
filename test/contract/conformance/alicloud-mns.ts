import { createRequire } from 'node:module';
import {
  Refusal,
  type Endpoint,
  type Gives,
  type MnsScenarioClient,
  type Operation,
  type ScenarioCredentials,
  type Takes,
} from './operations.js';
import { at, idAndDigest, receivedFrom, textAt } from './sdk-answers.js';

export const title = '@alicloud/mns';

type Client = Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>;
type ClientConstructor = new (account: string, options: object) => Client;

const EMPTY_FUNCTION = 'its function is empty';
const NOT_THERE = 'has no such function';

export const lacks: MnsScenarioClient['lacks'] = {
  markup: 'does not escape markup',
  'carriage returns': 'does not escape carriage returns',
  markers: 'drops NextMarker',
  'empty lists': 'fails on a list without entries',
  'wait of zero': 'leaves a wait of 0 out',
  deleteTopic: EMPTY_FUNCTION,
  subscribe: EMPTY_FUNCTION,
  setSubscriptionAttributes: EMPTY_FUNCTION,
  getSubscriptionAttributes: EMPTY_FUNCTION,
  unsubscribe: EMPTY_FUNCTION,
  listSubscriptions: EMPTY_FUNCTION,
  setAccountAttributes: NOT_THERE,
  getAccountAttributes: NOT_THERE,
  properties: 'has no form for lists inside of a message',
  'attributes in lists': 'its list functions have no such argument',
  'queue types': 'the queue type is an addition of this hub',
};

const message = ({ body, priority, delaySeconds }: Takes<'sendMessages'>['messages'][number]): object => ({
  MessageBody: body,
  ...(priority !== undefined && { Priority: priority }),
  ...(delaySeconds !== undefined && { DelaySeconds: delaySeconds }),
});

const handleOf = (answer: unknown): object => {
  const handle = at(answer, 'body', 'ReceiptHandle');
  return handle === undefined ? {} : { receiptHandle: handle };
};
const list = (answer: unknown): unknown[] => at(answer, 'body') as unknown[];

/** How each operation is called, and what its answer means. */
const CALLS: { readonly [O in Operation]?: (client: Client, takes: Takes<O>) => Promise<unknown> } = {
  createQueue: async (client, { queue, attributes }) => ({
    url: textAt(await client['createQueue']!(queue, attributes), 'headers', 'location'),
  }),
  setQueueAttributes: (client, { queue, attributes }) => client['setQueueAttributes']!(queue, attributes),
  getQueueAttributes: async (client, { queue }) => at(await client['getQueueAttributes']!(queue), 'body'),
  deleteQueue: (client, { queue }) => client['deleteQueue']!(queue),
  listQueues: async (client, { prefix, limit }) => ({
    urls: list(await client['listQueue']!('', limit, prefix)).map((entry) => textAt(entry, 'QueueURL')),
  }),
  sendMessage: async (client, takes) => {
    const answer = await client['sendMessage']!(takes.queue, message(takes));
    return { ...idAndDigest(at(answer, 'body')), ...handleOf(answer) };
  },
  sendMessages: async (client, { queue, messages }) => ({
    messages: list(await client['batchSendMessage']!(queue, messages.map(message))).map(idAndDigest),
  }),
  receiveMessage: async (client, { queue, waitSeconds }) => receivedFrom(at(await client['receiveMessage']!(queue, waitSeconds), 'body')),
  receiveMessages: async (client, { queue, count, waitSeconds }) => ({
    messages: list(await client['batchReceiveMessage']!(queue, count, waitSeconds)).map(receivedFrom),
  }),
  peekMessage: async (client, { queue }) => receivedFrom(at(await client['peekMessage']!(queue), 'body')),
  peekMessages: async (client, { queue, count }) => ({ messages: list(await client['batchPeekMessage']!(queue, count)).map(receivedFrom) }),
  deleteMessage: (client, { queue, receiptHandle }) => client['deleteMessage']!(queue, receiptHandle),
  deleteMessages: async (client, { queue, receiptHandles }) => {
    const failed = at(await client['batchDeleteMessage']!(queue, receiptHandles), 'body') as unknown[] | undefined;
    return { failed: (failed ?? []).map((item) => ({ code: textAt(item, 'ErrorCode'), receiptHandle: textAt(item, 'ReceiptHandle') })) };
  },
  changeVisibility: async (client, { queue, receiptHandle, seconds }) => {
    const answer = await client['changeMessageVisibility']!(queue, receiptHandle, seconds);
    return { ...handleOf(answer), nextVisibleTime: Number(textAt(answer, 'body', 'NextVisibleTime')) };
  },
  createTopic: async (client, { topic, attributes }) => ({
    url: textAt(await client['createTopic']!(topic, attributes), 'headers', 'location'),
  }),
  setTopicAttributes: (client, { topic, attributes }) => client['setTopicAttributes']!(topic, attributes),
  getTopicAttributes: async (client, { topic }) => at(await client['getTopicAttributes']!(topic), 'body'),
  listTopics: async (client, { prefix, limit }) => ({
    urls: list(await client['listTopic']!('', limit, prefix)).map((entry) => textAt(entry, 'TopicURL')),
  }),
  publishMessage: async (client, { topic, body, tag }) => {
    const answer = await client['publishMessage']!(topic, { MessageBody: body, ...(tag !== undefined && { MessageTag: tag }) });
    return idAndDigest(at(answer, 'body'));
  },
};

export class AlicloudMns implements MnsScenarioClient {
  readonly lacks = lacks;

  constructor(private readonly endpoint: Endpoint) {}

  async call<O extends Operation>(operation: O, takes: Takes<O>, credentials?: ScenarioCredentials): Promise<Gives<O>> {
    const Client = createRequire(import.meta.url)('@alicloud/mns') as ClientConstructor;
    const { url, account, accessKeyId, accessKeySecret } = { ...this.endpoint, ...credentials };
    const client = new Client(account, { endpoint: url, accessKeyId, accessKeySecret });
    try {
      return (await CALLS[operation]!(client, takes)) as Gives<O>;
    } catch (error) {
      const { name, message } = error as Error;
      const code = /^MNS(\w+)Error$/.exec(name)?.[1];
      if (code === undefined) throw error;
      const [, requestId, hostId] = /requestid: (\w+), hostid: (\S+), message/.exec(message)!;
      throw new Refusal(code, { requestId: requestId!, hostId: hostId! });
    }
  }

  async stop(): Promise<void> {
    // Its agent lets connections go by itself.
  }
}
