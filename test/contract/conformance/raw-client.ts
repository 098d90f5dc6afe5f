import { exactHeader, MnsClient, type MnsResponse } from '../mns-client.js';
import { contentDigest, type Dialect } from './dialects.js';
import {
  Refusal,
  type Attributes,
  type Companions,
  type Endpoint,
  type Gives,
  type ListArguments,
  type MnsScenarioClient,
  type NewMessage,
  type Operation,
  type ScenarioCredentials,
  type Takes,
} from './operations.js';
import { expectTranscript } from './transcripts.js';

/** A request before the dialect has written it. */
interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** The root element's name and content. */
  readonly document?: readonly [root: string, content: string];
  readonly headers?: Readonly<Record<string, string>>;
}

const escapeText = (text: string): string =>
  text.replace(/[&<>\r]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' })[character] ?? character);
const leaf = (name: string, value: string | number | undefined): string =>
  value === undefined ? '' : `<${name}>${escapeText(String(value))}</${name}>`;

const queuePath = (queue: string): string => `/queues/${queue}`;
const messagesPath = (queue: string): string => `/queues/${queue}/messages`;
const topicPath = (topic: string): string => `/topics/${topic}`;
const subscriptionPath = ({ topic, subscription }: { topic: string; subscription: string }): string =>
  `/topics/${topic}/subscriptions/${subscription}`;
const override = { metaoverride: 'true' };

function listHeaders({ prefix, limit, marker, withMeta }: ListArguments): Record<string, string> {
  return {
    'x-mns-prefix': prefix,
    'x-mns-ret-number': String(limit),
    ...(marker !== undefined && { 'x-mns-marker': marker }),
    ...(withMeta !== undefined && { 'x-mns-with-meta': String(withMeta) }),
  };
}

function waiting(waitSeconds: number | undefined): Record<string, string> {
  return waitSeconds === undefined ? {} : { waitseconds: String(waitSeconds) };
}

/** What each operation asks for, in a dialect. */
const REQUESTS: { readonly [O in Operation]: (takes: Takes<O>, dialect: Dialect) => RawRequest } = {
  createQueue: ({ queue, attributes }, dialect) => putQueue(queue, attributes, dialect),
  setQueueAttributes: ({ queue, attributes }, dialect) => ({ ...putQueue(queue, attributes, dialect), query: override }),
  getQueueAttributes: ({ queue }) => ({ method: 'GET', path: queuePath(queue) }),
  deleteQueue: ({ queue }) => ({ method: 'DELETE', path: queuePath(queue) }),
  listQueues: (takes) => ({ method: 'GET', path: '/queues', headers: listHeaders(takes) }),
  sendMessage: (takes, dialect) => ({ method: 'POST', path: messagesPath(takes.queue), document: ['Message', content(takes, dialect)] }),
  sendMessages: ({ queue, messages }, dialect) => {
    const items = messages.map((message) => `<Message>${content(message, dialect)}</Message>`);
    return { method: 'POST', path: messagesPath(queue), document: ['Messages', items.join('')] };
  },
  receiveMessage: ({ queue, waitSeconds }) => ({ method: 'GET', path: messagesPath(queue), query: waiting(waitSeconds) }),
  receiveMessages: ({ queue, count, waitSeconds }) => ({
    method: 'GET',
    path: messagesPath(queue),
    query: { numOfMessages: String(count), ...waiting(waitSeconds) },
  }),
  peekMessage: ({ queue }) => ({ method: 'GET', path: messagesPath(queue), query: { peekonly: 'true' } }),
  peekMessages: ({ queue, count }) => ({
    method: 'GET',
    path: messagesPath(queue),
    query: { peekonly: 'true', numOfMessages: String(count) },
  }),
  deleteMessage: ({ queue, receiptHandle }) => ({ method: 'DELETE', path: messagesPath(queue), query: { ReceiptHandle: receiptHandle } }),
  deleteMessages: ({ queue, receiptHandles }) => ({
    method: 'DELETE',
    path: messagesPath(queue),
    document: ['ReceiptHandles', receiptHandles.map((handle) => leaf('ReceiptHandle', handle)).join('')],
  }),
  changeVisibility: ({ queue, receiptHandle, seconds }) => ({
    method: 'PUT',
    path: messagesPath(queue),
    query: { ReceiptHandle: receiptHandle, VisibilityTimeout: String(seconds) },
  }),
  setAccountAttributes: ({ loggingBucket }) => ({
    method: 'PUT',
    path: '/',
    query: { accountmeta: 'true' },
    document: ['Account', leaf('LoggingBucket', loggingBucket)],
  }),
  getAccountAttributes: () => ({ method: 'GET', path: '/', query: { accountmeta: 'true' } }),
  createTopic: ({ topic, attributes }, dialect) => put(topicPath(topic), 'Topic', attributes, dialect),
  setTopicAttributes: ({ topic, attributes }, dialect) => ({ ...put(topicPath(topic), 'Topic', attributes, dialect), query: override }),
  getTopicAttributes: ({ topic }) => ({ method: 'GET', path: topicPath(topic) }),
  deleteTopic: ({ topic }) => ({ method: 'DELETE', path: topicPath(topic) }),
  listTopics: (takes, dialect) => ({ method: 'GET', path: '/topics', headers: listHeaders({ ...dialect.topicLists, ...takes }) }),
  subscribe: (takes) => ({
    method: 'PUT',
    path: subscriptionPath(takes),
    document: [
      'Subscription',
      leaf('Endpoint', takes.endpoint) +
        leaf('FilterTag', takes.filterTag) +
        leaf('NotifyStrategy', takes.strategy) +
        leaf('NotifyContentFormat', takes.format),
    ],
  }),
  setSubscriptionAttributes: (takes) => ({
    method: 'PUT',
    path: subscriptionPath(takes),
    query: override,
    document: ['Subscription', leaf('NotifyStrategy', takes.strategy)],
  }),
  getSubscriptionAttributes: (takes) => ({ method: 'GET', path: subscriptionPath(takes) }),
  unsubscribe: (takes) => ({ method: 'DELETE', path: subscriptionPath(takes) }),
  listSubscriptions: (takes, dialect) => ({
    method: 'GET',
    path: `/topics/${takes.topic}/subscriptions`,
    headers: listHeaders({ ...dialect.topicLists, ...takes }),
  }),
  publishMessage: (takes) => ({
    method: 'POST',
    path: `/topics/${takes.topic}/messages`,
    document: ['Message', leaf('MessageBody', takes.body) + leaf('MessageTag', takes.tag) + companions(takes)],
  }),
};

/** Without attributes there is no body, as it is allowed. */
function put(path: string, root: string, attributes: Attributes | undefined, { writeFlag }: Dialect): RawRequest {
  if (attributes === undefined) return { method: 'PUT', path };
  const text = (value: Attributes[string]): string => (typeof value === 'boolean' ? writeFlag(value) : String(value));
  const elements = Object.entries(attributes).map(([name, value]) => leaf(name, text(value)));
  return { method: 'PUT', path, document: [root, elements.join('')] };
}

function putQueue(queue: string, attributes: Attributes | undefined, dialect: Dialect): RawRequest {
  const { queueExtras } = dialect;
  const given = queueExtras === undefined ? attributes : { ...queueExtras, ...attributes };
  return put(queuePath(queue), 'Queue', given, dialect);
}

function content(message: NewMessage, { messageExtras }: Dialect): string {
  const given = leaf('DelaySeconds', message.delaySeconds) + leaf('Priority', message.priority);
  return leaf('MessageBody', message.body) + (given === '' ? messageExtras : given) + companions(message);
}

/** User properties in front of the others: the order of a request means nothing. */
function companions({ userProperties = {}, systemProperties = {}, group }: Companions): string {
  const item = (element: string, name: string, value: string, type: string): string =>
    `<${element}>${leaf('Name', name)}${leaf('Value', value)}${leaf('Type', type)}</${element}>`;
  const list = (name: string, items: readonly string[]): string => (items.length === 0 ? '' : `<${name}>${items.join('')}</${name}>`);
  const user = Object.entries(userProperties).map(([name, { type, value }]) => item('PropertyValue', name, value, type));
  const system = Object.entries(systemProperties).map(([name, value]) => item('SystemPropertyValue', name, value, 'STRING'));
  return list('UserProperties', user) + list('SystemProperties', system) + leaf('MessageGroupId', group);
}

/** Speaks through plain sockets as the SDK does for which the dialect stands, and compares whole answers with the transcripts. */
export class RawClient implements MnsScenarioClient {
  readonly lacks = {};
  readonly #client: MnsClient;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly dialect: Dialect,
  ) {
    this.#client = this.#open(endpoint);
  }

  #open(credentials: ScenarioCredentials): MnsClient {
    return new MnsClient(Number(new URL(this.endpoint.url).port), credentials, `${this.endpoint.account}.mns.cn-test.example.com`);
  }

  async call<O extends Operation>(operation: O, takes: Takes<O>, credentials?: ScenarioCredentials): Promise<Gives<O>> {
    const request = REQUESTS[operation](takes, this.dialect);
    const client = credentials === undefined ? this.#client : this.#open(credentials);
    const body = this.#write(request.document);
    const response = await client.request(request.method, this.#target(request), {
      ...(body !== undefined && { body }),
      headers: this.#headers(request, body),
      signatureVersion: this.dialect.signature,
    });
    if (credentials !== undefined) client.close();
    const withMeta = request.headers?.['x-mns-with-meta'] === 'true';
    expectTranscript(operation, response, { host: client.host, target: request.path, withMeta });
    const code = /<Code>(\w+)<\/Code>/.exec(response.body)?.[1];
    if (code !== undefined) throw new Refusal(code);
    return read(operation, response);
  }

  #target({ path, query = {} }: RawRequest): string {
    const lower = (name: string): string => name[0]!.toLowerCase() + name.slice(1);
    const named: Record<string, string> = {};
    for (const [name, value] of Object.entries(query)) named[this.dialect.parameterNames === 'lower camel' ? lower(name) : name] = value;
    const text = this.dialect.writeQuery(named);
    return text === '' ? path : `${path}?${text}`;
  }

  #write(document: RawRequest['document']): string | undefined {
    if (document === undefined) return undefined;
    const [root, inner] = document;
    return `${this.dialect.declaration}<${root}${this.dialect.namespace}>${inner}</${root}>`;
  }

  /** All headers in the dialect's spelling; those that the client would add in its own are taken out. */
  #headers({ headers = {} }: RawRequest, body: string | undefined): Record<string, string | undefined> {
    const { contentType, alwaysContentType, alwaysContentLength, digest, spell, expects } = this.dialect;
    const own: Record<string, string> = {
      Date: new Date().toUTCString(),
      'x-mns-version': '2015-06-06',
      ...((alwaysContentLength || body !== undefined) && { 'Content-Length': String(Buffer.byteLength(body ?? '')) }),
      ...(expects !== undefined && body !== undefined && { Expect: expects }),
      ...((alwaysContentType || body !== undefined) && { 'Content-Type': contentType }),
      ...((digest === 'always' || (digest !== undefined && body !== undefined)) && { 'Content-MD5': contentDigest(body ?? '') }),
      ...this.dialect.headers,
      ...headers,
    };
    const removed = Object.keys(own).map((name) => [name, undefined] as const);
    return { ...Object.fromEntries(removed), ...Object.fromEntries(Object.entries(own).map(([name, value]) => [spell(name), value])) };
  }

  async stop(): Promise<void> {
    this.#client.close();
  }
}

/** The result of an operation out of its document, which has been compared already. */
function read(operation: Operation, response: MnsResponse): object {
  const { body } = response;
  if (operation.startsWith('list')) {
    const entries = [...body.matchAll(/<\w+URL>([^<]+)<\/\w+>\n((?: {4}<.*\n)*)/g)];
    const attributes = entries.map(([, , lines]) => leavesIn(lines!));
    return { urls: entries.map(([, url]) => url), marker: value(body, 'NextMarker') ?? '', attributes };
  }
  if (operation.startsWith('create') || operation === 'subscribe') return { url: exactHeader(response, 'Location') };
  if (operation === 'getAccountAttributes') return { loggingBucket: value(body, 'LoggingBucket') };
  if (operation.startsWith('get')) return leavesIn(body);
  if (operation === 'deleteMessages') {
    const items = [...body.matchAll(/<Error>[^]*?<\/Error>/g)].map(([item]) => item);
    return { failed: items.map((item) => ({ code: value(item, 'ErrorCode'), receiptHandle: value(item, 'ReceiptHandle') })) };
  }
  const messages = (body.match(/<Message>[^]*?<\/Message>/g) ?? []).map(messageIn);
  return operation.endsWith('Messages') ? { messages } : messageIn(body);
}

function leavesIn(xml: string): Record<string, string> {
  return Object.fromEntries([...xml.matchAll(/<(\w+)>([^<]*)<\/\1>/g)].map((match) => [match[1]!, match[2]!] as const));
}

const TEXTS = {
  messageId: 'MessageId',
  bodyMd5: 'MessageBodyMD5',
  body: 'MessageBody',
  receiptHandle: 'ReceiptHandle',
  group: 'MessageGroupId',
} as const;

function messageIn(xml: string): object {
  const fields = Object.entries(TEXTS).map(([name, element]) => [name, value(xml, element)] as const);
  const numbers = ['EnqueueTime', 'FirstDequeueTime', 'NextVisibleTime', 'DequeueCount', 'Priority'] as const;
  const user = propertiesIn(xml, 'PropertyValue');
  const system = propertiesIn(xml, 'SystemPropertyValue').map(([name, property]) => [name, property.value] as const);
  return {
    ...Object.fromEntries(fields.filter(([, text]) => text !== undefined)),
    ...Object.fromEntries(numbers.map((name) => [name[0]!.toLowerCase() + name.slice(1), Number(value(xml, name))])),
    ...(user.length > 0 && { userProperties: Object.fromEntries(user) }),
    ...(system.length > 0 && { systemProperties: Object.fromEntries(system) }),
  };
}

function propertiesIn(xml: string, item: string): [name: string, { type: string; value: string }][] {
  const pattern = new RegExp(`<${item}>\\s*<Name>([^<]+)</Name>\\s*<Value>([^<]*)</Value>\\s*<Type>(\\w+)</Type>`, 'g');
  return Array.from(xml.matchAll(pattern), ([, name, text, type]) => [name!, { type: type!, value: unescape(text!) }]);
}

function value(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text === undefined ? undefined : unescape(text);
}

function unescape(text: string): string {
  return text.replace(/&#13;|&lt;|&gt;|&amp;/g, (entity) => ({ '&#13;': '\r', '&lt;': '<', '&gt;': '>' })[entity] ?? '&');
}
