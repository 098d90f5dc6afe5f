import { describe, expect, it } from '@jest/globals';
import { readObjectEvent } from './object-event.js';
import { TextIndex } from './text-index.js';

const T1 = '2026-11-22T14:00:00.000Z';
const T2 = '2026-11-22T14:00:00.001Z';

function wordsOf(index: TextIndex): unknown {
  return (JSON.parse(index.toJson()) as { words: unknown }).words;
}

describe('TextIndex', () => {
  it('leads from words to objects', () => {
    const index = new TextIndex();
    index.put('b', 'The magpie; the 喜鹊!', T1);
    index.put('a', 'MAGPIE constructor', T1);
    expect(wordsOf(index)).toEqual({ constructor: ['a'], magpie: ['a', 'b'], the: ['b'], 喜鹊: ['b'] });
  });

  it('says whether anything changed', () => {
    const index = new TextIndex();
    expect(index.put('a', 'one', T1)).toBe(true);
    expect(index.put('a', 'one', T1)).toBe(false);
    expect(index.put('a', 'two', T1)).toBe(true);
    expect(index.remove('a')).toBe(true);
    expect(index.remove('a')).toBe(false);
    expect(wordsOf(index)).toEqual({});
  });

  it('knows what is older than it', () => {
    const index = new TextIndex();
    index.put('a', 'one', T2);
    expect([index.isNewerThan('a', T1), index.isNewerThan('a', T2), index.isNewerThan('b', T1)]).toEqual([true, false, false]);
  });

  it('goes on where it was written', () => {
    const index = new TextIndex();
    index.put('__proto__', 'one', T2);
    const again = new TextIndex(index.toJson());
    expect(again.toJson()).toBe(index.toJson());
    expect(again.isNewerThan('__proto__', T1)).toBe(true);
  });

  it('holds files without words', () => {
    const index = new TextIndex();
    index.put('empty', '', T1);
    expect(wordsOf(index)).toEqual({});
  });
});

describe('readObjectEvent', () => {
  it('takes what it needs', () => {
    const event = { eventName: 'ObjectCreated:PutObject', eventTime: T1, oss: { bucket: { name: 'b' }, object: { key: '喜 鹊' } } };
    const body = Buffer.from(JSON.stringify({ events: [event] })).toString('base64');
    expect(readObjectEvent(body)).toEqual({ bucket: 'b', key: '喜 鹊', time: T1 });
  });

  it.each(['', 'hello', '{}', '{"events":[{}]}', 'null'])('refuses %j', (text) => {
    expect(() => readObjectEvent(Buffer.from(text).toString('base64'))).toThrow();
  });
});
