import { expect } from '@jest/globals';
import { exactHeader, type MnsResponse } from '../mns-client.js';
import type { Operation } from './operations.js';

/**
 * Answers as the service writes them, byte for byte: regular expressions in which only values are open. The order of the elements,
 * the line feeds and the indentation are those of recorded answers of MNS.
 */

const ID = '[0-9A-F]{32}';
const MILLIS = '\\d{13}';
const SECONDS = '\\d{10}';
const WHOLE = '\\d+';
const FLAG = '(?:True|False)';
/** Escaped text: a carriage return, `<` and `>` never stand for themselves. */
const TEXT = '[^<>\\r]+';
const HANDLE = '[A-Za-z0-9\\-._~=]+';

type Leaf = readonly [name: string, value: string];

function leaves(depth: number, ...lines: readonly Leaf[]): string {
  return lines.map(([name, value]) => `${'  '.repeat(depth)}<${name}>${value}</${name}>\n`).join('');
}

function group(depth: number, name: string, content: string): string {
  const indent = '  '.repeat(depth);
  return `${indent}<${name}>\n${content}${indent}</${name}>\n`;
}

function document(root: string, content: string): RegExp {
  return new RegExp(`^<\\?xml version="1\\.0" \\?>\n<${root} xmlns="http://mns\\.aliyuncs\\.com/doc/v1">${content}</${root}>$`);
}

const maybe = (text: string): string => `(?:${text})?`;
const several = (text: string): string => `\n(?:${text})+`;
const list = (text: string): string => maybe(several(text) + maybe(leaves(1, ['NextMarker', '\\S+'])));

const QUEUE: readonly Leaf[] = [
  ['QueueName', '[A-Za-z0-9-]+'],
  ['DelaySeconds', WHOLE],
  ['MaximumMessageSize', WHOLE],
  ['MessageRetentionPeriod', WHOLE],
  ['VisibilityTimeout', WHOLE],
  ['CreateTime', SECONDS],
  ['LastModifyTime', SECONDS],
  ['PollingWaitSeconds', WHOLE],
  ['ActiveMessages', WHOLE],
  ['InactiveMessages', WHOLE],
  ['DelayMessages', WHOLE],
  ['LoggingEnabled', FLAG],
  ['MessageType', '[01]'],
  ['EnableSSE', 'False'],
];

const digest = (depth: number): string => leaves(depth, ['MessageId', ID], ['MessageBodyMD5', ID]);
const grouped = (depth: number): string => maybe(leaves(depth, ['MessageGroupId', TEXT]));
const sent = (depth: number): string =>
  digest(depth) + maybe(leaves(depth, ['ReceiptHandle', HANDLE], ['NextVisibleTime', MILLIS])) + grouped(depth);

function properties(depth: number, list: string, item: string): string {
  const value = leaves(depth + 2, ['Name', TEXT], ['Value', TEXT], ['Type', '(?:STRING|NUMBER|BOOLEAN|BINARY)']);
  return maybe(group(depth, list, `(?:${group(depth + 1, item, value)})+`));
}

function message(depth: number, received: boolean): string {
  const times: Leaf[] = [
    ['EnqueueTime', MILLIS],
    ['FirstDequeueTime', MILLIS],
  ];
  return (
    digest(depth) +
    leaves(depth, ['MessageBody', TEXT], ...(received ? [['ReceiptHandle', HANDLE] as const] : []), ...times) +
    (received ? leaves(depth, ['NextVisibleTime', MILLIS]) : '') +
    leaves(depth, ['DequeueCount', WHOLE], ['Priority', WHOLE]) +
    grouped(depth) +
    properties(depth, 'SystemProperties', 'SystemPropertyValue') +
    properties(depth, 'UserProperties', 'PropertyValue')
  );
}

const TOPIC: readonly Leaf[] = [
  ['TopicName', '[A-Za-z0-9-]+'],
  ['CreateTime', SECONDS],
  ['LastModifyTime', SECONDS],
  ['MaximumMessageSize', WHOLE],
  ['MessageRetentionPeriod', '86400'],
  ['MessageCount', WHOLE],
  ['LoggingEnabled', FLAG],
];

const subscription = (depth: number): string =>
  leaves(depth, ['TopicOwner', '\\d{16}'], ['TopicName', TEXT], ['SubscriptionName', TEXT], ['Endpoint', TEXT]) +
  maybe(leaves(depth, ['FilterTag', TEXT])) +
  leaves(depth, ['NotifyStrategy', '[A-Z_]+'], ['NotifyContentFormat', '[A-Z]+'], ['CreateTime', SECONDS], ['LastModifyTime', SECONDS]);

/** Lists by their item; `meta` are the attributes of each entry, where they were asked for. */
function listOf(item: string, meta: string): RegExp {
  return document(`${item}s`, list(group(1, item, leaves(2, [`${item}URL`, 'http://[^<>\\s]+']) + meta)));
}

const LISTS: Partial<Record<Operation, readonly [item: string, meta: string]>> = {
  listQueues: ['Queue', leaves(2, ...QUEUE)],
  listTopics: ['Topic', leaves(2, ...TOPIC)],
  listSubscriptions: ['Subscription', subscription(2)],
};

const messages = (content: string): RegExp => document('Messages', several(group(1, 'Message', content)));

/** Status and document of a success. Operations that are not named answer 204 and nothing. */
const SUCCESSES: Partial<Record<Operation, readonly [status: number, document: RegExp]>> = {
  getQueueAttributes: [200, document('Queue', `\n${leaves(1, ...QUEUE)}`)],
  sendMessage: [201, document('Message', `\n${sent(1)}`)],
  sendMessages: [201, messages(sent(2))],
  receiveMessage: [200, document('Message', `\n${message(1, true)}`)],
  receiveMessages: [200, messages(message(2, true))],
  peekMessage: [200, document('Message', `\n${message(1, false)}`)],
  peekMessages: [200, messages(message(2, false))],
  changeVisibility: [200, document('ChangeVisibility', `\n${leaves(1, ['ReceiptHandle', HANDLE], ['NextVisibleTime', MILLIS])}`)],
  getAccountAttributes: [200, document('Account', `\n${leaves(1, ['LoggingBucket', TEXT], ['TraceEnabled', WHOLE])}`)],
  getTopicAttributes: [200, document('Topic', `\n${leaves(1, ...TOPIC)}`)],
  getSubscriptionAttributes: [200, document('Subscription', `\n${subscription(1)}`)],
  publishMessage: [201, document('Message', `\n${digest(1)}`)],
};

const FAILED_DELETES = document(
  'Errors',
  several(group(1, 'Error', leaves(2, ['ErrorCode', '\\w+'], ['ErrorMessage', TEXT], ['ReceiptHandle', TEXT]))),
);

const CREATIONS: readonly Operation[] = ['createQueue', 'createTopic', 'subscribe'];

/** What was asked: the host that was called, the path, and whether a list was to have attributes. */
interface Asked {
  readonly host: string;
  readonly target: string;
  readonly withMeta: boolean;
}

export function expectTranscript(operation: Operation, response: MnsResponse, { host, target, withMeta }: Asked): void {
  const { status, body } = response;
  expectHeaders(response, CREATIONS.includes(operation) && status < 300);
  if (operation === 'deleteMessages' && body.includes('<Errors')) expectDocument(response, 404, FAILED_DELETES);
  else if (status >= 400) expectDocument(response, status, errorDocument(response, host));
  else if (CREATIONS.includes(operation)) {
    expect([[201, 204], body]).toEqual([expect.arrayContaining([status]), '']);
    // The service leaves the scheme out for subscriptions.
    expect(exactHeader(response, 'Location')).toBe(`${operation === 'subscribe' ? '' : 'http://'}${host}${target}`);
  } else if (LISTS[operation] !== undefined) {
    const [item, meta] = LISTS[operation];
    expectDocument(response, 200, listOf(item, withMeta ? meta : ''));
  } else expectDocument(response, ...(SUCCESSES[operation] ?? ([204, /^$/] as const)));
}

function expectDocument({ status, body }: MnsResponse, expected: number, shape: RegExp): void {
  expect(status).toBe(expected);
  expect(body).toMatch(shape);
}

function errorDocument(response: MnsResponse, host: string): RegExp {
  const lines = leaves(
    1,
    ['Code', '\\w+'],
    ['Message', '[^<>]+'],
    ['RequestId', exactHeader(response, 'x-mns-request-id') ?? ''],
    ['HostId', `http://${host}`],
  );
  return document('Error', `\n${lines}`);
}

/** All headers by their exact names and values, and no others beside those that HTTP itself adds. */
function expectHeaders(response: MnsResponse, created: boolean): void {
  const names = response.headers.map(([name]) => name).filter((name) => !['Connection', 'Keep-Alive'].includes(name));
  const hasLength = response.status !== 204;
  const always = ['Content-Type', 'Date', 'Server', 'x-mns-request-id', 'x-mns-version'];
  const expected = [...always, ...(hasLength ? ['Content-Length'] : []), ...(created ? ['Location'] : [])];
  expect(names.sort()).toEqual(expected.sort());
  expect(exactHeader(response, 'Content-Type')).toBe('text/xml;charset=utf-8');
  expect(exactHeader(response, 'Content-Length')).toBe(hasLength ? String(Buffer.byteLength(response.body)) : undefined);
  expect(exactHeader(response, 'Server')).toBe('AliyunMQS');
  expect(exactHeader(response, 'x-mns-version')).toBe('2015-06-06');
  expect(exactHeader(response, 'x-mns-request-id')).toMatch(/^[0-9A-F]{24}$/);
  expect(exactHeader(response, 'Date')).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
}
