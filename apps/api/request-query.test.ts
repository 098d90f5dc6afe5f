import { describe, expect, it } from '@jest/globals';
import { parseQuery, readFlag, readWholeNumber } from './request-query.js';

describe('parseQuery', () => {
  it.each<[string, Record<string, string>]>([
    ['', {}],
    ['NumOfMessages=16&waitSeconds=5', { numofmessages: '16', waitseconds: '5' }],
    ['account', { account: '' }],
    ['ReceiptHandle=a+b/c==', { receipthandle: 'a+b/c==' }],
    ['ReceiptHandle=a%2Bb%3D%3D', { receipthandle: 'a+b==' }],
    ['a=1&A=2', { a: '1' }],
    ['bad=%zz&half=%E5', { bad: '%zz', half: '%E5' }],
    ['&&=x&b=', { b: '' }],
    ['__proto__=x&constructor=y', { ['__proto__']: 'x', constructor: 'y' }],
  ])('reads %j', (text, expected) => {
    expect([...parseQuery(text)]).toEqual(Object.entries(expected));
  });
});

describe('readFlag', () => {
  it('takes true in any case', () => {
    const query = parseQuery('one=TRUE&two=true&three=1&four=');
    expect(['one', 'TWO', 'three', 'four', 'five'].map((name) => readFlag(query, name))).toEqual([true, true, false, false, false]);
  });
});

describe('readWholeNumber', () => {
  const read = (text: string) => readWholeNumber(parseQuery(text), 'waitSeconds', [0, 30], 'seconds');

  it('takes what is within the range', () => {
    expect([read(''), read('waitseconds=0'), read('WAITSECONDS=30')]).toEqual([undefined, 0, 30]);
  });

  it('tells a bad number from one out of range', () => {
    for (const text of ['waitseconds=', 'waitseconds=x', 'waitseconds=1.5', 'waitseconds=0x1']) {
      expect(() => read(text)).toThrow(expect.objectContaining({ code: 'InvalidQueryString' }));
    }
    for (const text of ['waitseconds=31', 'waitseconds=-1']) {
      expect(() => read(text)).toThrow('The value of waitSeconds should between 0 and 30 seconds.');
    }
  });
});
