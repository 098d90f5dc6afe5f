import { describe, expect, it } from '@jest/globals';
import { minioBody, minioRecord } from '#event-rule/minio-body.fixture.js';
import { journalOrderOf, orderOf, readBody } from './event-pipeline.js';

const bodyOf = (text: string | Buffer) => ({ source: 'store', receivedAt: 1, bytes: Buffer.from(text) });

describe('the order of a body in the journal', () => {
  it.each(['a', 'summer/a b.txt', 'a+b', '100%', '中文/日本 語', 'quoted "so"', 'back\\slash', '\u0001', '__proto__'])('of the key %j is that of its event', (key) => {
    const body = bodyOf(minioBody({ key }));
    expect(journalOrderOf(body)).toBe(`store/photos/${key}`);
    expect(journalOrderOf(body)).toBe(orderOf('store', readBody(body)));
  });

  it('is read from the record where there is no envelope', () => {
    expect(journalOrderOf(bodyOf(JSON.stringify({ Records: [minioRecord({ key: 'bare' })] })))).toBe('store/photos/bare');
  });

  it.each(['', '{"Key":"', '{"Key":', 'not JSON', Buffer.from([0xff, 0xfe])])('of what cannot be read is the source', (text) => {
    expect(journalOrderOf(bodyOf(text))).toBe('store');
  });
});
