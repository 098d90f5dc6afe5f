import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { ResourceUrls } from './resource-urls.js';

function requestWith(host: string | undefined, localFamily = 'IPv4'): FastifyRequest {
  const socket = { localAddress: localFamily === 'IPv4' ? '127.0.0.1' : '::1', localPort: 6670, localFamily };
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
    expect(new ResourceUrls(undefined).base(requestWith(host))).toBe(base);
  });

  it('falls back to an IPv6 address in brackets', () => {
    expect(new ResourceUrls(undefined).base(requestWith(undefined, 'IPv6'))).toBe('http://[::1]:6670');
  });

  it('prefers the public URL', () => {
    const urls = new ResourceUrls('https://mq.example.com');
    const request = requestWith('other');
    expect(urls.queue(request, 'q')).toBe('https://mq.example.com/queues/q');
    expect(urls.topic(request, 't')).toBe('https://mq.example.com/topics/t');
    expect(urls.subscription(request, 't', 's')).toBe('https://mq.example.com/topics/t/subscriptions/s');
    expect(urls.subscriptionLocation(request, 't', 's')).toBe('mq.example.com/topics/t/subscriptions/s');
  });
});
