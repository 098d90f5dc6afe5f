import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SecretBox } from '#access/secret-box.js';
import { changeDeliveryOptions } from '#delivery/delivery-options.js';
import type { HttpEndpoint } from '#delivery/endpoint.js';
import { sealContext } from '#delivery/http-options.js';
import type { PushExchange } from '#delivery/push-exchange.js';
import { selfSignedCertificate } from '#delivery/x509-certificate.js';
import { systemClock } from '#runtime/clock.js';
import { isSignedBy, startPushReceiver, type PushReceiver, type ReceivedPush } from '../../../test/support/push-receiver.js';
import { ACCOUNT, sampleDelivery } from '../../../test/support/sample-delivery.js';
import { makeServerCertificate, type ServerCertificate } from '../../../test/support/server-certificate.js';
import { HttpChannel } from './http.channel.js';
import { PushNetwork } from './push-network.js';
import { PushSecrets } from './push-secrets.js';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const pem = selfSignedCertificate(privateKey, {
  commonName: 'notify', organization: 'Magpie', serial: Buffer.of(1), notBefore: 0, notAfter: 4e12,
});
const signer = { privateKey, certificateUrl: 'http://hub.example/certificates/0123456789abcdef.pem' };
const box = new SecretBox(randomBytes(32));
const NEVER = new AbortController().signal;

/** Of the subscription `s1` of topic `t1`, as `sampleDelivery` has it. */
function optionsOf(changes: Record<string, unknown>) {
  return changeDeliveryOptions({}, changes, (secret, purpose) => box.seal(secret, sealContext(ACCOUNT, 't1', 's1', purpose)));
}

describe('HttpChannel with options of a subscription', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  let receiver: PushReceiver;
  let channel: HttpChannel;
  beforeEach(async () => {
    receiver = await startPushReceiver();
    cleanUps.push(() => receiver.stop());
    channel = open();
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  function open(ca?: string): HttpChannel {
    const opened = new HttpChannel({
      signer, network: new PushNetwork(['loopback']), secrets: new PushSecrets(box), clock: systemClock, timeLimit: 2_000, ...(ca !== undefined && { ca }),
    });
    cleanUps.push(() => opened.close());
    return opened;
  }

  async function push(changes: Record<string, unknown>, body = 'hello'): Promise<ReceivedPush> {
    const delivery = sampleDelivery<HttpEndpoint>(`${receiver.url}/hook`, { body }, { options: optionsOf(changes) });
    expect(await channel.send(delivery, NEVER)).toMatchObject({ kind: 'delivered' });
    return receiver.pushes.at(-1)!;
  }

  function signaturesOf(received: ReceivedPush, ...secrets: string[]): string {
    const signed = `${received.headers.get('webhook-id')}.${received.headers.get('webhook-timestamp')}.${received.body}`;
    const keys = secrets.map((secret) => Buffer.from(secret.slice('whsec_'.length), 'base64'));
    return keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`).join(' ');
  }

  const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

  it('signs by HMAC instead of RSA, with each secret that is active', async () => {
    const [current, previous] = [newSecret(), newSecret()];
    const received = await push({ signature: 'hmac', signingSecrets: [current, previous] }, '喜鹊 🐦');
    expect(received.headers.get('webhook-signature')).toBe(signaturesOf(received, current, previous));
    expect(Math.abs(Number(received.headers.get('webhook-timestamp')) * 1_000 - Date.now())).toBeLessThan(10_000);
    expect(received.headers.get('webhook-id')).toBe(received.headers.get('x-mns-message-id'));
    expect(received.headers.has('Authorization')).toBe(false);
    expect(received.headers.has('x-mns-signing-cert-url')).toBe(false);
  });

  it('signs both ways, one way, or not at all', async () => {
    const secret = newSecret();
    const both = await push({ signature: 'both', signingSecrets: [secret] });
    expect(both.headers.get('webhook-signature')).toBe(signaturesOf(both, secret));
    expect(isSignedBy(both, pem)).toBe(true);
    const rsa = await push({ signingSecrets: [secret] });
    expect(isSignedBy(rsa, pem)).toBe(true);
    expect(rsa.headers.has('webhook-signature')).toBe(false);
    const none = await push({ signature: 'none' });
    expect([none.headers.has('Authorization'), none.headers.has('webhook-signature')]).toEqual([false, false]);
  });

  it('sends headers of its own, secret ones too, and the signature still fits', async () => {
    const received = await push({ headers: { 'X-Team': 'ops', 'X-Token': { secret: 'hush hush' } } });
    expect(received.headers.get('X-Team')).toBe('ops');
    expect(received.headers.get('X-Token')).toBe('hush hush');
    expect(isSignedBy(received, pem)).toBe(true);
    const bearer = await push({ signature: 'none', headers: { Authorization: { secret: 'Bearer abc' } } });
    expect(bearer.headers.get('Authorization')).toBe('Bearer abc');
  });

  it('shows what was sent without the secrets', async () => {
    receiver.answer = (_push, response) => void response.writeHead(200, { 'X-Reply': 'yes' }).end('thanks');
    const seen: PushExchange[] = [];
    const options = optionsOf({ headers: { 'X-Team': 'ops', 'X-Token': { secret: 'hush hush' } } });
    const delivery = sampleDelivery<HttpEndpoint>(`${receiver.url}/hook`, {}, { options });
    await channel.send({ ...delivery, onExchange: (exchange) => seen.push(exchange) }, NEVER);
    expect(JSON.stringify(seen)).not.toContain('hush');
    const { request, response } = seen.at(-1)!;
    expect(request).toMatchObject({ method: 'POST', url: `${receiver.url}/hook`, body: 'hello' });
    expect(request.headers).toContainEqual(['X-Team', 'ops']);
    expect(request.headers).toContainEqual(['X-Token', '***']);
    expect(response).toMatchObject({ status: 200, body: 'thanks' });
    expect(response?.headers).toContainEqual(['x-reply', 'yes']);
  });

  it('uses no secret that was sealed for another subscription', async () => {
    const options = optionsOf({ headers: { 'X-Token': { secret: 'hush' } } });
    const stranger = sampleDelivery<HttpEndpoint>(receiver.url, {}, { name: 's2', options });
    const outcome = await channel.send(stranger, NEVER);
    expect(outcome).toMatchObject({ kind: 'retryable', reason: expect.stringContaining('cannot be decrypted') });
    expect(receiver.pushes).toHaveLength(0);
  });

  interface TlsReceiver {
    readonly url: string;
    readonly clients: (string | undefined)[];
  }

  /** Wants a client certificate when `client` is the one that it believes. */
  async function startTlsReceiver(own: ServerCertificate, client?: ServerCertificate): Promise<TlsReceiver> {
    const clients: (string | undefined)[] = [];
    const asks = client === undefined ? {} : { requestCert: true, rejectUnauthorized: true, ca: client.cert };
    const server: Server = createServer({ ...own, ...asks }, (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      clients.push(subject === undefined ? undefined : String(subject.O));
      request.resume().on('end', () => response.writeHead(204).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanUps.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return { url: `https://localhost:${(server.address() as AddressInfo).port}/`, clients };
  }

  it('believes no certificate that nobody vouches for, whatever the environment says', async () => {
    const { url, clients } = await startTlsReceiver(makeServerCertificate());
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    cleanUps.push(() => Promise.resolve(delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']));
    expect(await channel.send(sampleDelivery<HttpEndpoint>(url), NEVER)).toMatchObject({ kind: 'retryable', reason: expect.stringMatching(/self.signed/) });
    expect(clients).toHaveLength(0);
  });

  it('believes the authorities of the configuration, for the names that they vouch for', async () => {
    const own = makeServerCertificate();
    const { url } = await startTlsReceiver(own);
    const believing = open(own.cert);
    expect(await believing.send(sampleDelivery<HttpEndpoint>(url), NEVER)).toMatchObject({ kind: 'delivered' });
    const byAddress = sampleDelivery<HttpEndpoint>(url.replace('localhost', '127.0.0.1'));
    expect(await believing.send(byAddress, NEVER)).toMatchObject({ kind: 'retryable' });
  });

  it('shows a client certificate, and to nobody else a connection that was opened with it', async () => {
    const [own, client] = [makeServerCertificate(), makeServerCertificate('Client')];
    const { url, clients } = await startTlsReceiver(own, client);
    const believing = open(own.cert);
    const options = optionsOf({ clientCertificate: { certificate: client.cert, key: client.key } });
    const certified = sampleDelivery<HttpEndpoint>(url, {}, { options });
    expect(await believing.send(certified, NEVER)).toMatchObject({ kind: 'delivered' });
    expect(await believing.send(certified, NEVER)).toMatchObject({ kind: 'delivered' });
    expect(await believing.send(sampleDelivery<HttpEndpoint>(url), NEVER)).toMatchObject({ kind: 'retryable' });
    const wrong = makeServerCertificate('Stranger');
    const strange = optionsOf({ clientCertificate: { certificate: wrong.cert, key: wrong.key } });
    expect(await believing.send(sampleDelivery<HttpEndpoint>(url, {}, { options: strange }), NEVER)).toMatchObject({ kind: 'retryable' });
    expect(clients).toEqual(['Client', 'Client']);
  });
});
