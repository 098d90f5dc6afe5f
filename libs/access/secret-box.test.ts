import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { SecretBox, SecretUnreadable } from './secret-box.js';

describe('SecretBox', () => {
  const box = new SecretBox(randomBytes(32));

  it.each(['', 'secret', '喜鹊 🐦'])('gives back what it sealed: %p', (text) => {
    expect(box.open(box.seal(text, 'key-1'), 'key-1')).toBe(text);
  });

  it('shows nothing of the text, and never the same twice', () => {
    const sealed = box.seal('secret', 'key-1');
    expect(sealed).toMatch(/^1:[A-Za-z0-9+/]+=*$/);
    expect(Buffer.from(sealed.slice(2), 'base64').includes('secret')).toBe(false);
    expect(box.seal('secret', 'key-1')).not.toBe(sealed);
  });

  it('refuses what was sealed with another key or for another context', () => {
    const sealed = box.seal('secret', 'key-1');
    expect(() => new SecretBox(randomBytes(32)).open(sealed, 'key-1')).toThrow(SecretUnreadable);
    expect(() => box.open(sealed, 'key-2')).toThrow(SecretUnreadable);
  });

  it('refuses every change of a single byte, and what was cut off', () => {
    const bytes = Buffer.from(box.seal('secret', 'key-1').slice(2), 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => box.open(`1:${changed.toString('base64')}`, 'key-1')).toThrow(SecretUnreadable);
      expect(() => box.open(`1:${bytes.subarray(0, at).toString('base64')}`, 'key-1')).toThrow(SecretUnreadable);
    }
  });

  it.each(['', 'secret', '2:AAAA', '1:', '1:!!'])('refuses %p, which it never wrote', (sealed) => {
    expect(() => box.open(sealed, 'key-1')).toThrow(SecretUnreadable);
  });

  it('takes keys of 32 bytes only', () => {
    expect(() => new SecretBox(randomBytes(16))).toThrow('32 bytes');
  });
});
