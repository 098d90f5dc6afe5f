import { generateKeyPairSync } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { HttpEndpoint } from '#delivery/endpoint.js';
import { selfSignedCertificate } from '#delivery/x509-certificate.js';
import { systemClock } from '#runtime/clock.js';
import { certificateUrlOf, isSignedBy, startPushReceiver, type PushReceiver } from '../../../test/support/push-receiver.js';
import { freePort } from '../../../test/support/free-port.js';
import { sampleDelivery } from '../../../test/support/sample-delivery.js';
import { describeChannel } from './channel.contract.js';
import { HttpChannel, readAnswer } from './http.channel.js';
import { PushNetwork } from '#delivery/push-network.js';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const facts = { commonName: 'notify', organization: 'Magpie', serial: Buffer.of(1), notBefore: 0, notAfter: 4e12 };
const pem = selfSignedCertificate(privateKey, facts);
const signer = { privateKey, certificateUrl: 'http://hub.example/certificates/0123456789abcdef.pem' };
const NEVER = new AbortController().signal;

function open(allow: readonly string[] = ['loopback'], timeLimit = 1_000): HttpChannel {
  return new HttpChannel({ signer, network: new PushNetwork(allow), clock: systemClock, timeLimit });
}

/** Accepts connections and never says a word. */
async function startSilentServer(): Promise<{ port: number; stop(): Promise<void> }> {
  const sockets = new Set<{ destroy(): unknown }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

describeChannel<HttpEndpoint>('http', async () => {
  const [accepting, refusing, rejecting] = [await startPushReceiver(204), await startPushReceiver(500), await startPushReceiver(410)];
  const silent = await startSilentServer();
  const channel = open();
  return {
    channel,
    accepting: `${accepting.url}/hook`,
    arrived: () => Promise.resolve(accepting.pushes.map(({ body }) => body)),
    refusing: refusing.url,
    rejecting: rejecting.url,
    silent: `http://127.0.0.1:${silent.port}/`,
    stop: async () => {
      await channel.close();
      await Promise.all([accepting.stop(), refusing.stop(), rejecting.stop(), silent.stop()]);
    },
  };
});

describe('HttpChannel', () => {
  let receiver: PushReceiver;
  let channel: HttpChannel;
  beforeEach(async () => {
    receiver = await startPushReceiver();
    channel = open();
  });
  afterEach(async () => {
    await channel.close();
    await receiver.stop();
  });

  it.each(['XML', 'JSON', 'SIMPLIFIED'] as const)('sends a %s push that its receiver can verify', async (notifyContentFormat) => {
    const message = { body: 'hello', messageTag: 'vip' };
    const delivery = sampleDelivery<HttpEndpoint>(`${receiver.url}/hook?a=%20b&c`, message, { notifyContentFormat });
    expect(await channel.send(delivery, NEVER)).toEqual({ kind: 'delivered', code: 204 });
    const [push] = receiver.pushes;
    expect(push?.url).toBe('/hook?a=%20b&c');
    expect(isSignedBy(push!, pem)).toBe(true);
    expect(certificateUrlOf(push!)).toBe(signer.certificateUrl);
    const type = { XML: 'text/xml;charset=utf-8', JSON: 'text/json;charset=utf-8', SIMPLIFIED: 'text/plain;charset=utf-8' };
    expect(push?.headers.get('Content-Type')).toBe(type[notifyContentFormat]);
    expect(push?.headers.get('User-Agent')).toBe('Aliyun Notification Service Agent');
    expect(push?.headers.get('x-mns-request-id')).toMatch(/^[0-9A-F]{24}$/);
    expect(push?.headers.get('x-mns-message-id')).toBe(notifyContentFormat === 'SIMPLIFIED' ? delivery.pending.messageId : undefined);
    expect(push?.headers.get('x-mns-message-tag')).toBe(notifyContentFormat === 'SIMPLIFIED' ? 'vip' : undefined);
  });

  it('signs a tag beyond ASCII as the bytes that are sent', async () => {
    await channel.send(sampleDelivery<HttpEndpoint>(receiver.url, { messageTag: '喜鹊' }), NEVER);
    const [push] = receiver.pushes;
    expect(Buffer.from(push!.headers.get('x-mns-message-tag')!, 'latin1').toString()).toBe('喜鹊');
    expect(isSignedBy(push!, pem)).toBe(true);
  });

  it('follows no redirect', async () => {
    const target = await startPushReceiver();
    receiver.answer = (_push, response) => void response.writeHead(302, { Location: target.url }).end();
    const outcome = await channel.send(sampleDelivery<HttpEndpoint>(receiver.url), NEVER);
    expect(outcome).toEqual({ kind: 'retryable', code: 302, reason: 'HTTP 302: redirects are not followed' });
    expect(target.pushes).toHaveLength(0);
    await target.stop();
  });

  it('does not wait for a body that never ends, nor read one without end', async () => {
    receiver.answer = (_push, response) => void response.writeHead(200).write('x');
    expect(await channel.send(sampleDelivery<HttpEndpoint>(receiver.url), NEVER)).toEqual({ kind: 'delivered', code: 200 });
    receiver.answer = (_push, response) => {
      response.writeHead(200);
      const more = (): boolean => response.destroyed || (response.write(Buffer.alloc(65_536)) ? more() : false);
      response.on('drain', more);
      more();
    };
    const before = Date.now();
    expect(await channel.send(sampleDelivery<HttpEndpoint>(receiver.url), NEVER)).toEqual({ kind: 'delivered', code: 200 });
    expect(Date.now() - before).toBeLessThan(5_000);
  });

  it('uses a connection again', async () => {
    const ports = new Set<number>();
    receiver.answer = (_push, response) => {
      ports.add(response.req.socket.remotePort!);
      response.writeHead(200).end('thank you');
    };
    for (let push = 0; push < 5; push++) await channel.send(sampleDelivery<HttpEndpoint>(receiver.url), NEVER);
    expect(ports.size).toBe(1);
  });

  it('takes whatever an endpoint does for an outcome', async () => {
    receiver.answer = (_push, response) => void response.socket?.destroy();
    expect(await channel.send(sampleDelivery<HttpEndpoint>(receiver.url), NEVER)).toMatchObject({ kind: 'retryable' });
    receiver.answer = (_push, response) => void response.socket?.end('HTP/9 nonsense\r\n\r\n');
    expect(await channel.send(sampleDelivery<HttpEndpoint>(receiver.url), NEVER)).toMatchObject({ kind: 'retryable' });
    const closed = `http://127.0.0.1:${await freePort()}/`;
    const refused = await channel.send(sampleDelivery<HttpEndpoint>(closed), NEVER);
    expect(refused).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('ECONNREFUSED') });
    const unknown = 'http://no-such-host.invalid/';
    expect(await channel.send(sampleDelivery<HttpEndpoint>(unknown), NEVER)).toMatchObject({ kind: 'retryable' });
  });

  it('does not connect where pushes may not go, by address or by name', async () => {
    const strict = open([]);
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0x7f.1']) {
      const outcome = await strict.send(sampleDelivery<HttpEndpoint>(`http://${host}:${receiver.port}/`), NEVER);
      expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('MAGPIE_PUSH_ALLOW') });
    }
    expect(receiver.pushes).toHaveLength(0);
    await strict.close();
  });
});

describe('readAnswer', () => {
  const now = Date.UTC(2026, 0, 1);
  it.each([
    [200, undefined, { kind: 'delivered', code: 200 }],
    [299, undefined, { kind: 'delivered', code: 299 }],
    [400, undefined, { kind: 'retryable', code: 400, reason: 'HTTP 400' }],
    [403, '5', { kind: 'retryable', code: 403, reason: 'HTTP 403' }],
    [410, undefined, { kind: 'permanent', code: 410, reason: 'HTTP 410' }],
    [429, '30', { kind: 'retryable', code: 429, reason: 'HTTP 429', retryAfter: 30 }],
    [503, 'Thu, 01 Jan 2026 00:01:00 GMT', { kind: 'retryable', code: 503, reason: 'HTTP 503', retryAfter: 60 }],
    [503, 'Wed, 31 Dec 2025 00:00:00 GMT', { kind: 'retryable', code: 503, reason: 'HTTP 503', retryAfter: 0 }],
    [503, 'soon', { kind: 'retryable', code: 503, reason: 'HTTP 503' }],
    [503, undefined, { kind: 'retryable', code: 503, reason: 'HTTP 503' }],
  ])('reads %d with Retry-After %s', (status, retryAfter, outcome) => {
    expect(readAnswer(status, retryAfter, now)).toEqual(outcome);
  });
});
