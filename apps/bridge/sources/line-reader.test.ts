import { describe, expect, it } from '@jest/globals';
import { LineReader } from './line-reader.js';

function read(chunks: readonly (string | Buffer)[], longest = 100): { lines: string[]; tooLong: number; begun: number } {
  const lines: string[] = [];
  let tooLong = 0;
  const reader = new LineReader(longest, (line) => lines.push(line.toString()), () => tooLong++);
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return { lines, tooLong, begun: reader.begun };
}

describe('LineReader', () => {
  it('finds lines wherever the chunks end', () => {
    expect(read(['a\nb', '', 'c\n', '\n', 'd'])).toEqual({ lines: ['a', 'bc', ''], tooLong: 0, begun: 1 });
    const bytes = Buffer.from('中文😀\n');
    expect(read(Array.from(bytes, (byte) => Buffer.of(byte))).lines).toEqual(['中文😀']);
  });

  it('throws a line away that is too long, once told, and reads the next', () => {
    expect(read(['x'.repeat(6), 'x'.repeat(60), '\nshort\n'], 10)).toEqual({ lines: ['short'], tooLong: 1, begun: 0 });
    expect(read([`${'x'.repeat(10)}\n${'x'.repeat(11)}\n`], 10)).toEqual({ lines: ['x'.repeat(10)], tooLong: 1, begun: 0 });
  });
});
