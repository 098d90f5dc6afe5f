import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readEventRule } from './event-rule.js';

const MINIMAL = { eventTypes: ['ObjectCreated:PutObject'], endpoint: { endpointType: 'topic', endpointValue: 'news' } };

function errorOf(change: object, name = 'rule', account?: string): InvalidArgument {
  try {
    readEventRule(name, { ...MINIMAL, ...change }, account);
  } catch (error) {
    if (error instanceof InvalidArgument) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('readEventRule', () => {
  it('fills in what is not said', () => {
    expect(readEventRule('rule', MINIMAL)).toEqual({
      name: 'rule',
      enabled: true,
      eventTypes: ['ObjectCreated:PutObject'],
      matchRules: [],
      endpoint: { endpointType: 'topic', endpointValue: 'news' },
      sources: [],
    });
  });

  it('reads everything', () => {
    const document = {
      ...MINIMAL,
      eventTypes: ['oss:ObjectCreated:*', 'ObjectRemoved:DeleteObject', 'ObjectCreated:*'],
      matchRules: [[{ matchState: true, prefix: 'photos/summer/', suffix: '.jpg' }, { matchState: false, name: 'photos/summer/x.jpg' }], [{ suffix: '.png' }]],
      sources: ['minio-1'],
      messageTag: 'new-object',
      xVars: { 'x:team': 'media' },
      enabled: false,
      productName: 'oss',
      ruleName: 'rule',
      clientToken: 'abc',
    };
    expect(readEventRule('rule', document)).toEqual({
      name: 'rule',
      enabled: false,
      eventTypes: ['ObjectCreated:*', 'ObjectRemoved:DeleteObject'],
      matchRules: [
        [{ matchState: true, prefix: 'photos/summer/', suffix: '.jpg' }, { matchState: false, name: 'photos/summer/x.jpg' }],
        [{ matchState: true, suffix: '.png' }],
      ],
      endpoint: MINIMAL.endpoint,
      sources: ['minio-1'],
      messageTag: 'new-object',
      xVars: { 'x:team': 'media' },
    });
  });

  it('reads what it wrote', () => {
    const rule = readEventRule('rule', { ...MINIMAL, matchRules: [[{ name: 'b/k' }]], messageTag: 't' });
    expect(readEventRule('rule', { ...JSON.parse(JSON.stringify(rule)), status: { waitingEvents: 0 } })).toEqual(rule);
  });

  it.each([
    ['acs:oss:cn-hangzhou:1234567890123456:photos/summer/', 'photos/summer/'],
    ['acs:oss:*:*:photos/summer/', 'photos/summer/'],
    ['acs:oss:::photos', 'photos'],
    ['photos/acs:oss:a:b:c', 'photos/acs:oss:a:b:c'],
  ])('takes the head off the resource %s', (prefix, expected) => {
    expect(readEventRule('rule', { ...MINIMAL, matchRules: [[{ prefix }]] }).matchRules[0]?.[0]).toEqual({ matchState: true, prefix: expected });
  });

  it.each([
    ['topic', 'news', 'news'],
    ['topic', 'acs:mns:cn-hangzhou:1234567890123456:/topics/news', 'news'],
    ['queue', 'acs:mns:cn-hangzhou:1234567890123456:queues/work', 'work'],
    ['queue', 'acs:mns:::/queues/work', 'work'],
  ])('reads the endpoint %s %s', (endpointType, endpointValue, expected) => {
    expect(readEventRule('rule', { ...MINIMAL, endpoint: { endpointType, endpointValue } }, '1234567890123456').endpoint.endpointValue).toBe(expected);
  });

  it.each<[string, object]>([
    ['evenTypes', { evenTypes: [] }],
    ['name', { name: 'other' }],
    ['ruleName', { ruleName: 'other' }],
    ['productName', { productName: 'ecs' }],
    ['eventTypes', { eventTypes: [] }],
    ['eventTypes', { eventTypes: 'ObjectCreated:*' }],
    ['eventTypes[1]', { eventTypes: ['ObjectCreated:*', 's3:ObjectCreated:Put'] }],
    ['eventTypes[0]', { eventTypes: ['objectcreated:putobject'] }],
    ['eventTypes[0]', { eventTypes: [17] }],
    ['matchRules', { matchRules: {} }],
    ['matchRules[0]', { matchRules: [{ prefix: 'a' }] }],
    ['matchRules[0][0]', { matchRules: [[{}]] }],
    ['matchRules[0][0]', { matchRules: [[{ matchState: true }]] }],
    ['matchRules[0][0].regex', { matchRules: [[{ regex: '.*' }]] }],
    ['matchRules[0][0].name', { matchRules: [[{ name: 'a/b', suffix: 'b' }]] }],
    ['matchRules[0][0].name', { matchRules: [[{ name: '' }]] }],
    ['matchRules[0][0].name', { matchRules: [[{ name: 'acs:oss:*:*:' }]] }],
    ['matchRules[0][1].prefix', { matchRules: [[{ suffix: 'a' }, { prefix: 7 }]] }],
    ['matchRules[0][0].matchState', { matchRules: [[{ prefix: 'a', matchState: 'true' }]] }],
    ['endpoint', { endpoint: 'news' }],
    ['endpoint.endpointType', { endpoint: { endpointType: 'http', endpointValue: 'http://a/' } }],
    ['endpoint.endpointValue', { endpoint: { endpointType: 'queue', endpointValue: 'acs:mns:r:1:/topics/news' } }],
    ['endpoint.endpointValue', { endpoint: { endpointType: 'topic', endpointValue: 'a/b' } }],
    ['endpoint.endpointValue', { endpoint: { endpointType: 'topic', endpointValue: 'x'.repeat(121) } }],
    ['endpoint.endpointValue', { endpoint: { endpointType: 'topic' } }],
    ['sources[0]', { sources: ['a/b'] }],
    ['messageTag', { messageTag: 'x'.repeat(17) }],
    ['messageTag', { messageTag: 't', endpoint: { endpointType: 'queue', endpointValue: 'work' } }],
    ['xVars', { xVars: { team: 'media' } }],
    ['xVars', { xVars: { 'x:team': 7 } }],
    ['xVars', { xVars: { 'x:team': 'x'.repeat(5_000) } }],
    ['enabled', { enabled: 'yes' }],
    ['match', { match: [] }],
    ['match.any', { match: {} }],
    ['match.every', { match: { every: [] } }],
    ['match.any[0]', { match: { any: [[]] } }],
    ['match.any[0].all[0]', { match: { any: [{ all: [{}] }] } }],
    ['match.any[0].all[0]', { match: { any: [{ all: [{ size: { gt: 1 }, versioned: true }] }] } }],
    ['match.any[0].all[0].regex', { match: { any: [{ all: [{ regex: '.*' }] }] } }],
    ['match.any[0].all[1].key', { match: { any: [{ all: [{ versioned: true }, { key: {} }] }] } }],
    ['match.any[0].all[0].key.regex', { match: { any: [{ all: [{ key: { regex: '.*' } }] }] } }],
    ['match.any[0].all[0].key.prefix', { match: { any: [{ all: [{ key: { prefix: '' } }] }] } }],
    ['match.any[0].all[0].size.gt', { match: { any: [{ all: [{ size: { gt: 1.5 } }] }] } }],
    ['match.any[0].all[0].size', { match: { any: [{ all: [{ size: {} }] }] } }],
    ['match.any[0].all[0].meta.name', { match: { any: [{ all: [{ meta: { exact: 'a' } }] }] } }],
    ['match.any[0].all[0].sourceIp.cidr[0]', { match: { any: [{ all: [{ sourceIp: { cidr: ['10.0.0.0/33'] } }] }] } }],
    ['match.any[0].all[0].origin', { match: { any: [{ all: [{ origin: [] }] }] } }],
    ['match.any[0].all[0].origin[0]', { match: { any: [{ all: [{ origin: ['webhook'] }] }] } }],
    ['match.any[0].all[0].tag.name', { match: { any: [{ all: [{ tag: { exact: 'a' } }] }] } }],
    ['match.any[0].all[0].not', { match: { any: [{ all: [{ not: 1, versioned: true }] }] } }],
  ])('names %s as the cause of an error: %j', (argument, change) => {
    const error = errorOf(change);
    expect(error.argument).toBe(argument);
    expect(error.message).not.toBe('');
  });

  it.each(['', '1rule', 'a b', 'a_b', 'x'.repeat(86), 'regelä'])('refuses the name %j', (name) => {
    expect(errorOf({}, name).argument).toBe('ruleName');
  });

  it.each([null, 7, 'text', []])('refuses %j for a document', (document) => {
    expect(() => readEventRule('rule', document)).toThrow(InvalidArgument);
  });

  it('refuses an endpoint of another account', () => {
    const endpoint = { endpointType: 'topic', endpointValue: 'acs:mns:r:6543210987654321:/topics/news' };
    expect(errorOf({ endpoint }, 'rule', '1234567890123456').argument).toBe('endpoint.endpointValue');
  });
});
