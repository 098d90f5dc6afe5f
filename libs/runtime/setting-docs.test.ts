import { describe, expect, it } from '@jest/globals';
import type { Setting, SettingKind } from './setting.js';
import { environmentExample, settingsTable } from './setting-docs.js';

const allowing = (allowed: string): SettingKind<string> => ({ allowed, parse: (text) => text });

const SETTINGS: readonly Setting<unknown>[] = [
  { name: 'HUB_PORT', kind: allowing('0 to 9'), default: '7', description: 'Port.' },
  { name: 'HUB_TOKEN', kind: allowing('a|b, <c>'), description: 'Token.', secret: true },
];

describe('settingsTable', () => {
  it('has a line for each setting', () => {
    expect(settingsTable(SETTINGS).split('\n')).toEqual([
      '| variable | default | allowed | meaning |',
      '| --- | --- | --- | --- |',
      '| `HUB_PORT` | `7` | 0 to 9 | Port. |',
      '| `HUB_TOKEN` | unset | a\\|b, \\<c> | Token. Secret: its value is shown nowhere. |',
    ]);
  });
});

describe('environmentExample', () => {
  it('names each setting with its default and sets none', () => {
    const example = environmentExample(SETTINGS);
    expect(example).toContain('\n\n# Port.\n# Allowed: 0 to 9.\n#HUB_PORT=7\n\n');
    expect(example.endsWith('\n#HUB_TOKEN=\n')).toBe(true);
    expect(example.split('\n').every((line) => line === '' || line.startsWith('#'))).toBe(true);
  });

  it('breaks long remarks between words', () => {
    const words = Array.from({ length: 60 }, (_, index) => `word${index}`);
    const lines = environmentExample([{ name: 'X', kind: allowing('a'), description: words.join(' ') }]).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(lines.join(' ').replaceAll('# ', '')).toContain(words.join(' '));
  });
});
