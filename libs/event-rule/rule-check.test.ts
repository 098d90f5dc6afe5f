import { describe, expect, it } from '@jest/globals';
import { readEventRule } from './event-rule.js';
import { checkRule } from './rule-check.js';

const ENDPOINT = { endpointType: 'topic', endpointValue: 'news' };

function check(document: object) {
  return checkRule(readEventRule('rule', { eventTypes: ['ObjectCreated:*'], endpoint: ENDPOINT, ...document }));
}

const any = (...all: object[]) => ({ match: { any: [{ all }] } });

describe('a rule that can never match', () => {
  it.each<[string, string, object]>([
    ['a prefix that is excluded', 'matchRules[0]', { matchRules: [[{ prefix: 'b/a/' }, { matchState: false, prefix: 'b/' }]] }],
    ['a suffix that is excluded', 'matchRules[0]', { matchRules: [[{ prefix: 'b/', suffix: '.tar.gz' }, { matchState: false, suffix: '.gz' }]] }],
    ['a name that is excluded', 'matchRules[0]', { matchRules: [[{ name: 'b/a.jpg' }, { matchState: false, prefix: 'b/', suffix: 'jpg' }]] }],
    ['a bucket that is excluded', 'matchRules[0]', { matchRules: [[{ name: 'b' }, { matchState: false, name: 'b' }]] }],
    ['everything is excluded', 'matchRules[0]', { matchRules: [[{ matchState: false, prefix: '' }]] }],
    ['two names', 'matchRules[0]', { matchRules: [[{ name: 'b/a' }, { name: 'b/c' }]] }],
    ['a name with another prefix', 'matchRules[0]', { matchRules: [[{ name: 'b/a' }, { prefix: 'c/' }]] }],
    ['two buckets', 'matchRules[0]', { matchRules: [[{ prefix: 'b' }, { prefix: 'c' }]] }],
    ['two suffixes', 'matchRules[0]', { matchRules: [[{ suffix: '.jpg' }, { suffix: '.png' }]] }],
    ['a slash in front', 'matchRules[0]', { matchRules: [[{ prefix: '/photos/' }]] }],
    ['a bucket with an empty key', 'matchRules[0]', { matchRules: [[{ name: 'photos/' }]] }],
    ['every list for a reason of its own', 'matchRules[0]', { matchRules: [[{ prefix: '/a' }], [{ name: 'b/a' }, { name: 'b/c' }]] }],
    ['a size that is none', 'match.any[0]', any({ size: { gt: 10, lt: 10 } })],
    ['a size between two neighbours', 'match.any[0]', any({ size: { gt: 10, lt: 11 } })],
    ['sizes of two conditions', 'match.any[0]', any({ size: { gte: 10 } }, { size: { lte: 9 } })],
    ['a size below nothing', 'match.any[0]', any({ size: { lt: 0 } })],
    ['a key with another prefix', 'match.any[0]', any({ key: { exact: 'a', prefix: 'b' } })],
    ['a key with another wildcard', 'match.any[0]', any({ key: { exact: 'a' } }, { key: { wildcard: 'b*' } })],
    ['two prefixes', 'match.any[0]', any({ key: { prefix: 'a' } }, { key: { prefix: 'b' } })],
    ['two types', 'match.any[0]', any({ contentType: { prefix: 'image/' } }, { contentType: { prefix: 'video/' } })],
    ['metadata with two values', 'match.any[0]', any({ meta: { name: 'a', exact: '1' } }, { meta: { name: 'A', exact: '2' } })],
    ['a tag that must and must not be there', 'match.any[0]', any({ tag: { name: 'a', exact: '1' } }, { tag: { name: 'a', exists: false } })],
    ['with and without version', 'match.any[0]', any({ versioned: true }, { versioned: false })],
    ['a condition and its opposite', 'match.any[0]', any({ sourceIp: { cidr: ['::1'] } }, { not: true, sourceIp: { cidr: ['::1'] } })],
    ['sizes of removals', 'match.any[0]', { eventTypes: ['ObjectRemoved:*'], ...any({ size: { gt: 1 } }) }],
    ['types of removals', 'match.any[0]', { eventTypes: ['ObjectRemoved:DeleteObject'], ...any({ contentType: { wildcard: '*' } }) }],
    ['a key outside of matchRules', 'match.any[0]', { matchRules: [[{ prefix: 'b/in/' }]], ...any({ key: { prefix: 'out/' } }) }],
    ['a key of another name', 'match.any[0]', { matchRules: [[{ name: 'b/in/a' }]], ...any({ key: { exact: 'in/b' } }) }],
    ['a key with another end', 'match.any[0]', { matchRules: [[{ prefix: 'b/', suffix: '.jpg' }]], ...any({ key: { exact: 'a.png' } }) }],
  ])('is refused: %s', (_what, at, document) => {
    const { contradiction } = check(document);
    expect(contradiction?.at).toBe(at);
    expect(contradiction?.reason).not.toBe('');
  });
});

describe('a rule that can match', () => {
  it.each<[string, object]>([
    ['nothing asked for', {}],
    ['no entries', { match: { any: [] } }],
    ['an entry without conditions', any()],
    ['an exception inside a prefix', { matchRules: [[{ prefix: 'b/' }, { matchState: false, prefix: 'b/tmp/' }]] }],
    ['an exception for part of the suffix', { matchRules: [[{ suffix: '.gz' }, { matchState: false, suffix: '.tar.gz' }]] }],
    ['an exception for one name', { matchRules: [[{ prefix: 'b/' }, { matchState: false, name: 'b/x' }]] }],
    ['nested prefixes', { matchRules: [[{ prefix: 'b/' }, { prefix: 'b/a/' }, { suffix: 'g' }, { suffix: '.jpg' }]] }],
    ['prefix and suffix that overlap', { matchRules: [[{ prefix: 'b/a.j', suffix: 'a.jpg' }]] }],
    ['a suffix with a slash in front', { matchRules: [[{ suffix: '/index.html' }]] }],
    ['one size', any({ size: { gte: 10, lte: 10 } })],
    ['one size between', any({ size: { gt: 9, lt: 11 } })],
    ['an empty object', any({ size: { lte: 0 } })],
    ['a key in other letters', any({ key: { exact: 'A.JPG', suffix: '.jpg', ignoreCase: true } })],
    ['a key under its prefix', { matchRules: [[{ prefix: 'b/in/' }]], ...any({ key: { prefix: 'in/2026/' } }) }],
    ['a key above its prefix', { matchRules: [[{ prefix: 'b/in/2026/' }]], ...any({ key: { prefix: 'in/' } }) }],
    ['a key in one of two buckets', { matchRules: [[{ prefix: 'b/in/' }], [{ prefix: 'c' }]], ...any({ key: { prefix: 'out/' } }) }],
    ['removals that lack metadata', { eventTypes: ['ObjectRemoved:*'], ...any({ meta: { name: 'a', exists: false } }) }],
    ['removals or small objects', { eventTypes: ['ObjectRemoved:*', 'ObjectCreated:*'], ...any({ size: { lt: 9 } }) }],
    ['removals of no large size', { eventTypes: ['ObjectRemoved:*'], ...any({ not: true, size: { gt: 9 } }) }],
  ])('is taken without a word: %s', (_what, document) => {
    expect(check(document)).toEqual({ warnings: [] });
  });
});

describe('warnings', () => {
  it('names events that may never come', () => {
    const { warnings } = check({ eventTypes: ['ObjectCreated:*', 'ObjectCreated:AppendObject', 'ObjectCreated:InitiateMultipartUpload', 'ObjectReplication:*'] });
    expect(warnings).toEqual([
      'eventTypes[1] ObjectCreated:AppendObject may never come: no S3-compatible store reports it',
      'eventTypes[2] ObjectCreated:InitiateMultipartUpload may never come: only Ceph reports it',
      'eventTypes[3] ObjectReplication:* may never come: only Ceph reports it, others where mapping.replication is source',
    ]);
    expect(check({ eventTypes: ['ObjectReplication:*'], mapping: { replication: 'source' } }).warnings).toEqual([]);
  });

  it('names the part of a rule that can never be met', () => {
    const { contradiction, warnings } = check({ matchRules: [[{ prefix: '/a' }], [{ prefix: 'a/' }]] });
    expect(contradiction).toBeUndefined();
    expect(warnings).toEqual(['matchRules[0] can never be met: a resource begins with a bucket, never with a slash']);
  });

  it('names what is no placeholder', () => {
    expect(check({ messageTag: '{extension}' }).warnings).toEqual(['messageTag: {extension} is no placeholder and stays as it is']);
  });
});
