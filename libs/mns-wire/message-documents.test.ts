import { describe, expect, it } from '@jest/globals';
import type { PeekedMessage, ReceivedMessage } from '#queue/message.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import {
  readReceiptHandles,
  readSend,
  writeChangeVisibility,
  writeDeleteErrors,
  writePeekedMessage,
  writePeekedMessages,
  writeReceivedMessage,
  writeReceivedMessages,
  writeSentMessage,
  writeSentMessages,
} from './message-documents.js';
import { MalformedXml } from './xml-reader.js';

const ID = 'F0E90FC633FD7FC17FAA7DA08500B964';
const MD5 = '0733351879B2FA9BD05C7CA3061529C0';

const PEEKED: PeekedMessage = {
  messageId: ID,
  bodyMd5: MD5,
  body: 'a<b>\r\n"c"',
  enqueueTime: 1_790_299_715_872,
  firstDequeueTime: 1_790_299_718_877,
  dequeueCount: 1,
  priority: 8,
};
const RECEIVED: ReceivedMessage = { ...PEEKED, receiptHandle: `${ID}-x1y2z3`, nextVisibleTime: 1_790_299_778_877 };

const message = (inner: string): string => `<Message><MessageBody>x</MessageBody>${inner}</Message>`;

describe('readSend', () => {
  it('reads one message', () => {
    const body = Buffer.from(
      '<?xml version="1.0" encoding="UTF-8"?><Message xmlns="http://mns.aliyuncs.com/doc/v1/"><Priority>1</Priority>' +
        '<MessageBody>aGVsbG8=</MessageBody><DelaySeconds>60</DelaySeconds></Message>',
    );
    expect(readSend(body)).toEqual({ batch: false, messages: [{ body: 'aGVsbG8=', priority: 1, delaySeconds: 60 }] });
  });

  it('takes priority 0 and empty elements for unset, and a delay of 0 for a delay', () => {
    expect(readSend(message('<Priority>0</Priority><DelaySeconds>0</DelaySeconds><MessageGroupId/><UserProperties/>'))).toEqual({
      batch: false,
      messages: [{ body: 'x', delaySeconds: 0 }],
    });
    expect(readSend(message('<Priority/><DelaySeconds></DelaySeconds>')).messages).toEqual([{ body: 'x' }]);
  });

  it('reads properties and the group', () => {
    const properties =
      '<UserProperties><PropertyValue><Name>city</Name><Value> 杭州 </Value><Type>STRING</Type></PropertyValue>' +
      '<PropertyValue><Name>n.1-a_b</Name><Value>12</Value><Type>NUMBER</Type></PropertyValue></UserProperties>' +
      '<SystemProperties><SystemPropertyValue><Name>traceparent</Name><Value>00-1-2-01</Value><Type>STRING</Type></SystemPropertyValue>' +
      '</SystemProperties><MessageGroupId>g1</MessageGroupId>';
    expect(readSend(message(properties)).messages).toEqual([
      {
        body: 'x',
        userProperties: [
          { name: 'city', value: ' 杭州 ', type: 'STRING' },
          { name: 'n.1-a_b', value: '12', type: 'NUMBER' },
        ],
        systemProperties: [{ name: 'traceparent', value: '00-1-2-01', type: 'STRING' }],
        messageGroupId: 'g1',
      },
    ]);
  });

  it('reads batches of 1 to 16, in order', () => {
    const batch = (size: number): string =>
      `<Messages>${Array.from({ length: size }, (_, i) => `<Message><MessageBody>${i}</MessageBody></Message>`).join('')}</Messages>`;
    expect(readSend(batch(1))).toEqual({ batch: true, messages: [{ body: '0' }] });
    expect(readSend(batch(16)).messages.map(({ body }) => body)).toEqual(Array.from({ length: 16 }, (_, i) => String(i)));
    expect(() => readSend(batch(17))).toThrow(InvalidArgument);
    expect(() => readSend(batch(0))).toThrow(InvalidArgument);
  });

  it.each([
    ['no body', '<Message/>'],
    ['an empty body', '<Message><MessageBody/></Message>'],
    ['markup in the body that was not escaped', '<Message><MessageBody>a <b>bold</b></MessageBody></Message>'],
    ['a priority that is no number', message('<Priority>high</Priority>')],
    ['another root', '<Queue><MessageBody>x</MessageBody></Queue>'],
    ['a group id that is too long', message(`<MessageGroupId>${'g'.repeat(129)}</MessageGroupId>`)],
  ])('refuses %s', (_what, body) => {
    expect(() => readSend(body)).toThrow(InvalidArgument);
  });

  it('refuses no document at all', () => {
    expect(() => readSend(Buffer.alloc(0))).toThrow(MalformedXml);
  });
});

describe('readReceiptHandles', () => {
  const handles = (...texts: string[]): string =>
    `<ReceiptHandles>${texts.map((text) => `<ReceiptHandle>${text}</ReceiptHandle>`).join('')}</ReceiptHandles>`;

  it('reads handles in order, repeated ones too', () => {
    expect(readReceiptHandles(handles('1-ODU4OQ==', ' b ', 'b'))).toEqual(['1-ODU4OQ==', 'b', 'b']);
  });

  it.each([undefined, Buffer.alloc(0), '<ReceiptHandles/>', handles(''), handles('a', ' ')])('misses a handle in %p', (body) => {
    expect(() => readReceiptHandles(body)).toThrow(expect.objectContaining({ code: 'MissingReceiptHandle', status: 400 }));
  });

  it('refuses more than 16', () => {
    expect(readReceiptHandles(handles(...Array<string>(16).fill('a')))).toHaveLength(16);
    expect(() => readReceiptHandles(handles(...Array<string>(17).fill('a')))).toThrow(InvalidArgument);
  });
});

describe('answers to a send', () => {
  it('writes a message that can be received at once', () => {
    expect(writeSentMessage({ messageId: ID, bodyMd5: MD5 })).toBe(`<?xml version="1.0" ?>
<Message xmlns="http://mns.aliyuncs.com/doc/v1">
  <MessageId>${ID}</MessageId>
  <MessageBodyMD5>${MD5}</MessageBodyMD5>
</Message>`);
  });

  it('writes the handle of a delayed message, alone and in a batch', () => {
    const delayed = { messageId: ID, bodyMd5: MD5, receiptHandle: 'h', nextVisibleTime: 1_790_299_778_877 };
    expect(writeSentMessage(delayed)).toMatch(
      /\n  <ReceiptHandle>h<\/ReceiptHandle>\n  <NextVisibleTime>1790299778877<\/NextVisibleTime>\n<\/Message>$/,
    );
    expect(writeSentMessages([{ messageId: ID, bodyMd5: MD5 }, delayed])).toBe(`<?xml version="1.0" ?>
<Messages xmlns="http://mns.aliyuncs.com/doc/v1">
  <Message>
    <MessageId>${ID}</MessageId>
    <MessageBodyMD5>${MD5}</MessageBodyMD5>
  </Message>
  <Message>
    <MessageId>${ID}</MessageId>
    <MessageBodyMD5>${MD5}</MessageBodyMD5>
    <ReceiptHandle>h</ReceiptHandle>
    <NextVisibleTime>1790299778877</NextVisibleTime>
  </Message>
</Messages>`);
  });

  it('writes the group of a message that has one', () => {
    expect(writeSentMessage({ messageId: ID, bodyMd5: MD5, messageGroupId: 'a&b' })).toMatch(
      /\n  <MessageBodyMD5>\w+<\/MessageBodyMD5>\n  <MessageGroupId>a&amp;b<\/MessageGroupId>\n<\/Message>$/,
    );
  });
});

describe('received and peeked messages', () => {
  it('writes a received message in the order of the service', () => {
    expect(writeReceivedMessage(RECEIVED)).toBe(`<?xml version="1.0" ?>
<Message xmlns="http://mns.aliyuncs.com/doc/v1">
  <MessageId>${ID}</MessageId>
  <MessageBodyMD5>${MD5}</MessageBodyMD5>
  <MessageBody>a&lt;b&gt;&#13;
"c"</MessageBody>
  <ReceiptHandle>${ID}-x1y2z3</ReceiptHandle>
  <EnqueueTime>1790299715872</EnqueueTime>
  <FirstDequeueTime>1790299718877</FirstDequeueTime>
  <NextVisibleTime>1790299778877</NextVisibleTime>
  <DequeueCount>1</DequeueCount>
  <Priority>8</Priority>
</Message>`);
  });

  it('writes the group, then system properties, then user properties, which must be last', () => {
    const full: ReceivedMessage = {
      ...RECEIVED,
      body: 'aGVsbG8=',
      messageGroupId: 'g1',
      systemProperties: [{ name: 'traceparent', value: '00-1-2-01', type: 'STRING' }],
      userProperties: [
        { name: 'city', value: 'h&z', type: 'STRING' },
        { name: 'n', value: '1', type: 'NUMBER' },
      ],
    };
    expect(writeReceivedMessages([full])).toBe(`<?xml version="1.0" ?>
<Messages xmlns="http://mns.aliyuncs.com/doc/v1">
  <Message>
    <MessageId>${ID}</MessageId>
    <MessageBodyMD5>${MD5}</MessageBodyMD5>
    <MessageBody>aGVsbG8=</MessageBody>
    <ReceiptHandle>${ID}-x1y2z3</ReceiptHandle>
    <EnqueueTime>1790299715872</EnqueueTime>
    <FirstDequeueTime>1790299718877</FirstDequeueTime>
    <NextVisibleTime>1790299778877</NextVisibleTime>
    <DequeueCount>1</DequeueCount>
    <Priority>8</Priority>
    <MessageGroupId>g1</MessageGroupId>
    <SystemProperties>
      <SystemPropertyValue>
        <Name>traceparent</Name>
        <Value>00-1-2-01</Value>
        <Type>STRING</Type>
      </SystemPropertyValue>
    </SystemProperties>
    <UserProperties>
      <PropertyValue>
        <Name>city</Name>
        <Value>h&amp;z</Value>
        <Type>STRING</Type>
      </PropertyValue>
      <PropertyValue>
        <Name>n</Name>
        <Value>1</Value>
        <Type>NUMBER</Type>
      </PropertyValue>
    </UserProperties>
  </Message>
</Messages>`);
  });

  it('writes a peeked message without handle and next visible time', () => {
    const peeked = { ...PEEKED, body: 'x', dequeueCount: 0 };
    const children = (indent: string): string =>
      [
        `<MessageId>${ID}</MessageId>`,
        `<MessageBodyMD5>${MD5}</MessageBodyMD5>`,
        '<MessageBody>x</MessageBody>',
        '<EnqueueTime>1790299715872</EnqueueTime>',
        '<FirstDequeueTime>1790299718877</FirstDequeueTime>',
        '<DequeueCount>0</DequeueCount>',
        '<Priority>8</Priority>',
      ]
        .map((line) => `${indent}${line}\n`)
        .join('');
    const start = '<?xml version="1.0" ?>\n';
    const namespace = 'xmlns="http://mns.aliyuncs.com/doc/v1"';
    expect(writePeekedMessage(peeked)).toBe(`${start}<Message ${namespace}>\n${children('  ')}</Message>`);
    expect(writePeekedMessages([peeked])).toBe(
      `${start}<Messages ${namespace}>\n  <Message>\n${children('    ')}  </Message>\n</Messages>`,
    );
  });

  it('brings every body back as it was sent', () => {
    const body = ' <x>&amp;\r\n\t"喜鹊" 🐦]]> ';
    const sent = Buffer.from(writeReceivedMessage({ ...RECEIVED, body }));
    expect(readSend(sent).messages[0]?.body).toBe(body);
  });
});

describe('answers about receipt handles', () => {
  it('writes the new handle and time', () => {
    expect(writeChangeVisibility(`${ID}-new`, 1_790_299_750_557)).toBe(`<?xml version="1.0" ?>
<ChangeVisibility xmlns="http://mns.aliyuncs.com/doc/v1">
  <ReceiptHandle>${ID}-new</ReceiptHandle>
  <NextVisibleTime>1790299750557</NextVisibleTime>
</ChangeVisibility>`);
  });

  it('writes the handles that failed, as they were sent', () => {
    const error = { handle: '1-ODU4OTkz<', code: 'ReceiptHandleError', message: 'The receipt handle you provide is not valid.' };
    expect(writeDeleteErrors([error])).toBe(`<?xml version="1.0" ?>
<Errors xmlns="http://mns.aliyuncs.com/doc/v1">
  <Error>
    <ErrorCode>ReceiptHandleError</ErrorCode>
    <ErrorMessage>The receipt handle you provide is not valid.</ErrorMessage>
    <ReceiptHandle>1-ODU4OTkz&lt;</ReceiptHandle>
  </Error>
</Errors>`);
  });
});
