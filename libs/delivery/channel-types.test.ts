import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { CHANNEL_TYPES, channelType } from './channel-types.js';

const DOCUMENT = readFileSync(new URL('../../docs/channels.md', import.meta.url), 'utf8');

describe('CHANNEL_TYPES', () => {
  it.each(Object.entries(CHANNEL_TYPES))('documents %s with its settings', (name, { settings }) => {
    expect(DOCUMENT).toContain(`| \`${name}\` (`);
    for (const setting of settings) expect(DOCUMENT).toMatch(new RegExp(`^\\|.*\`${setting.name}\``, 'm'));
  });

  it('knows nothing else', () => {
    for (const name of ['', 'pigeon', 'constructor', '__proto__']) expect(channelType(name)).toBeUndefined();
  });
});
