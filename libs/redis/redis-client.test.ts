import { describe, expect, it } from '@jest/globals';
import { parseRedisUrl } from './redis-client.js';

describe('a Redis URL', () => {
  it.each([
    ['redis://localhost', { kind: 'single', nodes: [{ host: 'localhost', port: 6379 }], db: 0, credentials: {} }],
    ['redis://:p%40ss@10.0.0.1:7000/3', { kind: 'single', nodes: [{ host: '10.0.0.1', port: 7000 }], db: 3, credentials: { password: 'p@ss' } }],
    ['rediss://user:pw@[::1]:7001', { kind: 'single', nodes: [{ host: '::1', port: 7001 }], credentials: { username: 'user', password: 'pw', tls: {} } }],
    ['redis+sentinel://a:1,b:2/main', { kind: 'sentinel', nodes: [{ host: 'a', port: 1 }, { host: 'b', port: 2 }], name: 'main', db: 0 }],
    ['redis+cluster://a:1,b:2', { kind: 'cluster', nodes: [{ host: 'a', port: 1 }, { host: 'b', port: 2 }] }],
  ])('%s', (url, expected) => {
    expect(parseRedisUrl(url)).toMatchObject(expected);
  });

  it.each(['', 'http://x', 'redis://', 'redis+sentinel://a:1', 'redis://a:b:c'])('%p is refused', (url) => {
    expect(() => parseRedisUrl(url)).toThrow();
  });
});
