import { HANDLE, TIME, created, does, empty, page, queue, refuses, sent, type Scenario } from './scenario.js';

export const QUEUES: readonly Scenario[] = [
  {
    title: 'a queue is created, shown, changed and deleted',
    steps: [
      does('createQueue', { queue, attributes: { VisibilityTimeout: 60 } }, { url: /^http:\/\/[^/]+\/queues\/{q}$/ }),
      does('getQueueAttributes', { queue }, { QueueName: queue, VisibilityTimeout: '60', DelaySeconds: '0', MaximumMessageSize: '65536' }),
      does('getQueueAttributes', { queue }, { MessageRetentionPeriod: '345600', PollingWaitSeconds: '0', LoggingEnabled: 'False' }),
      does('getQueueAttributes', { queue }, { ActiveMessages: '0', InactiveMessages: '0', DelayMessages: '0', CreateTime: TIME }),
      does('setQueueAttributes', { queue, attributes: { PollingWaitSeconds: 5 } }),
      does('getQueueAttributes', { queue }, { VisibilityTimeout: '60', PollingWaitSeconds: '5', LastModifyTime: TIME }),
      does('deleteQueue', { queue }),
      refuses('getQueueAttributes', { queue }, 'QueueNotExist'),
    ],
  },
  {
    title: 'a queue that exists with the same attributes is created again, with its location',
    steps: [created({ DelaySeconds: 5 }), does('createQueue', { queue, attributes: { DelaySeconds: 5 } }, { url: /\/queues\/{q}$/ })],
  },
  {
    title: 'a queue that exists with other attributes is not',
    steps: [created(), refuses('createQueue', { queue, attributes: { PollingWaitSeconds: 20 } }, 'QueueAlreadyExist')],
  },
  { title: 'deleting a queue that is not there succeeds', steps: [does('deleteQueue', { queue })] },
  {
    title: 'logging is switched on and off',
    steps: [
      created({ LoggingEnabled: true }),
      does('getQueueAttributes', { queue }, { LoggingEnabled: 'True' }),
      does('setQueueAttributes', { queue, attributes: { LoggingEnabled: false } }),
      does('getQueueAttributes', { queue }, { LoggingEnabled: 'False' }),
    ],
  },
  {
    title: 'queues are listed by prefix',
    steps: [
      does('createQueue', { queue: '{q}-b' }),
      does('createQueue', { queue: '{q}-a' }),
      does('listQueues', { prefix: '{q}-', limit: 10 }, { urls: [/\/queues\/{q}-a$/, /\/queues\/{q}-b$/] }),
    ],
  },
  {
    title: 'queues are listed page by page, and no empty page comes last',
    needs: ['markers'],
    steps: [
      ...['a', 'b', 'c', 'd'].map((letter) => does('createQueue', { queue: `{q}-${letter}` })),
      does('listQueues', { prefix: '{q}-', limit: 2 }, page([/-a$/, /-b$/], HANDLE), { next: 'marker' }),
      does('listQueues', { prefix: '{q}-', limit: 2, marker: '{next}' }, page([/-c$/, /-d$/], '')),
    ],
  },
  {
    title: 'a list without entries is a list',
    needs: ['empty lists'],
    steps: [does('listQueues', { prefix: '{q}-none', limit: 10 }, { urls: [] })],
  },
  {
    title: 'attributes out of their range are refused',
    steps: [
      refuses('createQueue', { queue, attributes: { MaximumMessageSize: 66_560 } }, 'InvalidArgument'),
      refuses('createQueue', { queue, attributes: { MessageRetentionPeriod: 59 } }, 'InvalidArgument'),
      created(),
      refuses('setQueueAttributes', { queue, attributes: { PollingWaitSeconds: 60 } }, 'InvalidArgument'),
      refuses('setQueueAttributes', { queue, attributes: { VisibilityTimeout: 43_201 } }, 'InvalidArgument'),
    ],
  },
  {
    title: 'names that differ only in case are different queues',
    steps: [
      does('createQueue', { queue: '{q}-case', attributes: { VisibilityTimeout: 40 } }),
      does('createQueue', { queue: '{q}-CASE', attributes: { VisibilityTimeout: 50 } }),
      does('getQueueAttributes', { queue: '{q}-case' }, { QueueName: '{q}-case', VisibilityTimeout: '40' }),
      does('deleteQueue', { queue: '{q}-case' }),
      does('getQueueAttributes', { queue: '{q}-CASE' }, { QueueName: '{q}-CASE', VisibilityTimeout: '50' }),
      refuses('getQueueAttributes', { queue: '{q}-case' }, 'QueueNotExist'),
    ],
  },
  {
    title: 'a name can be used again at once, and nothing is left of what had it',
    steps: [created(), sent('old'), does('deleteQueue', { queue }), created({ VisibilityTimeout: 40 }), empty],
  },
  {
    title: 'a change that names nothing changes nothing',
    steps: [
      created({ VisibilityTimeout: 77 }),
      does('setQueueAttributes', { queue, attributes: {} }),
      does('getQueueAttributes', { queue }, { VisibilityTimeout: '77' }),
    ],
  },
  {
    title: 'queues are listed with their attributes',
    needs: ['attributes in lists'],
    steps: [
      created({ VisibilityTimeout: 77 }),
      does('listQueues', { prefix: queue, limit: 1, withMeta: true }, { attributes: [{ QueueName: queue, VisibilityTimeout: '77' }] }),
      does('listQueues', { prefix: queue, limit: 1, withMeta: false }, { attributes: [{}] }),
    ],
  },
  {
    title: 'the ends of the ranges are taken',
    steps: [
      created({ DelaySeconds: 604_800, MaximumMessageSize: 1_024, MessageRetentionPeriod: 60, VisibilityTimeout: 43_200 }),
      does('getQueueAttributes', { queue }, { DelaySeconds: '604800', MaximumMessageSize: '1024', MessageRetentionPeriod: '60' }),
      does('getQueueAttributes', { queue }, { VisibilityTimeout: '43200' }),
      does('setQueueAttributes', { queue, attributes: { MessageRetentionPeriod: 1_296_000, VisibilityTimeout: 1, PollingWaitSeconds: 30 } }),
      does('getQueueAttributes', { queue }, { MessageRetentionPeriod: '1296000', VisibilityTimeout: '1', PollingWaitSeconds: '30' }),
    ],
  },
  {
    title: 'names that no queue may have are refused',
    needs: ['unchecked arguments'],
    steps: [
      refuses('createQueue', { queue: '-bad' }, 'InvalidQueueName'),
      refuses('createQueue', { queue: 'q'.repeat(121) }, 'QueueNameLengthError'),
    ],
  },
  {
    title: 'a queue that is not there is named as the reason, by every operation',
    steps: [
      refuses('getQueueAttributes', { queue }, 'QueueNotExist'),
      refuses('setQueueAttributes', { queue, attributes: { VisibilityTimeout: 40 } }, 'QueueNotExist'),
      refuses('sendMessage', { queue, body: 'm' }, 'QueueNotExist'),
      refuses('receiveMessage', { queue }, 'QueueNotExist'),
      refuses('peekMessage', { queue }, 'QueueNotExist'),
      refuses('deleteMessage', { queue, receiptHandle: 'h' }, 'QueueNotExist'),
      refuses('changeVisibility', { queue, receiptHandle: 'h', seconds: 9 }, 'QueueNotExist'),
    ],
  },
  {
    title: 'a queue that is not there is named as the reason, by every batch',
    steps: [
      refuses('sendMessages', { queue, messages: [{ body: 'm' }] }, 'QueueNotExist'),
      refuses('receiveMessages', { queue, count: 2 }, 'QueueNotExist'),
      refuses('peekMessages', { queue, count: 2 }, 'QueueNotExist'),
    ],
  },
];
