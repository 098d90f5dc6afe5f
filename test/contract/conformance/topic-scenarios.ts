import {
  HANDLE,
  HELLO_MD5,
  MESSAGE_ID,
  TIME,
  created,
  does,
  endpoint,
  page,
  refuses,
  subscribed,
  subscription,
  topic,
  topicCreated,
  type Scenario,
} from './scenario.js';

export const TOPICS: readonly Scenario[] = [
  {
    title: 'a topic is created, shown and changed',
    steps: [
      does('createTopic', { topic }, { url: /^http:\/\/[^/]+\/topics\/{t}$/ }),
      does(
        'getTopicAttributes',
        { topic },
        { TopicName: topic, MaximumMessageSize: '65536', MessageRetentionPeriod: '86400', MessageCount: '0' },
      ),
      does('setTopicAttributes', { topic, attributes: { MaximumMessageSize: 1_024 } }),
      does(
        'getTopicAttributes',
        { topic },
        { MaximumMessageSize: '1024', LoggingEnabled: 'False', CreateTime: TIME, LastModifyTime: TIME },
      ),
    ],
  },
  {
    title: 'a topic is deleted, with its subscriptions, and once more',
    steps: [
      topicCreated,
      subscribed,
      does('deleteTopic', { topic }),
      refuses('getTopicAttributes', { topic }, 'TopicNotExist'),
      does('deleteTopic', { topic }),
    ],
  },
  {
    title: 'a topic that exists is created again with the same attributes only',
    steps: [
      topicCreated,
      does('createTopic', { topic }, { url: /\/topics\/{t}$/ }),
      refuses('createTopic', { topic, attributes: { MaximumMessageSize: 10_240 } }, 'TopicAlreadyExist'),
    ],
  },
  {
    title: 'topics are listed by prefix',
    steps: [
      does('createTopic', { topic: '{t}-b' }),
      does('createTopic', { topic: '{t}-a' }),
      does('listTopics', { prefix: '{t}-', limit: 10 }, { urls: [/\/topics\/{t}-a$/, /\/topics\/{t}-b$/] }),
    ],
  },
  {
    title: 'topics are listed page by page',
    needs: ['markers'],
    steps: [
      ...['a', 'b'].map((letter) => does('createTopic', { topic: `{t}-${letter}` })),
      does('listTopics', { prefix: '{t}-', limit: 1 }, page([/-a$/], HANDLE), { next: 'marker' }),
      does('listTopics', { prefix: '{t}-', limit: 1, marker: '{next}' }, page([/-b$/], '')),
    ],
  },
  {
    title: 'a topic that is not there is named as the reason',
    steps: [
      refuses('getTopicAttributes', { topic }, 'TopicNotExist'),
      refuses('setTopicAttributes', { topic, attributes: { MaximumMessageSize: 1_024 } }, 'TopicNotExist'),
      refuses('publishMessage', { topic, body: 'm' }, 'TopicNotExist'),
    ],
  },
  {
    title: 'a subscription to a topic that is not there is refused',
    steps: [
      refuses('subscribe', { topic, subscription, endpoint }, 'TopicNotExist'),
      refuses('getSubscriptionAttributes', { topic, subscription }, 'TopicNotExist'),
    ],
  },
  {
    title: 'names that differ only in case are different topics and subscriptions',
    steps: [
      does('createTopic', { topic: '{t}-case' }),
      does('createTopic', { topic: '{t}-CASE', attributes: { MaximumMessageSize: 2_048 } }),
      does('getTopicAttributes', { topic: '{t}-case' }, { TopicName: '{t}-case', MaximumMessageSize: '65536' }),
      does('subscribe', { topic: '{t}-case', subscription: '{s}-a', endpoint }),
      does('subscribe', { topic: '{t}-case', subscription: '{s}-A', endpoint, format: 'JSON' }),
      does('getSubscriptionAttributes', { topic: '{t}-case', subscription: '{s}-a' }, { NotifyContentFormat: 'XML' }),
      refuses('getSubscriptionAttributes', { topic: '{t}-CASE', subscription: '{s}-a' }, 'SubscriptionNotExist'),
    ],
  },
  {
    title: 'topics and subscriptions are listed with their attributes',
    needs: ['attributes in lists'],
    steps: [
      topicCreated,
      does('subscribe', { topic, subscription, endpoint, filterTag: 'vip' }),
      does('listTopics', { prefix: topic, limit: 1, withMeta: true }, { attributes: [{ TopicName: topic, MaximumMessageSize: '65536' }] }),
      does(
        'listSubscriptions',
        { topic, prefix: subscription, limit: 1, withMeta: true },
        { attributes: [{ SubscriptionName: subscription, FilterTag: 'vip', Endpoint: endpoint }] },
      ),
      does('listSubscriptions', { topic, prefix: subscription, limit: 1, withMeta: false }, { attributes: [{}] }),
    ],
  },
  {
    title: 'names that no topic may have are refused',
    needs: ['unchecked arguments'],
    steps: [
      refuses('createTopic', { topic: '-bad' }, 'TopicNameInvalid'),
      refuses('createTopic', { topic: 't'.repeat(121) }, 'TopicNameLengthError'),
    ],
  },
  {
    title: 'names that no subscription may have are refused',
    needs: ['unchecked arguments'],
    steps: [
      topicCreated,
      refuses('subscribe', { topic, subscription: '-bad', endpoint }, 'SubscriptionNameInvalid'),
      refuses('subscribe', { topic, subscription: 's'.repeat(256), endpoint }, 'SubscriptionNameLengthError'),
    ],
  },
  {
    title: 'one topic is spread over several queues, and all of it taken down again',
    steps: [
      topicCreated,
      ...['a', 'b'].flatMap((letter) => [
        does('createQueue', { queue: `{q}-${letter}` }),
        does('subscribe', { topic, subscription: `sub-for-queue-{q}-${letter}`, endpoint: `${endpoint}-${letter}` }),
      ]),
      does('listSubscriptions', { topic, prefix: 'sub-for-queue-', limit: 10 }, { urls: [/{q}-a$/, /{q}-b$/] }),
      ...['a', 'b'].flatMap((letter) => [
        does('unsubscribe', { topic, subscription: `sub-for-queue-{q}-${letter}` }),
        does('deleteQueue', { queue: `{q}-${letter}` }),
      ]),
      does('deleteTopic', { topic }),
      refuses('getTopicAttributes', { topic }, 'TopicNotExist'),
    ],
  },
  {
    title: 'attributes of topics out of their range are refused',
    steps: [
      refuses('createTopic', { topic, attributes: { MaximumMessageSize: 66_560 } }, 'InvalidArgument'),
      topicCreated,
      refuses('setTopicAttributes', { topic, attributes: { MaximumMessageSize: 1_023 } }, 'InvalidArgument'),
    ],
  },
  {
    title: 'a queue subscribes, is shown, changed, listed and unsubscribed',
    steps: [
      created(),
      topicCreated,
      subscribed,
      does('getSubscriptionAttributes', { topic, subscription }, { TopicName: topic, SubscriptionName: subscription, Endpoint: endpoint }),
      does(
        'getSubscriptionAttributes',
        { topic, subscription },
        { NotifyStrategy: 'BACKOFF_RETRY', NotifyContentFormat: 'JSON', CreateTime: TIME },
      ),
      does('setSubscriptionAttributes', { topic, subscription, strategy: 'EXPONENTIAL_DECAY_RETRY' }),
      does(
        'getSubscriptionAttributes',
        { topic, subscription },
        { NotifyStrategy: 'EXPONENTIAL_DECAY_RETRY', NotifyContentFormat: 'JSON' },
      ),
      does('listSubscriptions', { topic, prefix: '{s}', limit: 10 }, { urls: [/\/topics\/{t}\/subscriptions\/{s}$/] }),
      does('unsubscribe', { topic, subscription }),
      refuses('getSubscriptionAttributes', { topic, subscription }, 'SubscriptionNotExist'),
    ],
  },
  {
    title: 'a subscription that exists is made again with the same attributes only',
    steps: [
      topicCreated,
      subscribed,
      subscribed,
      refuses('subscribe', { topic, subscription, endpoint, format: 'SIMPLIFIED' }, 'SubscriptionAlreadyExist'),
    ],
  },
  {
    title: 'subscriptions are listed page by page',
    needs: ['markers'],
    steps: [
      topicCreated,
      ...['a', 'b'].map((letter) => does('subscribe', { topic, subscription: `{s}-${letter}`, endpoint })),
      does('listSubscriptions', { topic, prefix: '{s}', limit: 1 }, page([/-a$/], HANDLE), { next: 'marker' }),
      does('listSubscriptions', { topic, prefix: '{s}', limit: 1, marker: '{next}' }, page([/-b$/], '')),
    ],
  },
  {
    title: 'a filter tag is kept',
    needs: ['filter tags'],
    steps: [
      topicCreated,
      does('subscribe', { topic, subscription, endpoint, filterTag: 'vip' }),
      does('getSubscriptionAttributes', { topic, subscription }, { FilterTag: 'vip' }),
    ],
  },
  {
    title: 'an endpoint that is none is refused',
    steps: [
      topicCreated,
      refuses('subscribe', { topic, subscription, endpoint: 'ftp://host/' }, 'EndpointInvalid'),
      refuses('subscribe', { topic, subscription, endpoint: 'sms:directsms:nobody' }, 'EndpointInvalid'),
      refuses('subscribe', { topic, subscription, endpoint: 'acs:fc:cn-hangzhou:1234567890123456:services/s/functions/f' }, 'EndpointInvalid'),
    ],
  },
  {
    title: 'endpoints are taken in all forms, and shown as they were given',
    steps: [
      topicCreated,
      ...[
        'http://127.0.0.1:9',
        'https://example.com:8443/a/b?c=d&e=f',
        'acs:mns:cn-elsewhere:999:/queues/{q}',
        'mail:directmail:somebody@example.com',
        'smq-ep:dm:1234567890123456:__dynamic',
        'sms:directsms:anonymous',
        'push:12345678',
      ].flatMap((text, n) => [
        does('subscribe', { topic, subscription: `{s}-${n}`, endpoint: text, format: 'SIMPLIFIED' }),
        does('getSubscriptionAttributes', { topic, subscription: `{s}-${n}` }, { NotifyContentFormat: 'SIMPLIFIED' }),
      ]),
      refuses('subscribe', { topic, subscription, endpoint: 'mail:directmail:somebody@example.com', format: 'XML' }, 'InvalidArgument'),
    ],
  },
  {
    title: 'a message is published to a topic without subscriptions',
    steps: [
      topicCreated,
      does('publishMessage', { topic, body: 'hello' }, { messageId: MESSAGE_ID, bodyMd5: HELLO_MD5 }),
      does('getTopicAttributes', { topic }, { MessageCount: '0' }),
    ],
  },
  {
    title: 'subscriptions whose endpoint cannot be reached disturb nothing',
    steps: [
      topicCreated,
      does('subscribe', { topic, subscription, endpoint: 'http://127.0.0.1:9/notifications' }),
      does('publishMessage', { topic, body: 'hello' }, { messageId: MESSAGE_ID }),
      does('getTopicAttributes', { topic }, { MessageCount: '1' }),
      does('unsubscribe', { topic, subscription }),
    ],
  },
  {
    title: 'a message is published with properties',
    needs: ['properties'],
    steps: [
      topicCreated,
      does(
        'publishMessage',
        {
          topic,
          body: 'hello',
          userProperties: { n: { type: 'NUMBER', value: '7' } },
          systemProperties: { traceparent: '00-1-2-01' },
          group: 'g',
        },
        { messageId: MESSAGE_ID, bodyMd5: HELLO_MD5 },
      ),
    ],
  },
  {
    title: 'a tag of more than 16 characters is refused',
    needs: ['any tag'],
    steps: [topicCreated, refuses('publishMessage', { topic, body: 'hello', tag: 't'.repeat(17) }, 'InvalidArgument')],
  },
  {
    title: 'a message larger than its topic takes is refused',
    needs: ['raw bodies'],
    steps: [topicCreated, refuses('publishMessage', { topic, body: 'x'.repeat(65_537) }, 'InvalidArgument')],
  },
  {
    title: 'a message is published with a tag',
    needs: ['tags'],
    steps: [topicCreated, does('publishMessage', { topic, body: 'hello', tag: 'vip' }, { messageId: MESSAGE_ID })],
  },
];
