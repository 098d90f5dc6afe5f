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
    title: 'names that no topic may have are refused',
    needs: ['unchecked arguments'],
    steps: [
      refuses('createTopic', { topic: '-bad' }, 'TopicNameInvalid'),
      refuses('createTopic', { topic: 't'.repeat(121) }, 'TopicNameLengthError'),
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
    steps: [topicCreated, refuses('subscribe', { topic, subscription, endpoint: 'ftp://host/' }, 'EndpointInvalid')],
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
    title: 'a message is published with a tag',
    needs: ['tags'],
    steps: [topicCreated, does('publishMessage', { topic, body: 'hello', tag: 'vip' }, { messageId: MESSAGE_ID })],
  },
];
