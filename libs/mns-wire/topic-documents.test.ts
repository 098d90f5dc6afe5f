import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { Subscription } from '#topic/subscription.js';
import type { TopicDescription } from '#topic/topic.js';
import {
  readPublish,
  readSubscription,
  readTopicAttributes,
  writePublished,
  writeSubscription,
  writeSubscriptionList,
  writeTopic,
  writeTopicList,
} from './topic-documents.js';

const TOPIC: TopicDescription = {
  name: 't1',
  maximumMessageSize: 65_536,
  loggingEnabled: true,
  createTime: 1_790_184_264_500,
  lastModifyTime: 1_790_184_300_500,
  messageCount: 7,
};

const SUBSCRIPTION: Subscription = {
  topicOwner: '1234567890123456',
  topicName: 't1',
  name: 's1',
  endpoint: 'http://example.com/hook?a=1&b=2',
  filterTag: 'vip',
  notifyStrategy: 'BACKOFF_RETRY',
  notifyContentFormat: 'JSON',
  createTime: 1_790_184_264_500,
  lastModifyTime: 1_790_184_300_500,
  pendingQueue: { partition: 3, id: 'abcdefghijk' },
};

describe('topics', () => {
  it('reads attributes', () => {
    expect(readTopicAttributes('<Topic><MaximumMessageSize>10240</MaximumMessageSize><LoggingEnabled>1</LoggingEnabled></Topic>')).toEqual({
      maximumMessageSize: 10_240,
      loggingEnabled: true,
    });
    expect(readTopicAttributes(Buffer.alloc(0))).toEqual({});
    expect(readTopicAttributes('<Topic xmlns="x"/>')).toEqual({});
    expect(() => readTopicAttributes('<Queue/>')).toThrow(InvalidArgument);
  });

  it('writes the seven attributes that clients insist on', () => {
    expect(writeTopic(TOPIC)).toBe(`<?xml version="1.0" ?>
<Topic xmlns="http://mns.aliyuncs.com/doc/v1">
  <TopicName>t1</TopicName>
  <CreateTime>1790184264</CreateTime>
  <LastModifyTime>1790184300</LastModifyTime>
  <MaximumMessageSize>65536</MaximumMessageSize>
  <MessageRetentionPeriod>86400</MessageRetentionPeriod>
  <MessageCount>7</MessageCount>
  <LoggingEnabled>True</LoggingEnabled>
</Topic>`);
  });

  it('writes lists', () => {
    const items = [{ url: 'http://h/topics/t0' }, { url: 'http://h/topics/t1', description: TOPIC }];
    expect(writeTopicList(items, 'm')).toBe(`<?xml version="1.0" ?>
<Topics xmlns="http://mns.aliyuncs.com/doc/v1">
  <Topic>
    <TopicURL>http://h/topics/t0</TopicURL>
  </Topic>
  <Topic>
    <TopicURL>http://h/topics/t1</TopicURL>
    <TopicName>t1</TopicName>
    <CreateTime>1790184264</CreateTime>
    <LastModifyTime>1790184300</LastModifyTime>
    <MaximumMessageSize>65536</MaximumMessageSize>
    <MessageRetentionPeriod>86400</MessageRetentionPeriod>
    <MessageCount>7</MessageCount>
    <LoggingEnabled>True</LoggingEnabled>
  </Topic>
  <NextMarker>m</NextMarker>
</Topics>`);
  });
});

describe('subscriptions', () => {
  it('reads all attributes, and names none that are absent or empty', () => {
    const body =
      '<Subscription xmlns="http://mns.aliyuncs.com/doc/v1"><Endpoint> http://example.com/a?x=1&amp;y=2 </Endpoint>' +
      '<FilterTag>vip</FilterTag><NotifyStrategy>EXPONENTIAL_DECAY_RETRY</NotifyStrategy>' +
      '<NotifyContentFormat>SIMPLIFIED</NotifyContentFormat></Subscription>';
    expect(readSubscription(body)).toEqual({
      endpoint: 'http://example.com/a?x=1&y=2',
      filterTag: 'vip',
      notifyStrategy: 'EXPONENTIAL_DECAY_RETRY',
      notifyContentFormat: 'SIMPLIFIED',
    });
    expect(readSubscription('<Subscription><FilterTag/><NotifyStrategy></NotifyStrategy></Subscription>')).toEqual({});
    expect(readSubscription(undefined)).toEqual({});
  });

  it.each([
    '<Subscription><NotifyStrategy>NONE</NotifyStrategy></Subscription>',
    '<Subscription><NotifyContentFormat>STREAM</NotifyContentFormat></Subscription>',
    '<Topic/>',
  ])('refuses %s', (body) => {
    expect(() => readSubscription(body)).toThrow(InvalidArgument);
  });

  it('writes a subscription', () => {
    expect(writeSubscription(SUBSCRIPTION)).toBe(`<?xml version="1.0" ?>
<Subscription xmlns="http://mns.aliyuncs.com/doc/v1">
  <TopicOwner>1234567890123456</TopicOwner>
  <TopicName>t1</TopicName>
  <SubscriptionName>s1</SubscriptionName>
  <Endpoint>http://example.com/hook?a=1&amp;b=2</Endpoint>
  <FilterTag>vip</FilterTag>
  <NotifyStrategy>BACKOFF_RETRY</NotifyStrategy>
  <NotifyContentFormat>JSON</NotifyContentFormat>
  <CreateTime>1790184264</CreateTime>
  <LastModifyTime>1790184300</LastModifyTime>
</Subscription>`);
  });

  it('writes no filter tag where there is none', () => {
    const { filterTag, ...untagged } = SUBSCRIPTION;
    expect(writeSubscription(untagged)).not.toContain(filterTag);
  });

  it('writes lists', () => {
    expect(writeSubscriptionList([{ url: 'http://h/topics/t1/subscriptions/s1' }])).toBe(`<?xml version="1.0" ?>
<Subscriptions xmlns="http://mns.aliyuncs.com/doc/v1">
  <Subscription>
    <SubscriptionURL>http://h/topics/t1/subscriptions/s1</SubscriptionURL>
  </Subscription>
</Subscriptions>`);
    expect(writeSubscriptionList([{ url: 'u', description: SUBSCRIPTION }], 'm')).toContain(
      '    <SubscriptionURL>u</SubscriptionURL>\n    <TopicOwner>1234567890123456</TopicOwner>\n',
    );
  });
});

describe('publish', () => {
  it('reads body, tag, attributes and properties', () => {
    const body =
      '<Message><MessageBody>hello</MessageBody><MessageTag>vip</MessageTag><MessageAttributes xmlns="">' +
      '<DirectMail>{"Subject":"a &lt; b"}</DirectMail><DM/><Unknown>{}</Unknown></MessageAttributes>' +
      '<UserProperties><PropertyValue><Name>k</Name><Value>v</Value><Type>STRING</Type></PropertyValue></UserProperties></Message>';
    expect(readPublish(body)).toEqual({
      body: 'hello',
      messageTag: 'vip',
      messageAttributes: { DirectMail: '{"Subject":"a < b"}' },
      userProperties: [{ name: 'k', value: 'v', type: 'STRING' }],
    });
  });

  it('reads what chat robots are told, which MNS does not know', () => {
    const body = '<Message><MessageBody>hello</MessageBody><MessageAttributes><Robot>{"title":"t"}</Robot></MessageAttributes></Message>';
    expect(readPublish(body)).toEqual({ body: 'hello', messageAttributes: { Robot: '{"title":"t"}' } });
  });

  it('reads a message with a body only', () => {
    expect(readPublish('<Message><MessageBody>hello</MessageBody><MessageTag/><MessageAttributes/></Message>')).toEqual({ body: 'hello' });
  });

  it.each([
    '<Message><MessageTag>vip</MessageTag></Message>',
    '<Message><MessageBody></MessageBody></Message>',
    '<Messages><Message><MessageBody>x</MessageBody></Message></Messages>',
  ])('refuses %s', (body) => {
    expect(() => readPublish(body)).toThrow(InvalidArgument);
  });

  it('writes the answer', () => {
    expect(writePublished({ messageId: 'ID', bodyMd5: 'MD5' })).toBe(`<?xml version="1.0" ?>
<Message xmlns="http://mns.aliyuncs.com/doc/v1">
  <MessageId>ID</MessageId>
  <MessageBodyMD5>MD5</MessageBodyMD5>
</Message>`);
  });
});
