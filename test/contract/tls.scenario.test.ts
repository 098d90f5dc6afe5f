import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect as connectPlain } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CertificateFiles } from '#runtime/certificate-files.js';
import { silentLogger } from '#runtime/log.js';
import { ServerLifecycle } from '../../apps/api/server-lifecycle.js';
import { eventually } from '../support/eventually.js';
import { makeServerCertificate, writeServerCertificate } from '../support/server-certificate.js';
import { element, exchangeBytes, type SignatureVersion } from './mns-client.js';
import { ACCOUNT, startApi, type RunningApi } from './running-api.js';

const require = createRequire(import.meta.url);
const certificate = makeServerCertificate('First');

/** A connection on which requests are written as they come, and answers read. */
class TlsConnection {
  received = '';

  private constructor(readonly socket: TLSSocket) {
    socket.setEncoding('latin1').on('data', (chunk) => (this.received += String(chunk)));
    socket.on('error', () => undefined);
  }

  static async open(api: RunningApi): Promise<TlsConnection> {
    const socket = connect({ port: api.listeners.tlsPort!, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return new TlsConnection(socket);
  }

  get organization(): string {
    return String(this.socket.getPeerCertificate().subject.O);
  }

  /** The answer to one request: its head and whatever of its body came with it. */
  async request(api: RunningApi, method: string, target: string, signatureVersion: SignatureVersion = 'V2'): Promise<string> {
    this.received = '';
    const headers = api.client.headersFor(method, target, { signatureVersion, headers: { Host: `localhost:${api.listeners.tlsPort}` } });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
    await eventually('an answer', () => this.received.includes('\r\n\r\n'));
    return this.received;
  }
}

describe('https', () => {
  let api: RunningApi;
  const trusted = getCACertificates('default');
  beforeAll(async () => {
    setDefaultCACertificates([...trusted, certificate.cert]);
    api = await startApi({ tls: { port: 0, certificate } });
  });
  afterAll(async () => {
    setDefaultCACertificates(trusted);
    await api.stop();
  });

  it('answers as http does, with headers in the same case and URLs of its own scheme', async () => {
    const url = `https://localhost:${api.listeners.tlsPort}`;
    const connection = await TlsConnection.open(api);
    const created = await connection.request(api, 'PUT', '/queues/t');
    expect(created).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
    for (const header of [`Location: ${url}/queues/t`, 'Content-Type: text/xml;charset=utf-8', 'Server: AliyunMQS', 'Connection: keep-alive']) {
      expect(created).toContain(`\r\n${header}\r\n`);
    }
    expect(created).toMatch(/\r\nx-mns-request-id: [0-9A-F]{24}\r\n/);
    const missing = await connection.request(api, 'GET', '/queues/none', 'V4');
    expect(element(missing, 'Code')).toBe('QueueNotExist');
    expect(element(missing, 'HostId')).toBe(url);
    expect((await api.client.request('GET', '/queues/t')).status).toBe(200);
    connection.socket.destroy();
  });

  it('serves an SDK that checks the certificate', async () => {
    type Sdk = Record<string, (...args: unknown[]) => Promise<{ code?: number; body: Record<string, string> }>>;
    const Client = require('@alicloud/mns') as new (account: string, options: object) => Sdk;
    const endpoint = `https://localhost:${api.listeners.tlsPort}`;
    const client = new Client(ACCOUNT, { ...api.credentials, endpoint });
    expect(await client['createQueue']!('sdk')).toMatchObject({ code: 201, headers: { location: `${endpoint}/queues/sdk` } });
    await client['sendMessage']!('sdk', { MessageBody: 'over TLS' });
    const { body } = await client['receiveMessage']!('sdk', 5);
    expect(body['MessageBody']).toBe('over TLS');
    expect(await client['deleteMessage']!('sdk', body['ReceiptHandle'])).toMatchObject({ code: 204 });
  });

  it('does not mind what is no TLS, nor http what is no HTTP', async () => {
    expect(await exchangeBytes(api.listeners.tlsPort!, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')).not.toMatch(/HTTP/);
    const silent = connectPlain(api.listeners.tlsPort!, '127.0.0.1');
    await once(silent, 'connect');
    silent.destroy();
    const broken = await TlsConnection.open(api);
    broken.socket.write('NONSENSE\r\n\r\n');
    await eventually('an answer', () => broken.received.startsWith('HTTP/1.1 400 '));
    expect(element(broken.received, 'HostId')).toBe(`https://127.0.0.1:${api.listeners.tlsPort}`);
    const connection = await TlsConnection.open(api);
    expect(await connection.request(api, 'GET', '/queues')).toMatch(/^HTTP\/1\.1 200 /);
    connection.socket.destroy();
  });
});

describe('a certificate that is replaced', () => {
  it('is shown to new connections, and those that are open go on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'magpie-tls-'));
    const { certFile, keyFile } = writeServerCertificate(folder, certificate);
    const files = new CertificateFiles(certFile, keyFile);
    const api = await startApi({ tls: { port: 0, certificate: await files.load() } });
    try {
      files.watch((changed) => api.listeners.useCertificate(changed), silentLogger);
      const before = await TlsConnection.open(api);
      expect(before.organization).toBe('First');
      expect(await before.request(api, 'PUT', '/queues/q')).toMatch(/^HTTP\/1\.1 201 /);
      writeServerCertificate(folder, makeServerCertificate('Second'));
      const after = await eventually('the new certificate', async () => {
        const connection = await TlsConnection.open(api);
        if (connection.organization === 'Second') return connection;
        connection.socket.destroy();
        return undefined;
      });
      expect(await after.request(api, 'GET', '/queues/q')).toMatch(/^HTTP\/1\.1 200 /);
      expect(await before.request(api, 'GET', '/queues/q')).toMatch(/^HTTP\/1\.1 200 /);
      expect(before.organization).toBe('First');
      for (const { socket } of [before, after]) socket.destroy();
    } finally {
      files.close();
      await api.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('a server with TLS that stops', () => {
  it('answers its polls, and closes connections that are idle, unused or still in their handshake', async () => {
    const api = await startApi({ tls: { port: 0, certificate } });
    const lifecycle = api.app.get(ServerLifecycle);
    const port = api.listeners.tlsPort!;
    const [polling, idle, unused] = [await TlsConnection.open(api), await TlsConnection.open(api), await TlsConnection.open(api)];
    await idle.request(api, 'PUT', '/queues/q');
    const handshaking = connectPlain(port, '127.0.0.1');
    await once(handshaking, 'connect');
    const poll = polling.request(api, 'GET', '/queues/q/messages?waitseconds=30');
    await eventually('the poll waits', () => lifecycle.openPolls === 1);
    const sockets = [polling.socket, idle.socket, unused.socket, handshaking];
    for (const socket of sockets) socket.resume();
    const started = performance.now();
    const stopping = api.listeners.stop({ linger: 300, deadline: 5_000 });
    const answer = await poll;
    expect(answer).toMatch(/^HTTP\/1\.1 404 [^]*\r\nConnection: close\r\n/);
    await stopping;
    expect(performance.now() - started).toBeLessThan(2_500);
    await eventually('all connections have ended', () => sockets.every((socket) => socket.destroyed || socket.readableEnded));
    await expect(once(connectPlain(port, '127.0.0.1'), 'connect')).rejects.toThrow();
    api.client.close();
    await api.app.close();
  });
});
