import { describe, expect, it } from '@jest/globals';
import { truncateToFit, truncationMark } from './text-fit.js';

const within = (bytes: number) => (text: string) => Buffer.byteLength(text) <= bytes;

describe('truncateToFit', () => {
  it('leaves alone what fits', () => {
    expect(truncateToFit('hello', within(5))).toBe('hello');
    expect(truncateToFit('', within(0))).toBe('');
  });

  it.each(['a', 'é', '喜', '🐦'])('cuts a text of %s between characters and says so', (character) => {
    const text = character.repeat(1_000);
    for (const bytes of [60, 61, 62, 63, 64]) {
      const cut = truncateToFit(text, within(bytes))!;
      const kept = cut.slice(0, -truncationMark(1_000).length);
      expect(cut).toBe(kept + truncationMark(1_000));
      expect(kept).toBe(character.repeat([...kept].length));
      const used = Buffer.byteLength(cut);
      expect(used).toBeLessThanOrEqual(bytes);
      expect(used + Buffer.byteLength(character)).toBeGreaterThan(bytes);
    }
  });

  it('answers nothing where the mark itself has no room', () => {
    expect(truncateToFit('x'.repeat(100), within(10))).toBeUndefined();
  });
});
