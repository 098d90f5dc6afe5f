import { describe, expect, it } from '@jest/globals';
import { readEventRule } from './event-rule.js';
import { conflicts } from './rule-conflict.js';

function rule(eventTypes: string[], matchRules: unknown, sources: string[] = []) {
  return readEventRule('rule', { eventTypes, matchRules, sources, endpoint: { endpointType: 'queue', endpointValue: 'work' } });
}

describe('conflicts', () => {
  const existing = rule(['ObjectCreated:PutObject'], [[{ prefix: 'b/source', suffix: 'zip' }]]);

  it.each([
    ['ObjectCreated:*', 'source', 'zip', true],
    ['ObjectCreated:PutObject', 'source1', 'zip1', false],
    ['ObjectCreated:PutObject', 'source', 'zip', true],
    ['ObjectCreated:PutObject', 'source', '1zip', true],
    ['ObjectCreated:PutObject', 'source1', 'zip', true],
    ['ObjectCreated:PutObject', 'source', '', true],
    ['ObjectCreated:PutObject', '', 'zip', true],
    ['ObjectCreated:PutObject', '1source', '1zip', false],
    ['ObjectCreated:PostObject', 'source', 'zip', false],
  ])('%s, prefix %j, suffix %j: %s', (type, prefix, suffix, expected) => {
    const added = rule([type], [[{ prefix: `b/${prefix}`, suffix }]]);
    expect(conflicts(existing, added)).toBe(expected);
    expect(conflicts(added, existing)).toBe(expected);
  });

  it.each([
    ['b/source.zip', true],
    ['b/source1.zip', true],
    ['b/other.zip', false],
    ['other/source.zip', false],
  ])('an exact name: %s: %s', (name, expected) => {
    expect(conflicts(existing, rule(['ObjectCreated:PutObject'], [[{ name }]]))).toBe(expected);
  });

  it('looks at every list', () => {
    expect(conflicts(existing, rule(['ObjectCreated:PutObject'], [[{ prefix: 'c/' }], [{ name: 'b/source.zip' }]]))).toBe(true);
    expect(conflicts(existing, rule(['ObjectCreated:PutObject'], []))).toBe(true);
  });

  it('keeps sources apart', () => {
    const of = (source: string) => rule(['ObjectCreated:PutObject'], [], [source]);
    expect(conflicts(of('one'), of('two'))).toBe(false);
    expect(conflicts(of('one'), of('one'))).toBe(true);
    expect(conflicts(existing, of('one'))).toBe(true);
  });
});
