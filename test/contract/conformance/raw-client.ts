import { exactHeader, MnsClient, type MnsResponse } from '../mns-client.js';
import { contentDigest, type Dialect } from './dialects.js';
import {
  Refusal,
  type Attributes,
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
const elements = (attributes: Attributes): string =>
  Object.entries(attributes)
    .map(([name, value]) => leaf(name, String(value)))
    .join('');

const queuePath = (queue: string): string => `/queues/${queue}`;
const messagesPath = (queue: string): string => `/queues/${queue}/messages`;
const topicPath = (topic: string): string => `/topics/${topic}`;
const subscriptionPath = ({ topic, subscription }: { topic: string; subscription: string }): string =>
  `/topics/${topic}/subscriptions/${subscription}`;
const override = { metaoverride: 'true' };

function listHeaders({ prefix, limit, marker }: ListArguments): Record<string, string> {
  return { 'x-mns-prefix': prefix, 'x-mns-ret-number': String(limit), ...(marker !== undefined && { 'x-mns-marker': marker }) };
}

function waiting(waitSeconds: number | undefined): Record<string, string> {
  return waitSeconds === undefined ? {} : { waitseconds: String(waitSeconds) };
}

/** What each operation asks for; `extras` are elements that a dialect adds to every message. */
const REQUESTS: { readonly [O in Operation]: (takes: Takes<O>, extras: string) => RawRequest } = {
  createQueue: ({ queue, attributes }) => put(queuePath(queue), 'Queue', attributes),
  setQueueAttributes: ({ queue, attributes }) => ({ ...put(queuePath(queue), 'Queue', attributes), query: override }),
  getQueueAttributes: ({ queue }) => ({ method: 'GET', path: queuePath(queue) }),
  deleteQueue: ({ queue }) => ({ method: 'DELETE', path: queuePath(queue) }),
  listQueues: (takes) => ({ method: 'GET', path: '/queues', headers: listHeaders(takes) }),
  sendMessage: (takes, extras) => ({ method: 'POST', path: messagesPath(takes.queue), document: ['Message', content(takes, extras)] }),
  sendMessages: ({ queue, messages }, extras) => {
    const items = messages.map((message) => `<Message>${content(message, extras)}</Message>`);
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
  createTopic: ({ topic, attributes }) => put(topicPath(topic), 'Topic', attributes),
  setTopicAttributes: ({ topic, attributes }) => ({ ...put(topicPath(topic), 'Topic', attributes), query: override }),
  getTopicAttributes: ({ topic }) => ({ method: 'GET', path: topicPath(topic) }),
  deleteTopic: ({ topic }) => ({ method: 'DELETE', path: topicPath(topic) }),
  listTopics: (takes) => ({ method: 'GET', path: '/topics', headers: listHeaders(takes) }),
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
  listSubscriptions: (takes) => ({ method: 'GET', path: `/topics/${takes.topic}/subscriptions`, headers: listHeaders(takes) }),
  publishMessage: ({ topic, body, tag }) => ({
    method: 'POST',
    path: `/topics/${topic}/messages`,
    document: ['Message', leaf('MessageBody', body) + leaf('MessageTag', tag)],
  }),
};

/** Without attributes there is no body, as it is allowed. */
function put(path: string, root: string, attributes: Attributes | undefined): RawRequest {
  return { method: 'PUT', path, ...(attributes !== undefined && { document: [root, elements(attributes)] as const }) };
}

function content({ body, priority, delaySeconds, properties }: NewMessage, extras: string): string {
  const values = Object.entries(properties ?? {}).map(
    ([name, value]) => `<PropertyValue>${leaf('Name', name)}${leaf('Value', value)}${leaf('Type', 'STRING')}</PropertyValue>`,
  );
  const given = leaf('DelaySeconds', delaySeconds) + leaf('Priority', priority);
  const user = values.length === 0 ? '' : `<UserProperties>${values.join('')}</UserProperties>`;
  return `${leaf('MessageBody', body)}${given === '' ? extras : given}${user}`;
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
    const request = REQUESTS[operation](takes, this.dialect.messageExtras);
    const client = credentials === undefined ? this.#client : this.#open(credentials);
    const body = this.#write(request.document);
    const response = await client.request(request.method, this.#target(request), {
      ...(body !== undefined && { body }),
      headers: this.#headers(request, body),
    });
    if (credentials !== undefined) client.close();
    expectTranscript(operation, response, client.host, request.path);
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
    const { contentType, alwaysContentType, digest, spell } = this.dialect;
    const own: Record<string, string> = {
      Date: new Date().toUTCString(),
      'x-mns-version': '2015-06-06',
      ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }),
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
    return { urls: [...body.matchAll(/<\w+URL>([^<]+)</g)].map((match) => match[1]), marker: value(body, 'NextMarker') ?? '' };
  }
  if (operation.startsWith('create') || operation === 'subscribe') return { url: exactHeader(response, 'Location') };
  if (operation === 'getAccountAttributes') return { loggingBucket: value(body, 'LoggingBucket') };
  if (operation.startsWith('get'))
    return Object.fromEntries([...body.matchAll(/<(\w+)>([^<]*)<\/\1>/g)].map((match) => [match[1]!, match[2]!] as const));
  if (operation === 'deleteMessages') {
    const items = [...body.matchAll(/<Error>[^]*?<\/Error>/g)].map(([item]) => item);
    return { failed: items.map((item) => ({ code: value(item, 'ErrorCode'), receiptHandle: value(item, 'ReceiptHandle') })) };
  }
  const messages = (body.match(/<Message>[^]*?<\/Message>/g) ?? []).map(messageIn);
  return operation.endsWith('Messages') ? { messages } : messageIn(body);
}

function messageIn(xml: string): object {
  const user = /<UserProperties>[^]*<\/UserProperties>/.exec(xml)?.[0] ?? '';
  const properties: Record<string, string> = {};
  for (const [, name, text] of user.matchAll(/<Name>([^<]+)<\/Name>\s*<Value>([^<]*)<\/Value>/g)) properties[name!] = unescape(text!);
  const fields = {
    messageId: value(xml, 'MessageId'),
    bodyMd5: value(xml, 'MessageBodyMD5'),
    body: value(xml, 'MessageBody'),
    receiptHandle: value(xml, 'ReceiptHandle'),
    ...(user !== '' && { properties }),
  };
  const numbers = ['EnqueueTime', 'FirstDequeueTime', 'NextVisibleTime', 'DequeueCount', 'Priority'] as const;
  return { ...fields, ...Object.fromEntries(numbers.map((name) => [name[0]!.toLowerCase() + name.slice(1), Number(value(xml, name))])) };
}

function value(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text === undefined ? undefined : unescape(text);
}

function unescape(text: string): string {
  return text.replace(/&#13;|&lt;|&gt;|&amp;/g, (entity) => ({ '&#13;': '\r', '&lt;': '<', '&gt;': '>' })[entity] ?? '&');
}
