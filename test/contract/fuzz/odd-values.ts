import type { Random } from './random.js';

/** Texts that have broken programs before: as names, numbers, handles, markers. */
const TEXTS = [
  '',
  ' ',
  '\0',
  '%00',
  '%zz',
  '%C3%28',
  '%ED%A0%80',
  '..',
  '../../etc/passwd',
  '//',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'undefined',
  'null',
  'true',
  'FALSE',
  '{}',
  '[]',
  '*',
  '\\',
  "'; FLUSHALL; '",
  '\u00e9\u00ff',
  '-',
  '-x',
  'x-',
  'a:b',
  'acs:mns:r:1:queues/fuzz-1',
  'http://127.0.0.1:9/',
  '1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA==',
] as const;

const NUMBERS = [
  '-1',
  '0',
  '-0',
  '1',
  '2',
  '16',
  '17',
  '30',
  '31',
  '+5',
  '00000000000000000001',
  '1.5',
  '1e1',
  '1e308',
  'Infinity',
  'NaN',
  '0x10',
  '2147483648',
  '4294967296',
  '9007199254740993',
  '-9223372036854775809',
  '99999999999999999999999999',
  '\u0661\u0662',
  ' 5 ',
] as const;

export function oddText(random: Random): string {
  if (random.chance(0.1)) return random.pick(['x', '%41', '\u00e9', '/']).repeat(random.pick([121, 257, 5_000]));
  return random.pick(TEXTS);
}

export function oddNumber(random: Random): string {
  return random.chance(0.8) ? random.pick(NUMBERS) : oddText(random);
}
