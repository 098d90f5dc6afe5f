import { describe, expect, it } from '@jest/globals';
import { answerText } from './answer-text.js';

describe('answerText', () => {
  it.each([
    ['thank you\r\n\tbye', 'thank you\r\n\tbye'],
    ['谢谢 🐦', '谢谢 🐦'],
    ['', ''],
    ['\u001b[31mred\u0007\u0000', '\ufffd[31mred\ufffd\ufffd'],
    ['a\u202eb\u2066c\u0085', 'a\ufffdb\ufffdc\ufffd'],
  ])('shows %j as %j', (given, shown) => {
    expect(answerText(Buffer.from(given))).toBe(shown);
  });

  it('replaces what is no UTF-8', () => {
    expect(answerText(Buffer.of(0x61, 0xff, 0xfe, 0x62))).toBe('a\ufffd\ufffdb');
  });

  it('cuts at 1,024 bytes, and no character in half', () => {
    expect(answerText(Buffer.from('x'.repeat(5_000)))).toBe('x'.repeat(1_024));
    expect(answerText(Buffer.from('喜'.repeat(1_000)))).toBe('喜'.repeat(341));
    expect(Buffer.byteLength(answerText(Buffer.alloc(2_000, 0xff)))).toBeLessThanOrEqual(1_024);
  });
});
