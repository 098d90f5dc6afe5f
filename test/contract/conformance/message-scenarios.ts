import {
  HANDLE,
  HELLO_MD5,
  MESSAGE_ID,
  created,
  does,
  empty,
  fifoQueue,
  queue,
  refuses,
  sent,
  type Scenario,
  type Step,
} from './scenario.js';

const PROPERTIES = {
  city: { type: 'STRING', value: 'h<z' },
  'a.b': { type: 'NUMBER', value: '-12.5' },
  vip: { type: 'BOOLEAN', value: 'true' },
  blob: { type: 'BINARY', value: 'aGVsbG8=' },
};
const TRACE = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=1,b=2', baggage: 'user=7' };

const bodyReturns = (body: string): readonly Step[] => [
  created(),
  does('sendMessage', { queue, body }),
  does('receiveMessage', { queue }, { body }),
];

export const MESSAGES: readonly Scenario[] = [
  {
    title: 'a message is sent, received and deleted',
    steps: [
      created(),
      does('sendMessage', { queue, body: 'hello', priority: 3 }, { messageId: MESSAGE_ID }, { id: 'messageId', digest: 'bodyMd5' }),
      does(
        'receiveMessage',
        { queue },
        { messageId: '{id}', bodyMd5: '{digest}', body: 'hello', dequeueCount: 1, priority: 3 },
        { handle: 'receiptHandle' },
      ),
      empty,
      does('deleteMessage', { queue, receiptHandle: '{handle}' }),
      refuses('deleteMessage', { queue, receiptHandle: '{handle}' }, 'MessageNotExist'),
    ],
  },
  {
    title: 'the digest is the MD5 of the body as it was sent',
    needs: ['raw bodies'],
    steps: [
      created(),
      does('sendMessage', { queue, body: 'hello' }, { bodyMd5: HELLO_MD5 }),
      does('receiveMessage', { queue }, { bodyMd5: HELLO_MD5 }),
    ],
  },
  {
    title: 'peeking shows a message and changes nothing',
    steps: [
      created(),
      sent('hello'),
      ...Array.from({ length: 2 }, () => does('peekMessage', { queue }, { body: 'hello', dequeueCount: 0, priority: 8 })),
      does('receiveMessage', { queue }, { body: 'hello', dequeueCount: 1 }),
      refuses('peekMessage', { queue }, 'MessageNotExist'),
    ],
  },
  { title: 'a body beyond ASCII returns', steps: bodyReturns('订单 №1 ünïcode 🦜') },
  { title: 'a body with white space around it and line feeds returns', needs: ['raw bodies'], steps: bodyReturns('  two\n\tlines  ') },
  { title: 'a body with carriage returns returns', needs: ['raw bodies', 'carriage returns'], steps: bodyReturns('two\r\nlines\r') },
  { title: 'a body of markup returns', needs: ['markup'], steps: bodyReturns('<a b="c">&amp;]]></a>') },
  { title: 'the largest body returns', needs: ['raw bodies'], steps: bodyReturns('x'.repeat(65_536)) },
  {
    title: 'a larger body is refused',
    needs: ['raw bodies'],
    steps: [created(), refuses('sendMessage', { queue, body: 'x'.repeat(65_537) }, 'InvalidArgument'), empty],
  },
  {
    title: 'messages come by priority',
    steps: [
      created(),
      ...[9, 1, 16].map((priority) => does('sendMessage', { queue, body: `p${priority}`, priority })),
      ...[1, 9, 16].map((priority) => does('receiveMessage', { queue }, { body: `p${priority}`, priority })),
    ],
  },
  {
    title: 'a priority out of its range is refused',
    needs: ['unchecked arguments'],
    steps: [created(), refuses('sendMessage', { queue, body: 'm', priority: 17 }, 'InvalidArgument')],
  },
  {
    title: 'a delayed message comes when its time has come',
    waits: true,
    steps: [
      created(),
      does('sendMessage', { queue, body: 'later', delaySeconds: 1 }),
      refuses('peekMessage', { queue }, 'MessageNotExist'),
      does('receiveMessage', { queue, waitSeconds: 10 }, { body: 'later', dequeueCount: 1 }),
    ],
    within: 8_000,
  },
  {
    title: 'a delayed message is taken back with the handle of its send',
    needs: ['handles of delayed messages'],
    steps: [
      created(),
      does('sendMessage', { queue, body: 'half', delaySeconds: 1_000 }, { receiptHandle: HANDLE }, { handle: 'receiptHandle' }),
      does('deleteMessage', { queue, receiptHandle: '{handle}' }),
      does('getQueueAttributes', { queue }, { DelayMessages: '0', ActiveMessages: '0' }),
    ],
  },
  {
    title: 'a half message, delayed longer than it is kept, is committed by changing its visibility',
    waits: true,
    needs: ['handles of delayed messages'],
    steps: [
      created({ MessageRetentionPeriod: 169_200 }),
      does('sendMessage', { queue, body: 'half', delaySeconds: 172_800 }, {}, { handle: 'receiptHandle' }),
      does('changeVisibility', { queue, receiptHandle: '{handle}', seconds: 1 }),
      does('receiveMessage', { queue, waitSeconds: 10 }, { body: 'half' }),
    ],
    within: 8_000,
  },
  {
    title: 'a message that is not deleted comes again, and its first handle is spent',
    waits: true,
    steps: [
      created({ VisibilityTimeout: 1 }),
      sent('again'),
      does('receiveMessage', { queue }, { dequeueCount: 1 }, { first: 'receiptHandle' }),
      does('receiveMessage', { queue, waitSeconds: 10 }, { body: 'again', dequeueCount: 2 }, { second: 'receiptHandle' }),
      refuses('deleteMessage', { queue, receiptHandle: '{first}' }, 'MessageNotExist'),
      does('deleteMessage', { queue, receiptHandle: '{second}' }),
    ],
    within: 8_000,
  },
  {
    title: 'a changed visibility gives a new handle',
    steps: [
      created(),
      sent('m'),
      does('receiveMessage', { queue }, {}, { handle: 'receiptHandle' }),
      does('changeVisibility', { queue, receiptHandle: '{handle}', seconds: 100 }, { receiptHandle: HANDLE }, { handle: 'receiptHandle' }),
      does('deleteMessage', { queue, receiptHandle: '{handle}' }),
    ],
  },
  {
    title: 'the handle from before a change of visibility deletes as well',
    steps: [
      created(),
      sent('m'),
      does('receiveMessage', { queue }, {}, { handle: 'receiptHandle' }),
      does('changeVisibility', { queue, receiptHandle: '{handle}', seconds: 2 }),
      does('deleteMessage', { queue, receiptHandle: '{handle}' }),
      does('getQueueAttributes', { queue }, { InactiveMessages: '0' }),
    ],
  },
  {
    title: 'a visibility of 0 is refused',
    steps: [
      created(),
      sent('m'),
      does('receiveMessage', { queue }, {}, { handle: 'receiptHandle' }),
      refuses('changeVisibility', { queue, receiptHandle: '{handle}', seconds: 0 }, 'InvalidArgument'),
      does('deleteMessage', { queue, receiptHandle: '{handle}' }),
    ],
  },
  {
    title: 'a visibility of more than 12 hours is refused',
    needs: ['any visibility'],
    steps: [
      created(),
      sent('m'),
      does('receiveMessage', { queue }, {}, { handle: 'receiptHandle' }),
      refuses('changeVisibility', { queue, receiptHandle: '{handle}', seconds: 43_201 }, 'InvalidArgument'),
    ],
  },
  {
    title: 'a handle that was never issued is an error',
    steps: [
      created(),
      refuses('deleteMessage', { queue, receiptHandle: '1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA==' }, 'ReceiptHandleError'),
      refuses('changeVisibility', { queue, receiptHandle: 'never-issued', seconds: 9 }, 'ReceiptHandleError'),
    ],
  },
  {
    title: 'properties of all types return as they were sent',
    needs: ['properties'],
    steps: [
      created(),
      does('sendMessage', { queue, body: 'm', userProperties: PROPERTIES, systemProperties: TRACE }),
      does('peekMessage', { queue }, { userProperties: PROPERTIES, systemProperties: TRACE }),
      does('receiveMessage', { queue }, { userProperties: PROPERTIES, systemProperties: TRACE }),
    ],
  },
  {
    title: 'a message group returns, also with the answer to the send',
    needs: ['properties'],
    steps: [
      created(),
      does('sendMessage', { queue, body: 'm', group: 'a group' }, { group: 'a group' }),
      does('receiveMessage', { queue }, { body: 'm', group: 'a group' }),
    ],
  },
  {
    title: 'a FIFO queue wants a group, and gives out one message of it at a time',
    needs: ['properties', 'queue types'],
    steps: [
      fifoQueue,
      refuses('sendMessage', { queue, body: 'm' }, 'FifoMissingMessageGroupId'),
      does('sendMessages', { queue, messages: ['one', 'two'].map((body) => ({ body, group: 'g' })) }, { messages: [{ group: 'g' }, {}] }),
      does('receiveMessage', { queue }, { body: 'one', group: 'g' }, { handle: 'receiptHandle' }),
      empty,
      does('deleteMessage', { queue, receiptHandle: '{handle}' }),
      does('receiveMessage', { queue }, { body: 'two' }),
    ],
  },
  {
    title: 'a delay out of its range is refused',
    needs: ['unchecked arguments'],
    steps: [created(), refuses('sendMessage', { queue, body: 'm', delaySeconds: 604_801 }, 'InvalidArgument')],
  },
];

/** Names under which handles are kept. */
const SIXTEEN = 'abcdefghijklmnop';

export const BATCHES: readonly Scenario[] = [
  {
    title: 'messages are sent, peeked, received and deleted in batches',
    steps: [
      created(),
      does(
        'sendMessages',
        { queue, messages: [{ body: 'one' }, { body: 'two', priority: 9 }] },
        { messages: [{ messageId: MESSAGE_ID }, { messageId: MESSAGE_ID }] },
      ),
      does(
        'peekMessages',
        { queue, count: 16 },
        {
          messages: [
            { body: 'one', dequeueCount: 0 },
            { body: 'two', priority: 9 },
          ],
        },
      ),
      does(
        'receiveMessages',
        { queue, count: 16 },
        {
          messages: [
            { body: 'one', dequeueCount: 1 },
            { body: 'two', priority: 9 },
          ],
        },
        { one: 'messages.0.receiptHandle', two: 'messages.1.receiptHandle' },
      ),
      does('deleteMessages', { queue, receiptHandles: ['{one}', '{two}'] }, { failed: [] }),
      does('getQueueAttributes', { queue }, { InactiveMessages: '0', ActiveMessages: '0' }),
    ],
  },
  {
    title: 'a batch of one is a batch',
    steps: [
      created(),
      does('sendMessages', { queue, messages: [{ body: 'one' }] }, { messages: [{ messageId: MESSAGE_ID }] }),
      does('receiveMessages', { queue, count: 1, waitSeconds: 1 }, { messages: [{ body: 'one' }] }, { one: 'messages.0.receiptHandle' }),
      does('deleteMessages', { queue, receiptHandles: ['{one}'] }, { failed: [] }),
    ],
  },
  {
    title: 'a batch of deletes names those that failed, and carries out the others',
    steps: [
      created(),
      does('sendMessages', { queue, messages: [{ body: 'one' }, { body: 'two' }] }),
      does('receiveMessages', { queue, count: 2 }, {}, { one: 'messages.0.receiptHandle', two: 'messages.1.receiptHandle' }),
      does(
        'deleteMessages',
        { queue, receiptHandles: ['{one}', 'never-issued', '{two}'] },
        { failed: [{ code: 'ReceiptHandleError', receiptHandle: 'never-issued' }] },
      ),
      does('getQueueAttributes', { queue }, { InactiveMessages: '0' }),
    ],
  },
  {
    title: 'a batch of deletes tells a spent handle from one that was never issued',
    steps: [
      created(),
      sent('one'),
      does('receiveMessage', { queue }, {}, { handle: 'receiptHandle' }),
      does('deleteMessages', { queue, receiptHandles: ['{handle}'] }, { failed: [] }),
      does(
        'deleteMessages',
        { queue, receiptHandles: ['{handle}'] },
        { failed: [{ code: 'MessageNotExist', receiptHandle: '{handle}' }] },
      ),
    ],
  },
  {
    title: 'batches of 16 are taken, sent, peeked, received and deleted',
    steps: [
      created(),
      does('sendMessages', { queue, messages: Array.from({ length: 16 }, (_, n) => ({ body: `m${n}` })) }),
      does('peekMessages', { queue, count: 16 }, { messages: Array.from({ length: 16 }, (_, n) => ({ body: `m${n}` })) }),
      does(
        'receiveMessages',
        { queue, count: 16 },
        { messages: Array.from({ length: 16 }, (_, n) => ({ body: `m${n}` })) },
        Object.fromEntries(Array.from(SIXTEEN, (letter, n) => [letter, `messages.${n}.receiptHandle`])),
      ),
      does('deleteMessages', { queue, receiptHandles: Array.from(SIXTEEN, (letter) => `{${letter}}`) }, { failed: [] }),
      does('getQueueAttributes', { queue }, { InactiveMessages: '0' }),
    ],
  },
  {
    title: 'a batch of more than 64 KB is refused, though each of its messages would not be',
    needs: ['raw bodies'],
    steps: [
      created(),
      refuses('sendMessages', { queue, messages: [{ body: 'x'.repeat(40_000) }, { body: 'y'.repeat(40_000) }] }, 'InvalidArgument'),
      empty,
    ],
  },
  {
    title: 'nothing of a batch is sent when one of its messages is refused',
    needs: ['raw bodies'],
    steps: [
      created({ MaximumMessageSize: 1_024 }),
      refuses('sendMessages', { queue, messages: [{ body: 'one' }, { body: 'x'.repeat(1_025) }] }, 'InvalidArgument'),
      empty,
    ],
  },
  {
    title: 'batches of more than 16 are refused',
    needs: ['unchecked arguments'],
    steps: [
      created(),
      refuses('sendMessages', { queue, messages: Array.from({ length: 17 }, () => ({ body: 'm' })) }, 'InvalidArgument'),
      refuses('receiveMessages', { queue, count: 17 }, 'InvalidArgument'),
      refuses('peekMessages', { queue, count: 17 }, 'InvalidArgument'),
    ],
  },
  {
    title: 'a batch receive from an empty queue finds no message',
    steps: [
      created(),
      refuses('receiveMessages', { queue, count: 16 }, 'MessageNotExist'),
      refuses('peekMessages', { queue, count: 16 }, 'MessageNotExist'),
    ],
  },
];

export const TIMING: readonly Scenario[] = [
  {
    title: 'a poll of an empty queue ends with its time',
    waits: true,
    steps: [created(), refuses('receiveMessage', { queue, waitSeconds: 1 }, 'MessageNotExist')],
    within: 4_000,
  },
  {
    title: 'a receive that must not wait does not, even where the queue would',
    needs: ['wait of zero'],
    steps: [created({ PollingWaitSeconds: 20 }), refuses('receiveMessage', { queue, waitSeconds: 0 }, 'MessageNotExist')],
    within: 4_000,
  },
  {
    title: 'a poll of more than 30 s is refused',
    needs: ['unchecked arguments'],
    steps: [created(), refuses('receiveMessage', { queue, waitSeconds: 31 }, 'InvalidArgument')],
    within: 4_000,
  },
  {
    title: 'bodies are sent without a wait for 100 Continue',
    steps: [created(), ...Array.from({ length: 5 }, (_, n) => sent(`m${n}`))],
    within: 2_500,
  },
];
