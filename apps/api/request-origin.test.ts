import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { RequestOrigins } from './request-origin.js';

const origins = new RequestOrigins(['10.0.0.0/8', '::1']);

function from(remoteAddress: string | undefined, forwarded: Record<string, string> = {}, encrypted = false): IncomingMessage {
  return { socket: { remoteAddress, encrypted }, headers: { host: 'direct.example.com', ...forwarded } } as unknown as IncomingMessage;
}

const FORWARDED = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-host': 'hub.example.com', 'x-forwarded-proto': 'https' };

describe('RequestOrigins', () => {
  it('believes a trusted proxy', () => {
    const expected = { client: '192.0.2.7', host: 'hub.example.com', scheme: 'https' };
    for (const peer of ['10.1.2.3', '::ffff:10.1.2.3', '::1']) expect(origins.of(from(peer, FORWARDED))).toEqual(expected);
  });

  it('believes nobody else, and nobody at all when no proxy is named', () => {
    expect(origins.of(from('192.0.2.1', FORWARDED))).toEqual({ client: '192.0.2.1', host: 'direct.example.com', scheme: 'http' });
    expect(origins.of(from(undefined, FORWARDED))).toEqual({ client: '', host: 'direct.example.com', scheme: 'http' });
    const none = new RequestOrigins([]);
    expect(none.of(from('127.0.0.1', FORWARDED, true))).toEqual({ client: '127.0.0.1', host: 'direct.example.com', scheme: 'https' });
  });

  it('takes what the proxy does not say from the connection', () => {
    expect(origins.of(from('10.0.0.1', {}, true))).toEqual({ client: '10.0.0.1', host: 'direct.example.com', scheme: 'https' });
    const odd = { 'x-forwarded-for': 'unknown', 'x-forwarded-host': ' ', 'x-forwarded-proto': 'gopher' };
    expect(origins.of(from('10.0.0.1', odd))).toEqual({ client: '10.0.0.1', host: 'direct.example.com', scheme: 'http' });
  });

  it('follows a chain of trusted proxies and stops at the first that is none', () => {
    const client = (chain: string): string => origins.of(from('10.0.0.1', { 'x-forwarded-for': chain })).client;
    expect(client('203.0.113.9, 192.0.2.7, 10.0.0.2')).toBe('192.0.2.7');
    expect(client('10.0.0.3, 10.0.0.2')).toBe('10.0.0.3');
    expect(client('192.0.2.7:5123')).toBe('192.0.2.7');
    expect(client('"nonsense", [2001:db8::1]:5123')).toBe('2001:db8::1');
    expect(client('192.0.2.7, nonsense')).toBe('10.0.0.1');
  });

  it('takes host and scheme from the proxy next to the client, not from what the client sent', () => {
    const of = (chain: string, host: string) => origins.of(from('10.0.0.1', { 'x-forwarded-for': chain, 'x-forwarded-host': host })).host;
    expect(of('192.0.2.7', 'forged.example.com, real.example.com')).toBe('real.example.com');
    expect(of('192.0.2.7, 10.0.0.2', 'forged.example.com, real.example.com, inner.example.com')).toBe('real.example.com');
    expect(of('192.0.2.7, 10.0.0.2', 'real.example.com')).toBe('real.example.com');
  });
});
