import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fcmError, startFcmServer, type FcmServer } from '../../../test/support/fcm-server.js';
import { freePort } from '../../../test/support/free-port.js';
import type { ProviderClient } from '../channel-type.js';
import type { MobileMessage } from '../mobile-message.js';
import { PushNetwork } from '../push-network.js';
import { FCM } from './fcm.js';

const NEVER = new AbortController().signal;
const toToken = (token: string): MobileMessage => ({ target: { token }, notification: { title: 't', body: 'b' }, data: { k: 'v' } });

describe('FCM', () => {
  let server: FcmServer;
  const clients: ProviderClient<MobileMessage>[] = [];
  beforeEach(async () => {
    server = await startFcmServer();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    await server.stop();
  });

  function open(settings: Record<string, string> = {}, timeLimit = 4_000, allow = ['loopback']): ProviderClient<MobileMessage> {
    const all = { serviceAccount: server.serviceAccount, baseUrl: server.url, ...settings };
    const client = FCM.connect(all, { network: new PushNetwork(allow), timeLimit });
    clients.push(client);
    return client;
  }

  it('sends to tokens, topics and conditions, with one access token for all', async () => {
    const client = open();
    const targets = [{ token: 'dev:1' }, { topic: 'news' }, { condition: "'a' in topics && 'b' in topics" }];
    for (const target of targets) {
      expect(await client.send({ target, notification: { title: '喜鹊', body: '🐦' }, data: { k: 'v' } }, NEVER)).toEqual({ kind: 'delivered', code: 200 });
    }
    expect(server.messages).toMatchObject(targets);
    expect(server.messages[0]).toMatchObject({ notification: { title: '喜鹊', body: '🐦' }, data: { k: 'v' }, android: { priority: 'high' } });
    expect(server.tokenRequests).toBe(1);
  });

  it.each([
    ['UNREGISTERED', 404, 'NOT_FOUND', 'UNREGISTERED', 'permanent'],
    ['INVALID_ARGUMENT', 400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'permanent'],
    ['SENDER_ID_MISMATCH', 403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH', 'permanent'],
    ['NOT_FOUND', 404, 'NOT_FOUND', undefined, 'retryable'],
    ['PERMISSION_DENIED', 403, 'PERMISSION_DENIED', undefined, 'retryable'],
    ['UNAUTHENTICATED', 401, 'UNAUTHENTICATED', undefined, 'retryable'],
    ['THIRD_PARTY_AUTH_ERROR', 401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR', 'retryable'],
    ['INTERNAL', 500, 'INTERNAL', 'INTERNAL', 'retryable'],
    ['UNAVAILABLE', 503, 'UNAVAILABLE', 'UNAVAILABLE', 'retryable'],
  ])('takes %s (%d) for %5$s', async (word, status, google, own, kind) => {
    server.answers.set('x', (_message, response) => fcmError(response, status, google, 'said why', own));
    const outcome = await open().send(toToken('x'), NEVER);
    expect(outcome).toMatchObject({ kind, code: status, reason: expect.stringContaining(word) });
    expect(server.requests).toBe(1);
  });

  it('waits as long as FCM asks for, and a minute where a quota is spent', async () => {
    const client = open();
    const answer = (status: number, word: string, headers = {}) =>
      server.answers.set('x', (_message, response) => fcmError(response, status, word, 'later', word, headers));
    answer(429, 'QUOTA_EXCEEDED', { 'retry-after': '17' });
    expect(await client.send(toToken('x'), NEVER)).toMatchObject({ kind: 'retryable', code: 429, retryAfter: 17 });
    answer(429, 'QUOTA_EXCEEDED');
    expect(await client.send(toToken('x'), NEVER)).toMatchObject({ kind: 'retryable', code: 429, retryAfter: 60 });
    answer(503, 'UNAVAILABLE', { 'retry-after': '120' });
    expect(await client.send(toToken('x'), NEVER)).toMatchObject({ kind: 'retryable', code: 503, retryAfter: 120 });
    expect(server.requests).toBe(3);
  });

  it('makes one request for an attempt although the library would repeat it', async () => {
    server.answers.set('x', (_message, response) => void response.socket?.destroy());
    const client = open();
    const before = Date.now();
    expect(await client.send(toToken('x'), NEVER)).toMatchObject({ kind: 'retryable', reason: expect.stringMatching(/socket hang up|ECONNRESET/) });
    expect(Date.now() - before).toBeLessThan(2_000);
    expect(server.requests).toBe(1);
    expect(await client.send(toToken('y'), NEVER)).toMatchObject({ kind: 'delivered' });
  });

  it('ends when FCM says nothing, and nothing is sent afterwards', async () => {
    server.answers.set('x', () => undefined);
    const client = open({}, 1_500);
    expect(await client.send(toToken('y'), NEVER)).toMatchObject({ kind: 'delivered' });
    expect(await client.send(toToken('x'), NEVER)).toMatchObject({ kind: 'retryable', reason: 'no answer within 1.5 s' });
    const stop = new AbortController();
    const sending = client.send(toToken('x'), stop.signal);
    setImmediate(() => stop.abort(new Error('stop')));
    await expect(sending).rejects.toThrow('stop');
  });

  it('tries again later when there is no access token: refused, broken, silent', async () => {
    server.tokenAnswer = (response) => void response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}');
    expect(await open().send(toToken('x'), NEVER)).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('invalid_grant') });
    server.tokenAnswer = (response) => void response.socket?.destroy();
    expect(await open().send(toToken('x'), NEVER)).toMatchObject({ kind: 'retryable' });
    server.tokenAnswer = () => undefined;
    expect(await open({}, 300).send(toToken('x'), NEVER)).toMatchObject({ kind: 'retryable' });
    expect(server.requests).toBe(0);
  });

  it('takes nonsense and a closed port for failures that may pass', async () => {
    server.answers.set('x', (_message, response) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<html>'));
    expect(await open().send(toToken('x'), NEVER)).toMatchObject({ kind: 'retryable', code: 502 });
    const closed = await open({ baseUrl: `http://127.0.0.1:${await freePort()}` }).send(toToken('x'), NEVER);
    expect(closed).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('ECONNREFUSED') });
  });

  it('refuses at once what the library finds malformed', async () => {
    expect(await open().send({ ...toToken('x'), data: { k: 7 as unknown as string } }, NEVER)).toMatchObject({ kind: 'permanent' });
  });

  it('is held to where pushes may go', async () => {
    const outcome = await open({}, 2_000, []).send(toToken('x'), NEVER);
    expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('MAGPIE_PUSH_ALLOW') });
    expect(server.tokenRequests).toBe(0);
  });

  it('checks without sending', async () => {
    const client = open();
    expect(await client.check(NEVER)).toMatchObject({ kind: 'delivered' });
    expect(server.checked).toHaveLength(1);
    expect(server.messages).toHaveLength(0);
    server.tokenAnswer = (response) => void response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}');
    expect(await open().check(NEVER)).toMatchObject({ kind: 'retryable' });
  });

  it('never shows the key of the service account', async () => {
    const silent = createServer((socket) => void socket.on('error', () => undefined).end('nonsense', () => socket.destroy()));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const outcome = await open({ baseUrl: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` }).send(toToken('x'), NEVER);
    expect(outcome.kind).toBe('retryable');
    expect(JSON.stringify(outcome)).not.toMatch(/PRIVATE KEY|assertion|Bearer|ya29/);
    await new Promise((resolve) => silent.close(resolve));
  });
});
