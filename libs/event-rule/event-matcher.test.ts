import { describe, expect, it } from '@jest/globals';
import { readEventMatch } from './event-match.js';
import { compileMatch, fitsWildcard } from './event-matcher.js';
import { readIntakeBody } from './intake-body.js';
import { minioBody, type MinioBody } from './minio-body.fixture.js';

function matches(condition: object, given: MinioBody = {}): boolean {
  const event = readIntakeBody(Buffer.from(minioBody(given)), { source: 'store', receivedAt: 0 }).events[0]!;
  const plain = compileMatch(readEventMatch({ any: [{ all: [condition] }] }, 'match'))(event);
  const turned = compileMatch(readEventMatch({ any: [{ all: [{ ...condition, not: true }] }] }, 'match'))(event);
  expect(turned).toBe(!plain);
  return plain;
}

describe('one condition', () => {
  it.each<[string, object, boolean]>([
    ['key: exact', { key: { exact: 'summer/a.txt' } }, true],
    ['key: exact, other letters', { key: { exact: 'Summer/A.txt' } }, false],
    ['key: exact, letters ignored', { key: { exact: 'Summer/A.txt', ignoreCase: true } }, true],
    ['key: suffix, letters ignored', { key: { suffix: '.TXT', ignoreCase: true } }, true],
    ['key: prefix and suffix', { key: { prefix: 'summer/', suffix: '.txt' } }, true],
    ['key: one of two fits', { key: { prefix: 'winter/', suffix: '.txt' } }, false],
    ['key: contains', { key: { contains: 'mer/' } }, true],
    ['key: wildcard', { key: { wildcard: '*/?.t*' } }, true],
    ['type', { contentType: { prefix: 'text/' } }, true],
    ['another type', { contentType: { prefix: 'image/' } }, false],
    ['requester', { principal: { exact: 'app-user' } }, true],
    ['client', { userAgent: { contains: 'minio-go' } }, true],
    ['size', { size: { gte: 5, lt: 6 } }, true],
    ['larger', { size: { gt: 5 } }, false],
    ['smaller', { size: { lte: 4 } }, false],
    ['address', { sourceIp: { cidr: ['192.168.0.0/16', '10.1.2.3'] } }, true],
    ['network', { sourceIp: { cidr: ['10.0.0.0/8'] } }, true],
    ['other network', { sourceIp: { cidr: ['fe80::/10', '11.0.0.0/8'] } }, false],
    ['metadata', { meta: { name: 'author', exact: 'bob' } }, true],
    ['metadata by its whole name', { meta: { name: 'X-Amz-Meta-Author', prefix: 'b' } }, true],
    ['other metadata', { meta: { name: 'editor', exact: 'bob' } }, false],
    ['metadata that is there', { meta: { name: 'author', exists: true } }, true],
    ['metadata that is not there', { meta: { name: 'editor', exists: false } }, true],
    ['a header is no metadata', { meta: { name: 'content-type', exists: true } }, false],
    ['why it is told', { origin: ['listing', 'request'] }, true],
    ['another reason', { origin: ['lifecycle'] }, false],
    ['no version', { versioned: false }, true],
    ['a version', { versioned: true }, false],
  ])('%s', (_what, condition, expected) => {
    expect(matches(condition)).toBe(expected);
  });

  it.each<[string, object]>([
    ['size', { size: { gte: 0 } }],
    ['type', { contentType: { wildcard: '*' } }],
    ['metadata', { meta: { name: 'author', wildcard: '*' } }],
  ])('is not met where a removal does not tell: %s', (_what, condition) => {
    expect(matches(condition, { eventName: 's3:ObjectRemoved:Delete', object: { sequencer: '1' } })).toBe(false);
  });

  it('knows versions', () => {
    expect(matches({ versioned: true }, { object: { versionId: 'c91ecf9c' } })).toBe(true);
    expect(matches({ versioned: true }, { object: { versionId: 'null' } })).toBe(false);
  });
});

describe('several conditions', () => {
  const met = { size: { gte: 5 } };
  const unmet = { size: { gt: 5 } };

  it.each<[object[][], boolean]>([
    [[], true],
    [[[]], true],
    [[[met, met]], true],
    [[[met, unmet]], false],
    [[[unmet], [met]], true],
    [[[unmet], [unmet]], false],
  ])('%j: %s', (lists, expected) => {
    const event = readIntakeBody(Buffer.from(minioBody()), { source: 'store', receivedAt: 0 }).events[0]!;
    expect(compileMatch(readEventMatch({ any: lists.map((all) => ({ all })) }, 'match'))(event)).toBe(expected);
  });
});

describe('fitsWildcard', () => {
  it.each([
    ['', '', true],
    ['', '*', true],
    ['a', '', false],
    ['abc', 'abc', true],
    ['abc', 'ab', false],
    ['abc', 'a*', true],
    ['abc', '*c', true],
    ['abc', '*b', false],
    ['abc', 'a*c', true],
    ['ac', 'a*c', true],
    ['abc', '?b?', true],
    ['abc', '????', false],
    ['a/b\nc', 'a*c', true],
    ['a😀c', 'a?c', true],
    ['a*c', 'a\\*c', true],
    ['abc', 'a\\*c', false],
    ['a?c', 'a\\?c', true],
    ['a\\c', 'a\\\\c', true],
    ['a\\', 'a\\', true],
    ['aXbXbc', 'a*b?', true],
    ['mississippi', 'm*iss*pi', true],
    ['mississippi', 'm*iss*pa', false],
  ])('%j fits %j: %s', (text, pattern, expected) => {
    expect(fitsWildcard(text, pattern)).toBe(expected);
  });

  it('ends on a pattern that a matcher which tries every way would never finish', () => {
    expect(fitsWildcard('a'.repeat(2_000), `${'a*'.repeat(100)}b`)).toBe(false);
  });
});
