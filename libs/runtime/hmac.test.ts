import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Hmac, HmacKeys } from './hmac.js';

describe('Hmac', () => {
  it.each(['sha1', 'sha256'] as const)('%s is what Node makes, for keys and texts of any length', (algorithm) => {
    for (const length of [0, 1, 20, 55, 63, 64, 65, 200]) {
      const key = randomBytes(length);
      const hmac = new Hmac(algorithm, key);
      for (const text of ['', 'a', 'GET\n\n\nÿ', 'x'.repeat(63), 'x'.repeat(64), 'y'.repeat(10_000)]) {
        const expected = createHmac(algorithm, key).update(text, 'latin1').digest();
        expect(hmac.digest(text)).toEqual(expected);
        expect(hmac.digest(Buffer.from(text, 'latin1'))).toEqual(expected);
      }
    }
    expect(new Hmac(algorithm, '鍵').digest('a')).toEqual(createHmac(algorithm, '鍵').update('a').digest());
  });

  it('compares what a client sent with what fits', () => {
    const hmac = new Hmac('sha1', 'secret');
    const right = createHmac('sha1', 'secret').update('text').digest('base64');
    expect(hmac.fits('text', right, 'base64')).toBe(true);
    for (const wrong of ['', right.slice(1), `${right}=`, right.toLowerCase(), '\u0100'.repeat(right.length)]) {
      expect(hmac.fits('text', wrong, 'base64')).toBe(false);
    }
  });
});

describe('HmacKeys', () => {
  it('makes each key once, and keeps as many as it may', () => {
    const keys = new HmacKeys(2);
    const first = keys.get('a', () => new Hmac('sha1', 'a'));
    expect(keys.get('a', () => new Hmac('sha1', 'other'))).toBe(first);
    keys.get('b', () => new Hmac('sha1', 'b'));
    keys.get('c', () => new Hmac('sha1', 'c'));
    expect(keys.get('a', () => new Hmac('sha1', 'a'))).not.toBe(first);
  });
});
