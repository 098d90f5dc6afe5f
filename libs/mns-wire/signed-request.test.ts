import { describe, expect, it } from '@jest/globals';
import { checkDate, checkVersion, readDate, refuseRepeatedHeaders } from './signed-request.js';

const DATE = 'Thu, 09 Jul 2015 03:01:34 GMT';
const NOW = Date.UTC(2015, 6, 9, 3, 1, 34);

const error = (code: string, status = 400): unknown => expect.objectContaining({ name: 'MnsError', code, status });

describe('refuseRepeatedHeaders', () => {
  /** What Node makes of header lines, as far as it matters: one entry a name. */
  const check = (...names: string[]): void => {
    const headers = Object.fromEntries(names.map((name) => [name.toLowerCase(), 'x']));
    refuseRepeatedHeaders(
      names.flatMap((name) => [name, 'x']),
      headers,
    );
  };

  it.each([
    ['InvalidAuthorizationHeader', 'Authorization'],
    ['InvalidDateHeader', 'Date'],
    ['InvalidDateHeader', 'x-mns-date'],
    ['InvalidVersionHeader', 'x-mns-version'],
    ['InvalidArgument', 'x-mns-prefix'],
    ['InvalidArgument', 'Host'],
    ['InvalidArgument', 'Content-Type'],
    ['InvalidArgument', 'Content-MD5'],
  ])('answers %s for two of %s', (code, name) => {
    expect(() => check('Host1', name, 'Accept')).not.toThrow();
    expect(() => check(name, 'Accept', name.toUpperCase())).toThrow(error(code));
    expect(() => check(name, name.toUpperCase())).toThrow(name.toLowerCase());
  });

  it('lets headers repeat that mean nothing here', () => {
    expect(() => check('Via', 'Date', 'Via', 'X-Forwarded-For', 'X-Forwarded-For')).not.toThrow();
  });
});

describe('checkVersion', () => {
  it('accepts the one version', () => {
    expect(() => checkVersion({ 'x-mns-version': '2015-06-06' })).not.toThrow();
    expect(() => checkVersion({})).toThrow(error('MissingVersionHeader'));
    expect(() => checkVersion({ 'x-mns-version': '2014-07-08' })).toThrow(error('InvalidVersionHeader'));
  });
});

describe('checkDate', () => {
  const MINUTES = 60_000;

  it('accepts 15 minutes of difference either way', () => {
    expect(readDate({ date: DATE })).toBe(NOW);
    for (const now of [NOW, NOW + 15 * MINUTES, NOW - 15 * MINUTES]) expect(() => checkDate({ date: DATE }, now)).not.toThrow();
    for (const now of [NOW + 15 * MINUTES + 1, NOW - 15 * MINUTES - 1]) {
      expect(() => checkDate({ date: DATE }, now)).toThrow(error('TimeExpired', 408));
    }
  });

  it('goes by x-mns-date where it is given', () => {
    expect(() => checkDate({ date: 'Thu, 09 Jul 2009 03:01:34 GMT', 'x-mns-date': DATE }, NOW)).not.toThrow();
    expect(() => checkDate({ 'x-mns-date': 'never', date: DATE }, NOW)).toThrow(error('InvalidDateHeader'));
  });

  it('misses an absent date', () => {
    expect(() => checkDate({}, NOW)).toThrow(error('MissingDateHeader'));
  });

  it('reads a date with an offset', () => {
    expect(readDate({ date: 'Thu, 09 Jul 2015 11:01:34 +0800' })).toBe(NOW);
    expect(readDate({ 'x-mns-date': 'Wed, 08 Jul 2015 22:01:34 -0500' })).toBe(NOW);
  });

  it.each([
    'yesterday',
    '2015-07-09T03:01:34Z',
    '1436410894',
    'Thu, 09 Xyz 2015 03:01:34 GMT',
    'Thu, 09 Jul 2015 03:01:34',
    'Thu, 09 Jul 2015 25:61:61 GMT',
  ])('refuses the date %p', (date) => {
    expect(() => checkDate({ date }, NOW)).toThrow(error('InvalidDateHeader'));
  });
});
