import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readEventSource } from './event-source-document.js';

const CREDENTIALS = { accessKey: 'magpie', secretKey: 'a-secret-that-nobody-may-see' };

describe('readEventSource', () => {
  it('reads an empty document as a source that only posts', () => {
    expect(readEventSource('minio', {})).toEqual({
      settings: {
        storeRegion: 'us-east-1',
        buckets: [],
        ways: ['durable', 'fast'],
        durableTarget: 'MAGPIE',
        fastTarget: 'MAGPIEFAST',
        inventory: false,
        reconcileInterval: 86_400,
      },
      secrets: {},
    });
  });

  it('reads everything, and what a GET answers', () => {
    const document = {
      name: 'minio',
      endpoint: 'https://minio.example.com:9000/',
      credentials: CREDENTIALS,
      storeRegion: 'eu-west-1',
      region: 'cn-shanghai',
      eventAccount: '1234567890123456',
      buckets: ['photos', 'mail', 'photos'],
      ways: ['listen', 'durable'],
      durableTarget: 'HUB',
      fastTarget: 'HUB_FAST',
      intakeToken: 'a-token-of-its-own',
      inventory: true,
      reconcileInterval: 0,
      secrets: { secretKey: { lastModifyTime: 1 } },
      createTime: 1,
      lastModifyTime: 1,
    };
    expect(readEventSource('minio', document)).toEqual({
      settings: {
        endpoint: 'https://minio.example.com:9000',
        accessKey: 'magpie',
        storeRegion: 'eu-west-1',
        region: 'cn-shanghai',
        eventAccount: '1234567890123456',
        buckets: ['photos', 'mail'],
        ways: ['durable', 'listen'],
        durableTarget: 'HUB',
        fastTarget: 'HUB_FAST',
        inventory: true,
        reconcileInterval: 0,
      },
      secrets: { secretKey: CREDENTIALS.secretKey, intakeToken: 'a-token-of-its-own' },
    });
  });

  const bad: readonly [string, unknown][] = [
    ['body', []],
    ['bucket', { bucket: ['photos'] }],
    ['name', { name: 'other' }],
    ['endpoint', { endpoint: 'minio:9000' }],
    ['endpoint', { endpoint: 'ftp://minio:9000' }],
    ['endpoint', { endpoint: 'http://minio:9000/path' }],
    ['endpoint', { endpoint: 'http://user:password@minio:9000' }],
    ['endpoint', { credentials: CREDENTIALS }],
    ['credentials.accessKey', { endpoint: 'http://minio:9000', credentials: { secretKey: 'x' } }],
    ['credentials.secretKey', { endpoint: 'http://minio:9000', credentials: { accessKey: 'x', secretKey: 'with blank' } }],
    ['credentials.secretKey', { endpoint: 'http://minio:9000', credentials: { accessKey: 'x', secretKey: null } }],
    ['credentials.token', { endpoint: 'http://minio:9000', credentials: { ...CREDENTIALS, token: 'x' } }],
    ['storeRegion', { storeRegion: '' }],
    ['region', { region: 'CN' }],
    ['eventAccount', { eventAccount: 1234567890123456 }],
    ['buckets', { buckets: 'photos' }],
    ['buckets[1]', { buckets: ['photos', 'No_Bucket'] }],
    ['ways[0]', { ways: ['kafka'] }],
    ['ways', { ways: ['listen'] }],
    ['durableTarget', { durableTarget: 'magpie' }],
    ['fastTarget', { fastTarget: 'MAGPIE' }],
    ['intakeToken', { intakeToken: 'short' }],
    ['inventory', { inventory: 'yes' }],
    ['reconcileInterval', { reconcileInterval: 10 }],
  ];

  it.each(bad)('names %s when it is wrong: %j', (argument, document) => {
    const refusal = (): unknown => readEventSource('minio', document);
    expect(refusal).toThrow(InvalidArgument);
    expect(refusal).toThrow(expect.objectContaining({ argument }));
    expect(refusal).not.toThrow('a-secret-that-nobody-may-see');
  });

  it.each(['', 'a/b', '.hidden', 'x'.repeat(65), 'ü'])('refuses the name %j', (name) => {
    expect(() => readEventSource(name, {})).toThrow(expect.objectContaining({ argument: 'name' }));
  });
});
