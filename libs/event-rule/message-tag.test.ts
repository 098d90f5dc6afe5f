import { describe, expect, it } from '@jest/globals';
import { readDescribedEvent } from './described-event.js';
import { isTagTemplate, messageTagOf, unknownPlaceholders } from './message-tag.js';

function tagOf(tag: string, key: string, more: object = {}): string | undefined {
  return messageTagOf(tag, readDescribedEvent({ bucket: 'photos', key, ...more }, 'store', 0));
}

describe('messageTagOf', () => {
  it.each<[string, string, string | undefined]>([
    ['{ext}', 'a/b.JPG', 'jpg'],
    ['{ext}', 'a.tar.gz', 'gz'],
    ['{ext}', 'a.b/c', undefined],
    ['{ext}', '.profile', undefined],
    ['{ext}', 'a/.profile', undefined],
    ['{ext}', 'a.', undefined],
    ['{ext}', 'folder.d/', undefined],
    ['{segment1}', 'summer/2026/a.jpg', 'summer'],
    ['{segment2}', 'summer/2026/a.jpg', '2026'],
    ['{segment3}', 'summer/2026/a.jpg', undefined],
    ['{segment1}', 'a.jpg', undefined],
    ['{segment1}', '/a.jpg', undefined],
    ['{segment1}.{ext}', 'a.jpg', '.jpg'],
    ['{bucket}-{segment1}', 'in/a', 'photos-in'],
    ['{event}', 'a', 'PutObject'],
    ['{group}', 'a', 'ObjectCreated'],
    ['{source}', 'a', 'store'],
    ['{segment1}', 'my dir/a', 'my_dir'],
    ['{segment1}', 'a+b&c/a', 'a_b_c'],
    ['{segment1}', '图片/a', '图片'],
    ['{segment1}', 'a-name-that-is-too-long/a', 'a-name-that-is-t'],
    ['{segment1}', `${'a'.repeat(15)}😀/a`, `${'a'.repeat(15)}_`],
    ['{segment1}', `${'a'.repeat(15)}\u{20000}/a`, 'a'.repeat(15)],
    ['x{segment1}x', '{ext}/a.b', 'x_ext_x'],
  ])('%s of %s: %s', (tag, key, expected) => {
    expect(tagOf(tag, key)).toBe(expected);
  });

  it('tells the kind of content', () => {
    expect(tagOf('{type}', 'a', { contentType: 'Image/PNG; q=1' })).toBe('image');
    expect(tagOf('{type}', 'a')).toBeUndefined();
  });

  it.each(['photo', 'my tag!', '{', '{}', '{unknown}', '{segment0}', '{segment10}', '{toString}', '图片 {x}'])('leaves the constant %s as it is', (tag) => {
    expect(isTagTemplate(tag)).toBe(false);
    expect(tagOf(tag, 'a/b.c')).toBe(tag);
  });

  it('says what is no placeholder', () => {
    expect(unknownPlaceholders('{ext}-{extension}-{segment1}')).toEqual(['{extension}']);
  });

  it.each([String.raw`a`.repeat(500), '/'.repeat(900), '\ud83d'.repeat(40), '\x00/\n'])('always makes a tag that fits', (key) => {
    const tag = tagOf('{segment1}{ext}{bucket}', key);
    expect(tag!.length).toBeLessThanOrEqual(16);
    expect(tag).not.toBe('');
  });
});
