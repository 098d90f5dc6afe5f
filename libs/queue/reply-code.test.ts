import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { ReplyCode } from './reply-code.js';

it('has the codes that the scripts answer', () => {
  const lua = readFileSync(new URL('./commands/includes/constants.lua', import.meta.url), 'utf8');
  const [, names = '', values = ''] = /^local ([A-Z, ]+) = ([\d, ]+)$/m.exec(lua) ?? [];
  const numbers = values.split(', ').map(Number);
  expect(Object.fromEntries(names.split(', ').map((name, index) => [name, numbers[index]]))).toEqual({ ...ReplyCode });
});
