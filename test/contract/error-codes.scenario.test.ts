import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { MNS_ERRORS, type MnsErrorCode } from '#mns-wire/mns-error.js';
import { QueueStore } from '#queue/queue-store.js';
import { RedisUnavailable } from '#redis/redis-unavailable.js';
import { expectMnsError } from './documents.js';
import { element, type MnsRequest } from './mns-client.js';
import { ACCOUNT, startApi, type RunningApi } from './running-api.js';

type Provocation = readonly [method: string, target: string, request?: MnsRequest];

const message = (...children: readonly string[]): MnsRequest => ({ body: `<Message>${children.join('')}</Message>` });
const subscription = (endpoint: string): MnsRequest => ({ body: `<Subscription><Endpoint>${endpoint}</Endpoint></Subscription>` });
const headers = (changes: Readonly<Record<string, string | undefined>>): MnsRequest => ({ headers: changes });
const LATE = new Date(Date.now() - 3_600_000).toUTCString();
const ENDPOINT = `acs:mns:cn-test:${ACCOUNT}:queues/q`;

/** One request for each code. The stores of `broken` and `away` are replaced by ones that fail. */
const PROVOCATIONS: Readonly<Record<MnsErrorCode, Provocation>> = {
  AccessDenied: ['GET', '/queues/q', headers({ Host: '9999999999999999.mns.cn-test.example.com' })],
  InvalidAccessKeyId: ['GET', '/queues/q', { authorization: 'MNS nobody:c2ln' }],
  SignatureDoesNotMatch: ['GET', '/queues/q', { authorization: 'MNS contract-key:c2ln' }],
  MissingAuthorizationHeader: ['GET', '/queues/q', { authorization: '' }],
  InvalidAuthorizationHeader: ['GET', '/queues/q', { authorization: 'MQS contract-key:c2ln' }],
  MissingDateHeader: ['GET', '/queues/q', headers({ Date: undefined })],
  InvalidDateHeader: ['GET', '/queues/q', headers({ Date: '2026-11-22 10:00:00' })],
  TimeExpired: ['GET', '/queues/q', headers({ Date: LATE })],
  MissingVersionHeader: ['GET', '/queues/q', headers({ 'x-mns-version': undefined })],
  InvalidVersionHeader: ['GET', '/queues/q', headers({ 'x-mns-version': '2014-07-08' })],
  InvalidRequestURL: ['GET', '/queues/q/nothing'],
  InvalidQueryString: ['GET', '/queues/q/messages?waitseconds=soon'],
  MalformedXML: ['POST', '/queues/q/messages', { body: '<Message>' }],
  InvalidArgument: ['GET', '/queues/q/messages?waitseconds=31'],
  InvalidQueueName: ['PUT', '/queues/-q'],
  QueueNameLengthError: ['PUT', `/queues/${'q'.repeat(121)}`],
  QueueNotExist: ['GET', '/queues/none'],
  QueueAlreadyExist: ['PUT', '/queues/q', { body: '<Queue><DelaySeconds>1</DelaySeconds></Queue>' }],
  MessageNotExist: ['GET', '/queues/q/messages'],
  MissingReceiptHandle: ['DELETE', '/queues/q/messages'],
  MissingVisibilityTimeout: ['PUT', '/queues/q/messages?ReceiptHandle=h'],
  ReceiptHandleError: ['DELETE', '/queues/q/messages?ReceiptHandle=h'],
  FifoMissingMessageGroupId: ['POST', '/queues/fifo/messages', message('<MessageBody>m</MessageBody>')],
  TopicNameInvalid: ['PUT', '/topics/-t'],
  TopicNameLengthError: ['PUT', `/topics/${'t'.repeat(121)}`],
  TopicNotExist: ['GET', '/topics/none'],
  TopicAlreadyExist: ['PUT', '/topics/t', { body: '<Topic><MaximumMessageSize>1024</MaximumMessageSize></Topic>' }],
  SubscriptionNameInvalid: ['PUT', '/topics/t/subscriptions/-s', subscription(ENDPOINT)],
  SubscriptionNameLengthError: ['PUT', `/topics/t/subscriptions/${'s'.repeat(256)}`, subscription(ENDPOINT)],
  SubscriptionNotExist: ['GET', '/topics/t/subscriptions/none'],
  SubscriptionAlreadyExist: ['PUT', '/topics/t/subscriptions/s', subscription('http://127.0.0.1:9/')],
  EndpointInvalid: ['PUT', '/topics/t/subscriptions/new', subscription('acs:eventbridge:cn-hangzhou:1:eventbus/b')],
  ServiceUnavailable: ['GET', '/queues/away'],
  InternalError: ['GET', '/queues/broken'],
};

const FAILING: Readonly<Record<string, Error>> = { away: new RedisUnavailable('gone'), broken: new Error('a defect') };

describe('error codes', () => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await startApi();
    await api.client.request('PUT', '/queues/q');
    await api.client.request('PUT', '/queues/fifo', { body: '<Queue><QueueType>fifo</QueueType></Queue>' });
    await api.client.request('PUT', '/topics/t');
    await api.client.request('PUT', '/topics/t/subscriptions/s', subscription(ENDPOINT));
    const queues = api.app.get(QueueStore);
    const getQueue = queues.getQueue.bind(queues);
    queues.getQueue = (account, name) => (FAILING[name] === undefined ? getQueue(account, name) : Promise.reject(FAILING[name]));
  });
  afterAll(() => api.stop());

  it.each(Object.keys(MNS_ERRORS) as MnsErrorCode[])('%s is answered with its status, in a whole document', async (code) => {
    const [method, target, request = {}] = PROVOCATIONS[code];
    const response = await api.client.request(method, target, request);
    const host = request.headers?.['Host'];
    const text = element(response.body, 'Message') ?? '';
    expectMnsError(response, MNS_ERRORS[code][0], code, text, host === undefined ? api.url : `http://${host}`);
  });
});
