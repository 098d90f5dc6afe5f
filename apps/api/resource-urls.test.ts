import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { RequestOrigins } from './request-origin.js';
import { ResourceUrls } from './resource-urls.js';

const direct = new RequestOrigins([]);

function requestWith(host: string | undefined, localAddress = '127.0.0.1', encrypted = false): FastifyRequest {
  const socket = { localAddress, localPort: 6670, encrypted };
  return { raw: { headers: { host }, socket } } as unknown as FastifyRequest;
}

describe('ResourceUrls', () => {
  it.each([
    ['hub.example.com', 'http://hub.example.com'],
    ['1234567890123456.mns.cn-test.example.com:8080', 'http://1234567890123456.mns.cn-test.example.com:8080'],
    ['[::1]:6670', 'http://[::1]:6670'],
    [undefined, 'http://127.0.0.1:6670'],
    ['', 'http://127.0.0.1:6670'],
    ['evil/path', 'http://127.0.0.1:6670'],
    ['user@host', 'http://127.0.0.1:6670'],
    ['a"b', 'http://127.0.0.1:6670'],
  ])('takes the base from the host %j', (host, base) => {
    expect(new ResourceUrls(undefined, direct).base(requestWith(host))).toBe(base);
  });

  it('falls back to an IPv6 address in brackets', () => {
    expect(new ResourceUrls(undefined, direct).base(requestWith(undefined, '::1'))).toBe('http://[::1]:6670');
    expect(new ResourceUrls(undefined, direct).base(requestWith(undefined, '::ffff:10.0.0.1'))).toBe('http://10.0.0.1:6670');
  });

  it('keeps the scheme of the connection', () => {
    const urls = new ResourceUrls(undefined, direct);
    expect(urls.queue(requestWith('hub.example.com', '127.0.0.1', true), 'q')).toBe('https://hub.example.com/queues/q');
    expect(urls.base(requestWith(undefined, '127.0.0.1', true))).toBe('https://127.0.0.1:6670');
  });

  it('prefers the public URL', () => {
    const urls = new ResourceUrls('https://mq.example.com', direct);
    const request = requestWith('other');
    expect(urls.queue(request, 'q')).toBe('https://mq.example.com/queues/q');
    expect(urls.topic(request, 't')).toBe('https://mq.example.com/topics/t');
    expect(urls.subscription(request, 't', 's')).toBe('https://mq.example.com/topics/t/subscriptions/s');
    expect(urls.subscriptionLocation(request, 't', 's')).toBe('mq.example.com/topics/t/subscriptions/s');
  });
});
