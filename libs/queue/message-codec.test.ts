import { describe, expect, it } from '@jest/globals';
import { decodeMessage, encodePayload, messageSize, newMessageId, type StoredContent } from './message-codec.js';

const pack = (payload: Buffer): Buffer => {
  const header = Buffer.alloc(14);
  header[0] = 1;
  header[1] = 8;
  header.writeUIntBE(1_700_000_000_000, 2, 6);
  header.writeUIntBE(1_700_000_060_000, 8, 6);
  return Buffer.concat([header, payload]);
};

describe('a packed message', () => {
  it.each<[string, StoredContent]>([
    ['a plain body', { body: 'hello' }],
    ['text of every plane', { body: 'α 中文 🐦 \r\n\t<&>' }],
    [
      'everything at once',
      {
        body: 'x'.repeat(70_000),
        userProperties: [{ name: 'n', value: '<1>', type: 'NUMBER' }],
        systemProperties: [{ name: 'traceparent', value: '00-01', type: 'STRING' }],
        messageGroupId: 'group',
        messageTag: 'vip',
        messageAttributes: { DirectMail: '{"Subject":"s"}' },
      },
    ],
  ])('gives back %s', (_what, content) => {
    const id = newMessageId(1_700_000_000_000, 17);
    const encoded = encodePayload(id, content);
    expect(decodeMessage(pack(encoded.payload))).toEqual({
      messageId: encoded.messageId,
      bodyMd5: encoded.bodyMd5,
      priority: 8,
      enqueueTime: 1_700_000_000_000,
      expireTime: 1_700_000_060_000,
      content,
    });
  });

  it('of a later format is refused', () => {
    expect(() => decodeMessage(Buffer.from([9]))).toThrow('unknown format 9');
  });
});

describe('a message id', () => {
  it('tells time and partition, and is not given twice', () => {
    const ids = Array.from({ length: 2_000 }, () => newMessageId(1_700_000_000_000, 513));
    expect(ids[0]!.readUIntBE(0, 6)).toBe(1_700_000_000_000);
    expect(ids[0]!.readUInt16BE(6)).toBe(513);
    expect(new Set(ids.map((id) => id.toString('hex'))).size).toBe(2_000);
  });
});

describe('the size of a message', () => {
  it('counts bytes of body and properties', () => {
    expect(messageSize({ body: '中', userProperties: [{ name: 'ab', value: 'c', type: 'STRING' }] })).toBe(3 + 2 + 1 + 6);
  });
});
