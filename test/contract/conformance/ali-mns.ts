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

export const title = 'ali-mns';

type SdkObject = Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>;
type SdkClasses = Readonly<Record<string, new (...args: unknown[]) => SdkObject>>;

const NOT_THERE = 'has no such function';

export const lacks: MnsScenarioClient['lacks'] = {
  'raw bodies': 'wraps every body in base64',
  'wait of zero': 'leaves a wait of 0 out',
  properties: 'has no form for lists inside of a message',
  'attributes in lists': 'its list functions have no such argument',
  'queue types': 'the queue type is an addition of this hub',
  setAccountAttributes: NOT_THERE,
  getAccountAttributes: NOT_THERE,
};

const PROXY_VARIABLES = ['HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy'] as const;

/** The objects of the SDK for one account. */
class Sdk {
  readonly #classes = createRequire(import.meta.url)('ali-mns') as SdkClasses;
  readonly #account: SdkObject;

  constructor(account: string, { accessKeyId, accessKeySecret }: ScenarioCredentials) {
    this.#account = this.#new('Account', account, accessKeyId, accessKeySecret);
    // It would tell Google Analytics about each call.
    void this.#account['setGA']!(false);
  }

  #new(name: string, ...args: unknown[]): SdkObject {
    return new this.#classes[name]!(...args);
  }

  mns = (): SdkObject => this.#new('MNSTopic', this.#account, 'hangzhou');
  queue = (name: string): SdkObject => this.#new('MQ', name, this.#account, 'hangzhou');
  batches = (name: string): SdkObject => this.#new('MQBatch', name, this.#account, 'hangzhou');
  topic = (name: string): SdkObject => this.#new('Topic', name, this.#account, 'hangzhou');
  subscription = (topic: string, name: string): SdkObject => this.#new('Subscription', name, this.topic(topic));
  message = ({ body, priority, delaySeconds }: Takes<'sendMessages'>['messages'][number]): SdkObject =>
    this.#new('Msg', body, priority, delaySeconds);
}

/** The SDK makes an array of several elements, and an object of a single one. */
function several(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function page(answer: unknown, lists: string, entry: string): object {
  const urls = several(at(answer, lists, entry)).map((item) => textAt(item, `${entry}URL`));
  return { urls, marker: at(answer, lists, 'NextMarker') ?? '' };
}

function receiptHandle(answer: unknown, root: string): object {
  const handle = at(answer, root, 'ReceiptHandle');
  return handle === undefined ? {} : { receiptHandle: handle };
}

/** The SDK does not show the location: there is nothing to compare but that it succeeded. */
const location = (...path: readonly string[]): object => ({ url: `http://not-shown/${path.join('/')}` });

const CALLS: { readonly [O in Operation]?: (sdk: Sdk, takes: Takes<O>) => Promise<unknown> } = {
  createQueue: async (sdk, { queue, attributes }) => {
    await sdk.mns()['createP']!(queue, attributes);
    return location('queues', queue);
  },
  setQueueAttributes: (sdk, { queue, attributes }) => sdk.queue(queue)['setAttrsP']!(attributes),
  getQueueAttributes: async (sdk, { queue }) => at(await sdk.queue(queue)['getAttrsP']!(), 'Queue'),
  deleteQueue: (sdk, { queue }) => sdk.mns()['deleteP']!(queue),
  listQueues: async (sdk, { prefix, limit, marker }) => page(await sdk.mns()['listP']!(prefix, limit, marker), 'Queues', 'Queue'),
  sendMessage: async (sdk, { queue, body, priority, delaySeconds }) => {
    const answer = await sdk.queue(queue)['sendP']!(body, priority, delaySeconds);
    return { ...idAndDigest(at(answer, 'Message')), ...receiptHandle(answer, 'Message') };
  },
  sendMessages: async (sdk, { queue, messages }) => {
    const answer = await sdk.batches(queue)['sendP']!(messages.map(sdk.message));
    return { messages: several(at(answer, 'Messages', 'Message')).map(idAndDigest) };
  },
  receiveMessage: async (sdk, { queue, waitSeconds }) => receivedFrom(at(await sdk.queue(queue)['recvP']!(waitSeconds), 'Message')),
  receiveMessages: async (sdk, { queue, count, waitSeconds }) => {
    const answer = await sdk.batches(queue)['recvP']!(waitSeconds, count);
    // For a single message it leaves the number out, and gets no batch.
    return { messages: several(at(answer, 'Messages', 'Message') ?? at(answer, 'Message')).map(receivedFrom) };
  },
  peekMessage: async (sdk, { queue }) => receivedFrom(at(await sdk.queue(queue)['peekP']!(), 'Message')),
  peekMessages: async (sdk, { queue, count }) => {
    const answer = await sdk.batches(queue)['peekP']!(count);
    return { messages: several(at(answer, 'Messages', 'Message')).map(receivedFrom) };
  },
  deleteMessage: (sdk, { queue, receiptHandle: handle }) => sdk.queue(queue)['deleteP']!(handle),
  deleteMessages: (sdk, { queue, receiptHandles }) => deleteSeveral(sdk.batches(queue), receiptHandles),
  changeVisibility: async (sdk, { queue, receiptHandle: handle, seconds }) => {
    const answer = await sdk.queue(queue)['reserveP']!(handle, seconds);
    return { ...receiptHandle(answer, 'ChangeVisibility'), nextVisibleTime: Number(textAt(answer, 'ChangeVisibility', 'NextVisibleTime')) };
  },
  createTopic: async (sdk, { topic, attributes }) => {
    await sdk.mns()['createTopicP']!(topic, attributes);
    return location('topics', topic);
  },
  setTopicAttributes: (sdk, { topic, attributes }) => sdk.topic(topic)['setAttrsP']!(attributes),
  getTopicAttributes: async (sdk, { topic }) => at(await sdk.topic(topic)['getAttrsP']!(), 'Topic'),
  deleteTopic: (sdk, { topic }) => sdk.mns()['deleteTopicP']!(topic),
  listTopics: async (sdk, { prefix, limit, marker }) => page(await sdk.mns()['listTopicP']!(prefix, limit, marker), 'Topics', 'Topic'),
  subscribe: async (sdk, { topic, subscription, endpoint, strategy, format, filterTag }) => {
    await sdk.topic(topic)['subscribeP']!(subscription, endpoint, strategy ?? 'BACKOFF_RETRY', format ?? 'XML', filterTag);
    return location('topics', topic, 'subscriptions', subscription);
  },
  setSubscriptionAttributes: (sdk, { topic, subscription, strategy }) =>
    sdk.subscription(topic, subscription)['setAttrsP']!({ NotifyStrategy: strategy }),
  getSubscriptionAttributes: async (sdk, { topic, subscription }) =>
    at(await sdk.subscription(topic, subscription)['getAttrsP']!(), 'Subscription'),
  unsubscribe: (sdk, { topic, subscription }) => sdk.topic(topic)['unsubscribeP']!(subscription),
  listSubscriptions: async (sdk, { topic, prefix, limit, marker }) =>
    page(await sdk.topic(topic)['listP']!(prefix, limit, marker), 'Subscriptions', 'Subscription'),
  publishMessage: async (sdk, { topic, body, tag }) => idAndDigest(at(await sdk.topic(topic)['publishP']!(body, false, tag), 'Message')),
};

async function deleteSeveral(queue: SdkObject, handles: readonly string[]): Promise<Gives<'deleteMessages'>> {
  const answer = await queue['deleteP']!(handles).catch((error: unknown) => error);
  if (at(answer, 'Error') !== undefined) throw answer as Error;
  const failed = several(at(answer, 'Errors', 'Error'));
  return { failed: failed.map((item) => ({ code: textAt(item, 'ErrorCode'), receiptHandle: textAt(item, 'ReceiptHandle') })) };
}

/** Its hosts end with aliyuncs.com whatever it is told, so the server is put before it as a proxy. */
export class AliMns implements MnsScenarioClient {
  readonly lacks = lacks;
  readonly #environment = { ...process.env };

  constructor(private readonly endpoint: Endpoint) {
    Object.assign(process.env, { HTTP_PROXY: endpoint.url, http_proxy: endpoint.url, NO_PROXY: '', no_proxy: '' });
  }

  async call<O extends Operation>(operation: O, takes: Takes<O>, credentials?: ScenarioCredentials): Promise<Gives<O>> {
    const sdk = new Sdk(this.endpoint.account, { ...this.endpoint, ...credentials });
    try {
      return (await CALLS[operation]!(sdk, takes)) as Gives<O>;
    } catch (error) {
      const answer = at(error, 'Error');
      if (answer === undefined) throw error;
      throw new Refusal(textAt(answer, 'Code'), { requestId: textAt(answer, 'RequestId'), hostId: textAt(answer, 'HostId') });
    }
  }

  async stop(): Promise<void> {
    for (const name of PROXY_VARIABLES) {
      if (this.#environment[name] === undefined) delete process.env[name];
      else process.env[name] = this.#environment[name];
    }
  }
}
