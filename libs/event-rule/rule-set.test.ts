import { describe, expect, it } from '@jest/globals';
import type { BucketEvent } from './bucket-event.js';
import type { OssEventName } from './event-name.js';
import { readEventRule, type EventRule } from './event-rule.js';
import { readIntakeBody } from './intake-body.js';
import { minioBody } from './minio-body.fixture.js';
import { RuleSet } from './rule-set.js';
import { whyNot } from './rule-verdict.js';

const ACCOUNT = '1234567890123456';
const ENDPOINT = { endpointType: 'queue', endpointValue: 'work' };

function rule(name: string, document: object = {}): EventRule {
  return readEventRule(name, { eventTypes: ['ObjectCreated:*'], endpoint: ENDPOINT, ...document });
}

function event(resource: string, eventName: OssEventName = 'ObjectCreated:PutObject', source = 'store'): BucketEvent {
  const slash = resource.indexOf('/');
  const body = minioBody({ bucket: resource.slice(0, slash), key: resource.slice(slash + 1) });
  return { ...readIntakeBody(Buffer.from(body), { source, receivedAt: 0 }).events[0]!, eventName };
}

function matches(document: object, given: BucketEvent): boolean {
  const one = rule('rule', document);
  const found = RuleSet.of([{ account: ACCOUNT, rule: one }]).match(ACCOUNT, given).length === 1;
  expect(whyNot(one, given) === undefined).toBe(found);
  return found;
}

describe('matchRules', () => {
  it.each<[string, unknown, string, boolean]>([
    ['nothing to match', [], 'photos/a.jpg', true],
    ['an empty list of conditions', [[]], 'photos/a.jpg', true],
    ['a bucket as name', [[{ name: 'photos' }]], 'photos/a.jpg', true],
    ['another bucket whose name begins the same', [[{ name: 'photos' }]], 'photos2/a.jpg', false],
    ['a bucket as prefix', [[{ prefix: 'photos' }]], 'photos/a.jpg', true],
    ['another bucket, as prefix', [[{ prefix: 'photos' }]], 'photos2/a.jpg', false],
    ['an exact name', [[{ name: 'photos/a.jpg' }]], 'photos/a.jpg', true],
    ['more than the exact name', [[{ name: 'photos/a.jpg' }]], 'photos/a.jpg2', false],
    ['a prefix', [[{ prefix: 'photos/summer/' }]], 'photos/summer/a.jpg', true],
    ['the prefix alone', [[{ prefix: 'photos/summer/' }]], 'photos/summer/', true],
    ['another prefix', [[{ prefix: 'photos/summer/' }]], 'photos/winter/a.jpg', false],
    ['a suffix', [[{ suffix: '.jpg' }]], 'photos/a.jpg', true],
    ['a suffix of several parts', [[{ suffix: 'summer/a.jpg' }]], 'photos/2026/summer/a.jpg', true],
    ['another suffix', [[{ suffix: '.jpg' }]], 'photos/a.png', false],
    ['a suffix in other letters', [[{ suffix: '.jpg' }]], 'photos/a.JPG', false],
    ['prefix and suffix', [[{ prefix: 'photos/a', suffix: '.jpg' }]], 'photos/a.jpg', true],
    ['prefix without suffix', [[{ prefix: 'photos/a', suffix: '.jpg' }]], 'photos/a.png', false],
    ['prefix and suffix that overlap', [[{ prefix: 'photos/a.j', suffix: 'a.jpg' }]], 'photos/a.jpg', true],
    ['an empty prefix', [[{ prefix: '', suffix: '.jpg' }]], 'photos/a.jpg', true],
    ['one of two lists', [[{ prefix: 'photos/a' }], [{ prefix: 'photos/b' }]], 'photos/b', true],
    ['none of two lists', [[{ prefix: 'photos/a' }], [{ prefix: 'photos/b' }]], 'photos/c', false],
    ['all conditions of a list', [[{ prefix: 'photos/' }, { suffix: '.jpg' }]], 'photos/a.jpg', true],
    ['one condition of a list', [[{ prefix: 'photos/' }, { suffix: '.jpg' }]], 'photos/a.png', false],
    ['what must not match', [[{ prefix: 'photos/' }, { matchState: false, suffix: '.tmp' }]], 'photos/a.jpg', true],
    ['what must not match and does', [[{ prefix: 'photos/' }, { matchState: false, suffix: '.tmp' }]], 'photos/a.tmp', false],
    ['only what must not match', [[{ matchState: false, prefix: 'photos/' }]], 'videos/a', true],
    ['prefix and suffix that must not both match', [[{ matchState: false, prefix: 'photos/a', suffix: '.jpg' }]], 'photos/a.png', true],
    ['a star is a star', [[{ prefix: 'photos/*' }]], 'photos/a', false],
    ['a star is itself', [[{ prefix: 'photos/*' }]], 'photos/*a', true],
    ['composed is not decomposed', [[{ name: 'photos/\u00e9' }]], 'photos/e\u0301', false],
    ['a key with blanks and plus', [[{ name: 'photos/a b+c' }]], 'photos/a b+c', true],
    ['a prefix that must match in two conditions', [[{ prefix: 'photos/' }, { prefix: 'photos/summer/' }]], 'photos/a', false],
  ])('%s', (_what, matchRules, resource, expected) => {
    expect(matches({ matchRules }, event(resource))).toBe(expected);
  });
});

describe('eventTypes', () => {
  it.each<[string[], OssEventName, boolean]>([
    [['ObjectCreated:PutObject'], 'ObjectCreated:PutObject', true],
    [['ObjectCreated:PutObject'], 'ObjectCreated:PostObject', false],
    [['ObjectCreated:*'], 'ObjectCreated:CompleteMultipartUpload', true],
    [['ObjectCreated:*'], 'ObjectModified:UpdateObjectMeta', false],
    [['ObjectRemoved:*', 'ObjectDownloaded:GetObject'], 'ObjectDownloaded:GetObject', true],
    [['ObjectRemoved:DeleteObjects'], 'ObjectRemoved:DeleteObject', true],
    [['ObjectRemoved:AbortMultipartUpload'], 'ObjectRemoved:DeleteObject', false],
  ])('%j and %s: %s', (eventTypes, eventName, expected) => {
    expect(matches({ eventTypes }, event('photos/a', eventName))).toBe(expected);
  });

  it('does not fire for an event that OSS does not have', () => {
    const { events } = readIntakeBody(Buffer.from(minioBody({ eventName: 's3:ObjectAccessed:Head' })), { source: 'store', receivedAt: 0 });
    expect(matches({}, events[0]!)).toBe(false);
  });
});

describe('RuleSet', () => {
  it('matches only events from the sources of the rule', () => {
    expect(matches({ sources: ['store'] }, event('photos/a'))).toBe(true);
    expect(matches({ sources: ['other'] }, event('photos/a'))).toBe(false);
  });

  it('leaves disabled rules out', () => {
    expect(matches({ enabled: false }, event('photos/a'))).toBe(false);
  });

  it('keeps accounts apart', () => {
    const rules = RuleSet.of([{ account: ACCOUNT, rule: rule('mine') }, { account: '6543210987654321', rule: rule('theirs') }]);
    expect(rules.match(ACCOUNT, event('photos/a')).map(({ name }) => name)).toEqual(['mine']);
    expect(rules.match('0000000000000000', event('photos/a'))).toEqual([]);
    expect(rules.get(ACCOUNT, 'theirs')).toBeUndefined();
  });

  it('names every matching rule once, in order', () => {
    const both = rule('b-twice', { matchRules: [[{ prefix: 'photos/' }], [{ suffix: '.jpg' }], [{ name: 'photos/a.jpg' }]] });
    const rules = RuleSet.of([both, rule('c'), rule('a', { matchRules: [[{ suffix: 'jpg' }]] })].map((one) => ({ account: ACCOUNT, rule: one })));
    expect(rules.match(ACCOUNT, event('photos/a.jpg')).map(({ name }) => name)).toEqual(['a', 'b-twice', 'c']);
  });

  it('says which part of a rule an event fails', () => {
    const given = event('photos/a');
    expect(whyNot(rule('r', { enabled: false }), given)).toBe('enabled');
    expect(whyNot(rule('r', { eventTypes: ['ObjectRemoved:*'] }), given)).toBe('eventTypes');
    expect(whyNot(rule('r', { sources: ['other'] }), given)).toBe('sources');
    expect(whyNot(rule('r', { matchRules: [[{ name: 'b' }]] }), given)).toBe('matchRules');
    expect(whyNot(rule('r', { match: { any: [{ all: [{ size: { gt: 5 } }] }] } }), given)).toBe('match');
  });
});

describe('mapping', () => {
  const stored = (eventName: string, object: object = { size: 1, eTag: 'ab' }) =>
    readIntakeBody(Buffer.from(minioBody({ eventName, object: { ...object } })), { source: 'store', receivedAt: 0 }).events[0]!;

  it('drops delete markers for rules that say so', () => {
    const marker = stored('s3:ObjectRemoved:DeleteMarkerCreated');
    const eventTypes = ['ObjectRemoved:*'];
    expect(matches({ eventTypes }, marker)).toBe(true);
    expect(matches({ eventTypes, mapping: { deleteMarkers: 'drop' } }, marker)).toBe(false);
    expect(matches({ eventTypes, mapping: { deleteMarkers: 'drop' } }, stored('s3:ObjectRemoved:Delete'))).toBe(true);
  });

  it('tells replications to rules that ask for them', () => {
    const eventName = 's3:Replication:OperationCompletedReplication';
    const mapping = { replication: 'source' };
    expect(matches({ eventTypes: ['ObjectReplication:*'] }, stored(eventName))).toBe(false);
    expect(matches({ eventTypes: ['ObjectReplication:ObjectCreated'], mapping }, stored(eventName))).toBe(true);
    expect(matches({ eventTypes: ['ObjectReplication:ObjectRemoved'], mapping }, stored(eventName, {}))).toBe(true);
    expect(matches({ eventTypes: ['ObjectReplication:*'], mapping }, stored('s3:Replication:OperationFailedReplication'))).toBe(false);
  });
});

describe('tags', () => {
  const asking = rule('asking', { matchRules: [[{ prefix: 'photos/' }]], match: { any: [{ all: [{ tag: { name: 'team', exact: 'media' } }] }] } });
  const rules = RuleSet.of([asking, rule('plain')].map((one) => ({ account: ACCOUNT, rule: one })));
  const names = (given: BucketEvent) => rules.match(ACCOUNT, given).map(({ name }) => name);

  it('are asked for where they decide', () => {
    expect(rules.askingTags(ACCOUNT, event('photos/a'))).toEqual([asking]);
    expect(rules.askingTags(ACCOUNT, event('videos/a'))).toEqual([]);
    expect(rules.askingTags(ACCOUNT, event('photos/a', 'ObjectRemoved:DeleteObject'))).toEqual([]);
    expect(rules.askingTags(ACCOUNT, { ...event('photos/a'), tags: {} })).toEqual([]);
  });

  it('decide', () => {
    expect(names({ ...event('photos/a'), tags: { team: 'media' } })).toEqual(['asking', 'plain']);
    expect(names({ ...event('photos/a'), tags: { Team: 'media' } })).toEqual(['plain']);
    expect(names({ ...event('photos/a'), tags: { constructor: 'media' } })).toEqual(['plain']);
    expect(names(event('photos/a'))).toEqual(['plain']);
  });
});

describe('changes', () => {
  const set = (count: number) => RuleSet.of(Array.from({ length: count }, (_, index) => ({ account: ACCOUNT, rule: rule(`r-${index}`, { matchRules: [[{ prefix: `b/${index}/` }]] }) })));
  const put = (name: string, document: object) => ({ account: ACCOUNT, name, rule: rule(name, document) });
  const names = (rules: RuleSet, resource: string) => rules.match(ACCOUNT, event(resource)).map(({ name }) => name);

  it('make a new state and leave the old one as it is', () => {
    const before = set(10);
    const after = before.with([put('r-3', { matchRules: [[{ prefix: 'b/new/' }]] }), put('r-new', {}), { account: ACCOUNT, name: 'r-4' }]);
    expect([names(before, 'b/3/x'), names(before, 'b/4/x'), names(before, 'b/new/x')]).toEqual([['r-3'], ['r-4'], []]);
    expect([names(after, 'b/3/x'), names(after, 'b/4/x'), names(after, 'b/new/x')]).toEqual([['r-new'], ['r-new'], ['r-3', 'r-new']]);
    expect([before.get(ACCOUNT, 'r-new'), after.get(ACCOUNT, 'r-4')]).toEqual([undefined, undefined]);
    expect(after.get(ACCOUNT, 'r-new')?.name).toBe('r-new');
  });

  it('can be many, one after the other', () => {
    let rules = set(50);
    for (let index = 0; index < 700; index += 1) {
      const name = `r-${index % 60}`;
      rules = rules.with([index % 7 === 0 ? { account: ACCOUNT, name } : put(name, { matchRules: [[{ prefix: `b/${index}/` }]] })]);
    }
    expect(names(rules, 'b/699/x')).toEqual(['r-39']);
    expect(names(rules, 'b/639/x')).toEqual([]);
    expect(rules.get(ACCOUNT, 'r-40')?.matchRules[0]?.[0]?.prefix).toBe('b/640/');
  });
});

describe('the index', () => {
  const shapes = (index: number): object[] => [
    { prefix: `bucket-${index % 50}/dir-${index}/` },
    { suffix: `.kind-${index}` },
    { name: `bucket-${index % 50}/file-${index}` },
    { prefix: 'bucket-1/', suffix: `-${index}.jpg` },
    { prefix: `bucket-1/dir-${index}/`, suffix: '.jpg' },
  ];
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ account: ACCOUNT, rule: rule(`rule-${index}`, { matchRules: [[shapes(index)[index % 5]!]] }) }));

  it('finds what trying every rule finds', () => {
    const all = many(500);
    const rules = RuleSet.of(all);
    const resources = ['bucket-1/dir-204/x.jpg', 'bucket-1/a-203.jpg', 'any/x.kind-201', 'bucket-2/file-202', 'bucket-0/dir-200/y', 'x/y', 'bucket-1/-203.jpg'];
    for (const resource of resources) {
      const given = event(resource);
      const slowly = all.filter((one) => whyNot(one.rule, given) === undefined).map((one) => one.rule.name);
      expect(rules.match(ACCOUNT, given).map(({ name }) => name)).toEqual(slowly.sort());
    }
  });
});
