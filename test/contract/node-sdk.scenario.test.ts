import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import { ACCOUNT, startApi, type RunningApi } from './running-api.js';

const require = createRequire(import.meta.url);

/** The SDKs have no types that fit; their methods answer documents turned into objects. */
type SdkObject = Record<string, (...args: unknown[]) => Promise<unknown>>;
type SdkConstructor = new (...args: unknown[]) => SdkObject;

/** A text deep in an answer: `textAt(answer, 'body', 'ReceiptHandle')`. */
function textAt(answer: unknown, ...path: readonly (string | number)[]): string {
  return String(path.reduce<unknown>((value, name) => (value as Record<string | number, unknown>)[name], answer));
}

describe('@alicloud/mns', () => {
  let api: RunningApi;
  let client: SdkObject;
  const open = (account: string, accessKeySecret: string): SdkObject => {
    const Client = require('@alicloud/mns') as SdkConstructor;
    return new Client(account, { accessKeyId: api.credentials.accessKeyId, accessKeySecret, endpoint: api.url });
  };
  beforeAll(async () => {
    api = await startApi();
    client = open(ACCOUNT, api.credentials.accessKeySecret);
  });
  afterAll(() => api.stop());

  it('manages queues', async () => {
    expect(await client['createQueue']!('sdk-q')).toEqual({ code: 201, headers: { location: `${api.url}/queues/sdk-q` }, body: undefined });
    expect(await client['createQueue']!('sdk-q')).toMatchObject({ code: 204 });
    expect(await client['setQueueAttributes']!('sdk-q', { VisibilityTimeout: 40 })).toMatchObject({ code: 204 });
    const shown = await client['getQueueAttributes']!('sdk-q');
    expect(shown).toMatchObject({ body: { QueueName: 'sdk-q', VisibilityTimeout: '40', LoggingEnabled: 'False' } });
    const listed = await client['listQueue']!('', 10, 'sdk-');
    expect(listed).toMatchObject({ body: [{ QueueURL: `${api.url}/queues/sdk-q` }] });
    await expect(client['createQueue']!('sdk-q', { VisibilityTimeout: 41 })).rejects.toMatchObject({ name: 'MNSQueueAlreadyExistError' });
    expect(await client['deleteQueue']!('sdk-q')).toMatchObject({ code: 204 });
    await expect(client['getQueueAttributes']!('sdk-q')).rejects.toMatchObject({ name: 'MNSQueueNotExistError' });
  });

  it('sends, peeks, receives, prolongs and deletes messages', async () => {
    await client['createQueue']!('sdk-m');
    const sent = await client['sendMessage']!('sdk-m', { MessageBody: 'hello', Priority: 3 });
    expect(sent).toMatchObject({ code: 201, body: { MessageBodyMD5: '5D41402ABC4B2A76B9719D911017C592' } });
    expect(await client['peekMessage']!('sdk-m')).toMatchObject({ body: { MessageBody: 'hello' } });
    const received = await client['receiveMessage']!('sdk-m', 1);
    const MessageId = textAt(sent, 'body', 'MessageId');
    expect(MessageId).toMatch(/^[0-9A-F]{32}$/);
    expect(received).toMatchObject({ body: { MessageId, MessageBody: 'hello', DequeueCount: '1', Priority: '3' } });
    const prolonged = await client['changeMessageVisibility']!('sdk-m', textAt(received, 'body', 'ReceiptHandle'), 50);
    expect(await client['deleteMessage']!('sdk-m', textAt(prolonged, 'body', 'ReceiptHandle'))).toMatchObject({ code: 204 });
    await expect(client['receiveMessage']!('sdk-m', 1)).rejects.toMatchObject({ name: 'MNSMessageNotExistError' });
  });

  it('works in batches and shows partial failures as values', async () => {
    await client['createQueue']!('sdk-b');
    const sent = await client['batchSendMessage']!('sdk-b', [{ MessageBody: 'one' }, { MessageBody: 'two' }]);
    expect(sent).toMatchObject({ code: 201, body: [{}, {}] });
    expect(await client['batchPeekMessage']!('sdk-b', 5)).toMatchObject({ body: [{ MessageBody: 'one' }, { MessageBody: 'two' }] });
    const received = await client['batchReceiveMessage']!('sdk-b', 5, 1);
    const handles = [0, 1].map((index) => textAt(received, 'body', index, 'ReceiptHandle'));
    const partly = await client['batchDeleteMessage']!('sdk-b', [handles[0], 'never-issued']);
    expect(partly).toMatchObject({ code: 404, body: [{ ErrorCode: 'ReceiptHandleError', ReceiptHandle: 'never-issued' }] });
    expect(await client['batchDeleteMessage']!('sdk-b', [handles[1]])).toMatchObject({ code: 204, body: undefined });
  });

  it('publishes to topics', async () => {
    expect(await client['createTopic']!('sdk-t')).toMatchObject({ code: 201 });
    expect(await client['setTopicAttributes']!('sdk-t', { MaximumMessageSize: 1024 })).toMatchObject({ code: 204 });
    expect(await client['getTopicAttributes']!('sdk-t')).toMatchObject({ body: { TopicName: 'sdk-t', MaximumMessageSize: '1024' } });
    expect(await client['listTopic']!('', 10, 'sdk-')).toMatchObject({ body: [{ TopicURL: `${api.url}/topics/sdk-t` }] });
    const published = await client['publishMessage']!('sdk-t', { MessageBody: 'hello' });
    expect(published).toMatchObject({ code: 201, body: { MessageBodyMD5: '5D41402ABC4B2A76B9719D911017C592' } });
  });

  it('names the errors of its callers', async () => {
    const wrong = open(ACCOUNT, 'wrong');
    await expect(wrong['createQueue']!('sdk-m')).rejects.toMatchObject({ name: 'MNSSignatureDoesNotMatchError' });
    await expect(client['sendMessage']!('sdk-m', { MessageBody: 'a < b' })).rejects.toMatchObject({ name: 'MNSMalformedXMLError' });
  });
});

/** The SDK knows only Alibaba's host names, so it is made to take the API for its proxy: requests carry whole URLs. */
describe('ali-mns', () => {
  let api: RunningApi;
  let account: SdkObject;
  const environment = { ...process.env };
  const open = (className: string, ...args: unknown[]): SdkObject => {
    const classes = require('ali-mns') as Record<string, SdkConstructor>;
    return new classes[className]!(...args);
  };
  beforeAll(async () => {
    api = await startApi();
    Object.assign(process.env, { HTTP_PROXY: api.url, http_proxy: api.url, NO_PROXY: '', no_proxy: '' });
    account = open('Account', ACCOUNT, api.credentials.accessKeyId, api.credentials.accessKeySecret);
    // It would tell Google Analytics about each call.
    void account['setGA']!(false);
  });
  afterAll(async () => {
    for (const name of ['HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy']) {
      if (environment[name] === undefined) delete process.env[name];
      else process.env[name] = environment[name];
    }
    await api.stop();
  });

  it('manages queues', async () => {
    const mns = open('MNS', account, 'hangzhou');
    await mns['createP']!('ali-q', { VisibilityTimeout: 45 });
    const listed = await mns['listP']!('ali-', 10);
    expect(textAt(listed, 'Queues', 'Queue', 'QueueURL')).toBe(`http://${ACCOUNT}.mns.cn-hangzhou.aliyuncs.com/queues/ali-q`);
    const queue = open('MQ', 'ali-q', account, 'hangzhou');
    expect(await queue['getAttrsP']!()).toMatchObject({ Queue: { VisibilityTimeout: '45' } });
    await queue['setAttrsP']!({ PollingWaitSeconds: 1 });
    expect(await queue['getAttrsP']!()).toMatchObject({ Queue: { PollingWaitSeconds: '1' } });
    await mns['deleteP']!('ali-q');
    await expect(queue['getAttrsP']!()).rejects.toMatchObject({ Error: { Code: 'QueueNotExist' } });
  });

  it('sends and receives, singly and in batches', async () => {
    await open('MNS', account, 'hangzhou')['createP']!('ali-m');
    const queue = open('MQBatch', 'ali-m', account, 'hangzhou');
    await queue['sendP']!('你好', 8, 0);
    const single = await queue['recvP']!(1, 1);
    expect(textAt(single, 'Message', 'MessageBody')).toBe('你好');
    const reserved = await queue['reserveP']!(textAt(single, 'Message', 'ReceiptHandle'), 30);
    await queue['deleteP']!([textAt(reserved, 'ChangeVisibility', 'ReceiptHandle')]);
    await queue['sendP']!([open('Msg', 'one', 8, 0), open('Msg', 'two', 8, 0)]);
    const bodies = { Messages: { Message: [{ MessageBody: 'one' }, { MessageBody: 'two' }] } };
    expect(await queue['peekP']!(5)).toMatchObject(bodies);
    const received = await queue['recvP']!(1, 16);
    expect(received).toMatchObject(bodies);
    await queue['deleteP']!([0, 1].map((index) => textAt(received, 'Messages', 'Message', index, 'ReceiptHandle')));
    await expect(queue['recvP']!(1, 16)).rejects.toMatchObject({ Error: { Code: 'MessageNotExist' } });
  });

  it('manages topics and subscriptions and publishes', async () => {
    const mns = open('MNSTopic', account, 'hangzhou');
    await mns['createTopicP']!('ali-t');
    const topic = open('Topic', 'ali-t', account, 'hangzhou');
    await topic['subscribeP']!('s', `acs:mns:cn-hangzhou:${ACCOUNT}:queues/ali-m`, 'BACKOFF_RETRY', 'SIMPLIFIED');
    const subscription = open('Subscription', 's', topic);
    const shown = await subscription['getAttrsP']!();
    expect(shown).toMatchObject({ Subscription: { SubscriptionName: 's', NotifyContentFormat: 'SIMPLIFIED' } });
    await subscription['setAttrsP']!({ NotifyStrategy: 'EXPONENTIAL_DECAY_RETRY' });
    expect(await subscription['getAttrsP']!()).toMatchObject({ Subscription: { NotifyStrategy: 'EXPONENTIAL_DECAY_RETRY' } });
    const listed = await topic['listP']!('s', 10);
    expect(textAt(listed, 'Subscriptions', 'Subscription', 'SubscriptionURL')).toMatch(/\/topics\/ali-t\/subscriptions\/s$/);
    const published = await topic['publishP']!('hello', false, 'tag');
    expect(textAt(published, 'Message', 'MessageBodyMD5')).toBe('5D41402ABC4B2A76B9719D911017C592');
    await topic['unsubscribeP']!('s');
    await mns['deleteTopicP']!('ali-t');
  });
});
