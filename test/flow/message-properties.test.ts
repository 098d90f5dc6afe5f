import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { element, type MnsResponse } from '../contract/mns-client.js';
import { ACCOUNT, startApi, type RunningApi } from '../contract/running-api.js';
import { SECRET_KEY, startWorker, workerSettings, type RunningWorker } from '../support/running-worker.js';

const MD5 = '5D41402ABC4B2A76B9719D911017C592';

/** Three by the format of their subscription, and one that needs the group. */
const QUEUES = ['simplified', 'json', 'xml', 'fifo'] as const;

const unescaped = (text: string): string => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const property = (element: string, name: string, value: string, type: string): string =>
  `<${element}><Name>${name}</Name><Value>${value}</Value><Type>${type}</Type></${element}>`;

const USER: readonly (readonly [name: string, value: string, type: string])[] = [
  ['city', 'h&lt;z', 'STRING'],
  ['a.b', '-12.5', 'NUMBER'],
  // What PHP makes of true.
  ['vip', '1', 'BOOLEAN'],
  ['blob', 'aGVsbG8=', 'BINARY'],
];
const SYSTEM: readonly (readonly [name: string, value: string, type: string])[] = [
  ['traceparent', '00-1-2-01', 'STRING'],
  ['tracestate', 'a=1,b=2', 'STRING'],
  ['baggage', 'user=7', 'STRING'],
];

/** The end of a message as it is received. */
const TAIL = [
  '<MessageGroupId>g</MessageGroupId>',
  '<SystemProperties>',
  ...SYSTEM.flatMap((values) => written('SystemPropertyValue', values)),
  '</SystemProperties>',
  '<UserProperties>',
  ...USER.flatMap((values) => written('PropertyValue', values)),
  '</UserProperties>',
];

function written(item: string, [name, value, type]: readonly [string, string, string]): string[] {
  return [`  <${item}>`, `    <Name>${name}</Name>`, `    <Value>${value}</Value>`, `    <Type>${type}</Type>`, `  </${item}>`];
}

/** Over the wire on both sides: what is published is received from the queues that subscribed. */
describe('properties of a published message', () => {
  let api: RunningApi;
  let worker: RunningWorker;
  let published: MnsResponse;
  const received = new Map<string, MnsResponse>();
  beforeAll(async () => {
    const redisUrl = process.env['MAGPIE_TEST_REDIS_URL']!;
    const keyPrefix = `properties-${randomBytes(6).toString('hex')}`;
    api = await startApi({ redisUrl, keyPrefix, secretKey: SECRET_KEY });
    worker = await startWorker(workerSettings(redisUrl, keyPrefix, { publicUrl: api.url }));
    await call('PUT', '/topics/t');
    await call('PUT', '/queues/fifo', '<Queue><QueueType>fifo</QueueType></Queue>');
    for (const queue of QUEUES) {
      await call('PUT', `/queues/${queue}`);
      const format = queue === 'fifo' ? 'SIMPLIFIED' : queue.toUpperCase();
      const endpoint = `<Endpoint>acs:mns:cn-elsewhere:999:/queues/${queue}</Endpoint>`;
      const document = `<Subscription>${endpoint}<NotifyContentFormat>${format}</NotifyContentFormat></Subscription>`;
      await call('PUT', `/topics/t/subscriptions/to-${queue}`, document);
    }
    const user = USER.map((values) => property('PropertyValue', ...values)).join('');
    const system = SYSTEM.map((values) => property('SystemPropertyValue', ...values)).join('');
    published = await call(
      'POST',
      '/topics/t/messages',
      `<Message><MessageBody>hello</MessageBody><MessageTag>vip</MessageTag><MessageGroupId>g</MessageGroupId>` +
        `<UserProperties>${user}</UserProperties><SystemProperties>${system}</SystemProperties></Message>`,
    );
    const polls = QUEUES.map(async (queue) => received.set(queue, await call('GET', `/queues/${queue}/messages?waitseconds=20`)));
    await Promise.all(polls);
  });
  afterAll(async () => {
    await worker.stop();
    await api.stop();
  });

  const bodyIn = (queue: (typeof QUEUES)[number]): string => unescaped(element(received.get(queue)!.body, 'MessageBody')!);
  const call = (method: string, target: string, body?: string): Promise<MnsResponse> =>
    api.client.request(method, target, body === undefined ? {} : { body });

  it.each(QUEUES)('arrive in the queue %s, after the group, each with its type', async (queue) => {
    const { status, body } = received.get(queue)!;
    expect(status).toBe(200);
    const tail = ['<DequeueCount>1</DequeueCount>', '<Priority>8</Priority>', ...TAIL].map((line) => `  ${line}\n`).join('');
    expect(body.slice(body.indexOf('  <DequeueCount>'))).toBe(`${tail}</Message>`);
    expect(element(body, 'MessageId')).not.toBe(element(published.body, 'MessageId'));
  });

  it('stand beside an envelope that says where the message comes from', () => {
    const messageId = element(published.body, 'MessageId');
    const json = bodyIn('json');
    const { PublishTime: publishTime } = JSON.parse(json) as { PublishTime: string };
    expect(publishTime).toMatch(/^\d{13}$/);
    expect(json).toBe(
      `{"TopicOwner":"${ACCOUNT}","Message":"hello","Subscriber":"${ACCOUNT}","PublishTime":"${publishTime}",` +
        `"SubscriptionName":"to-json","MessageMD5":"${MD5}","MessageTag":"vip","TopicName":"t","MessageId":"${messageId}"}`,
    );
    expect(bodyIn('xml').split('\n')).toEqual([
      '<?xml version="1.0" encoding="utf-8"?>',
      '<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">',
      `  <TopicOwner>${ACCOUNT}</TopicOwner>`,
      '  <TopicName>t</TopicName>',
      `  <Subscriber>${ACCOUNT}</Subscriber>`,
      '  <SubscriptionName>to-xml</SubscriptionName>',
      `  <MessageId>${messageId}</MessageId>`,
      '  <Message>hello</Message>',
      `  <MessageMD5>${MD5}</MessageMD5>`,
      '  <MessageTag>vip</MessageTag>',
      `  <PublishTime>${publishTime}</PublishTime>`,
      '</Notification>',
    ]);
    for (const queue of ['simplified', 'fifo'] as const) expect(bodyIn(queue)).toBe('hello');
  });
});
