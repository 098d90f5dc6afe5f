import { describe, expect, it } from '@jest/globals';
import { addSpan, sinceOf, type GapSpan } from './open-gap.js';

describe('addSpan', () => {
  it.each<[string, GapSpan[], GapSpan, GapSpan[]]>([
    ['leaves out what is covered', [{ since: 5 }], { since: 7, buckets: ['a'] }, [{ since: 5 }]],
    ['replaces what it covers', [{ since: 5, buckets: ['a'] }, { since: 1, buckets: ['b'] }], { since: 4 }, [{ since: 1, buckets: ['b'] }, { since: 4 }]],
    ['keeps other buckets apart', [{ since: 5, buckets: ['a'] }], { since: 7, buckets: ['b'] }, [{ since: 5, buckets: ['a'] }, { since: 7, buckets: ['b'] }]],
    ['does not take a prefix for a bucket', [{ since: 0, prefix: 'x' }], { since: 1 }, [{ since: 0, prefix: 'x' }, { since: 1 }]],
  ])('%s', (_what, spans, span, expected) => {
    expect(addSpan(spans, span)).toEqual(expected);
  });

  it('makes one of very many', () => {
    let spans: GapSpan[] = [];
    for (let index = 0; index < 30; index++) spans = addSpan(spans, { since: 100 - index, buckets: [`b${index}`] });
    expect(spans.length).toBeLessThanOrEqual(20);
    for (let index = 0; index < 30; index++) expect(sinceOf(spans, `b${index}`)).toBeLessThanOrEqual(100 - index);
  });
});

describe('sinceOf', () => {
  it('is the earliest of the spans that name the bucket, or all', () => {
    expect(sinceOf([{ since: 5 }, { since: 3, buckets: ['a'] }], 'a')).toBe(3);
    expect(sinceOf([{ since: 5 }, { since: 3, buckets: ['a'] }], 'b')).toBe(5);
    expect(sinceOf([{ since: 3, buckets: ['a'] }], 'b')).toBeUndefined();
  });
});
