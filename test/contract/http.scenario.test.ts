import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { addressesOf, ApiListeners } from '../../apps/api/api-listeners.js';
import { createApiServer } from '../../apps/api/api-server.js';
import { ServerLifecycle } from '../../apps/api/server-lifecycle.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../support/eventually.js';
import { makeServerCertificate } from '../support/server-certificate.js';
import { element, exactHeader, exchangeBytes, type MnsRequest } from './mns-client.js';
import { startApi, type RunningApi } from './running-api.js';

const MESSAGE = '<Message><MessageBody>m</MessageBody></Message>';
/** Another address of this machine. */
const SECOND = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1')) ? '::1' : '127.0.0.2';
/** Connections that are kept open at a time. */
const MANY = 2_000;

describe('HTTP', () => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await startApi();
    await api.client.request('PUT', '/queues/q');
  });
  afterAll(() => api.stop());

  /** A signed request as it goes over the wire. */
  function bytes(method: string, target: string, options: MnsRequest & { version?: string } = {}): string {
    const headers = Object.entries(api.client.headersFor(method, target, options));
    const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const body = String(options.body ?? '');
    const content = options.chunked === true ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
    return `${method} ${target} HTTP/${options.version ?? '1.1'}\r\n${head}\r\n${content}`;
  }

  const statuses = (answers: string): string[] => answers.match(/(?<=HTTP\/1\.1 )\d{3}(?= )/g) ?? [];
  const close = { headers: { Connection: 'close' } };

  it('answers pipelined requests in their order, the slow ones too', async () => {
    await api.client.request('PUT', '/queues/order');
    const answers = await exchangeBytes(
      api.port,
      [
        bytes('GET', '/queues/order/messages?waitseconds=1'),
        bytes('POST', '/queues/q/messages', { body: MESSAGE, chunked: true }),
        bytes('GET', '/queues/none'),
        bytes('PUT', '/queues/order', close),
      ].join(''),
      3_000,
    );
    expect(statuses(answers)).toEqual(['404', '201', '404', '204']);
    expect(answers.match(/<Code>\w+/g)).toEqual(['<Code>MessageNotExist', '<Code>QueueNotExist']);
  });

  it('closes the connection when the client asks to, and keeps it otherwise', async () => {
    expect(await exchangeBytes(api.port, bytes('GET', '/queues/q', close), 3_000)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\nConnection: close\r\n/);
    const kept = await exchangeBytes(api.port, bytes('GET', '/queues/q'), 100);
    expect(kept).toMatch(/\r\nConnection: keep-alive\r\n/);
    expect(kept).toMatch(/\r\nKeep-Alive: timeout=75\r\n/);
  });

  it.each([
    ['closes', {}, 'close'],
    ['keeps on demand', { Connection: 'keep-alive' }, 'keep-alive'],
  ])('%s the connection of a client of HTTP/1.0', async (_what, headers, connection) => {
    const answer = await exchangeBytes(api.port, bytes('POST', '/queues/q/messages', { version: '1.0', body: MESSAGE, headers }), 300);
    expect(answer).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
    expect(answer).toContain(`\r\nConnection: ${connection}\r\n`);
    expect(answer).toMatch(/\r\nContent-Length: [1-9]/);
    expect(answer).not.toMatch(/transfer-encoding/i);
    const expecting = { version: '1.0', headers: { Host: undefined, Expect: 'anything' } };
    expect(statuses(await exchangeBytes(api.port, bytes('GET', '/queues/q', expecting), 300))).toEqual(['200']);
  });

  it.each([false, true])('takes a body on DELETE (in chunks: %s), and one that nobody asked for', async (chunked) => {
    const delayed = '<Message><MessageBody>m</MessageBody><DelaySeconds>60</DelaySeconds></Message>';
    const sent = await api.client.request('POST', '/queues/q/messages', { body: delayed });
    const body = `<ReceiptHandles><ReceiptHandle>${element(sent.body, 'ReceiptHandle')}</ReceiptHandle></ReceiptHandles>`;
    const unasked = [bytes('GET', '/queues/q', { body, chunked }), bytes('DELETE', '/queues/nothing', { body, chunked })];
    const answers = await exchangeBytes(api.port, [bytes('DELETE', '/queues/q/messages', { body, chunked }), ...unasked].join(''), 300);
    expect(statuses(answers)).toEqual(['204', '200', '204']);
  });

  it('says nothing of a length with 204, and goes on with the connection', async () => {
    const answers = await exchangeBytes(api.port, bytes('PUT', '/queues/q') + bytes('PUT', '/queues/q', close), 1_000);
    expect(statuses(answers)).toEqual(['204', '204']);
    expect(answers).not.toMatch(/content-length|transfer-encoding/i);
    expect(answers.match(/\r\nLocation: \S+\/queues\/q\r\n/g)).toHaveLength(2);
    expect(answers).toMatch(/\r\n\r\nHTTP\/1\.1 204 No Content\r\n/);
  });

  it('writes every header as MNS does, on errors as well', async () => {
    for (const target of ['/queues/q', '/queues/none', '/nowhere', '/queues/q?%zz']) {
      const { headers } = await api.client.request('GET', target);
      expect(headers.map(([name]) => name)).toEqual([
        ...['Content-Type', 'Content-Length', 'Server', 'x-mns-request-id', 'x-mns-version'],
        ...['Date', 'Connection', 'Keep-Alive'],
      ]);
    }
  });

  it.each(['HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND'])('answers %s, which the protocol does not have, and goes on', async (method) => {
    const unsigned = `${method} /queues/q HTTP/1.1\r\nHost: h\r\n\r\n`;
    const answers = await exchangeBytes(api.port, unsigned + bytes(method, '/queues/q/messages') + bytes('GET', '/queues/q', close), 1_000);
    expect(statuses(answers)).toEqual(['400', '400', '200']);
    const codes = ['MissingAuthorizationHeader', 'InvalidRequestURL'];
    expect(answers.match(/(?<=<Code>)\w+/g) ?? []).toEqual(method === 'HEAD' ? [] : codes);
  });

  it('answers OPTIONS for the server as a whole', async () => {
    const answer = await exchangeBytes(api.port, 'OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*<Code>/);
  });

  it('sends 100 Continue once, takes the body, and answers', async () => {
    const request = bytes('POST', '/queues/q/messages', { body: MESSAGE, headers: { Expect: '100-Continue' } });
    const socket = connect(api.port, '127.0.0.1');
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk) => (received += String(chunk)));
    socket.write(request.slice(0, -MESSAGE.length));
    await eventually('100 Continue', () => received === 'HTTP/1.1 100 Continue\r\n\r\n');
    socket.write(MESSAGE);
    await eventually('the answer', () => received.includes('</Message>'));
    expect(statuses(received)).toEqual(['100', '201']);
    socket.destroy();
  });

  it('an unknown expectation costs nothing but itself', async () => {
    const odd = bytes('POST', '/queues/q/messages', { body: MESSAGE, headers: { Expect: '200-ok' } });
    const answers = await exchangeBytes(api.port, odd + bytes('GET', '/queues/q', close), 1_000);
    expect(statuses(answers)).toEqual(['417', '200']);
    expect(answers).toMatch(/^HTTP\/1\.1 417 Expectation Failed\r\n/);
  });

  it(`serves a client while ${MANY} others keep their connections, and each of those later`, async () => {
    const sockets = await openMany(api.port, MANY);
    try {
      const request = bytes('GET', '/healthz');
      const answered = await Promise.all(sockets.map((socket) => answerTo(socket, request)));
      expect(new Set(answered)).toEqual(new Set(['HTTP/1.1 200 OK']));
      for (let i = 0; i < 50; i += 1) {
        expect((await api.client.request('POST', '/queues/q/messages', { body: MESSAGE })).status).toBe(201);
      }
      expect(sockets.filter((socket) => socket.destroyed)).toEqual([]);
      for (const socket of sockets.slice(0, 20)) expect(await answerTo(socket, bytes('GET', '/queues/q'))).toBe('HTTP/1.1 200 OK');
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  }, 30_000);
});

/** All at once, as after a restart of the hub: they wait in the backlog. */
async function openMany(port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return sockets;
}

/** First line of the answer. */
async function answerTo(socket: Socket, request: string): Promise<string> {
  socket.write(request);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString('latin1').split('\r\n')[0]!;
}

describe.each([
  ['::1', '[::1]'],
  ['::', '127.0.0.1'],
  ['localhost', 'localhost'],
])('an API at %s', (host, written) => {
  it('is reached, and hands out URLs that can be used', async (): Promise<void> => {
    const api = await startApi({ addresses: await addressesOf(host) }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRNOTAVAIL' && error.code !== 'EAFNOSUPPORT') throw error;
      return undefined;
    });
    if (api === undefined) {
      process.stderr.write(`skipped: this machine has no IPv6, an API at ${host} was not tried\n`);
      return;
    }
    try {
      const authority = `${written}:${api.port}`;
      for (const Host of [authority, undefined]) {
        const headers = api.client.headersFor('GET', '/queues/none', { headers: { Host } });
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
        const answer = await exchange(api.port, written, `GET /queues/none HTTP/1.0\r\n${lines.join('')}\r\n`);
        expect(answer).toMatch(/^HTTP\/1\.1 404 /);
        const hostId = element(answer, 'HostId')!;
        expect(hostId).toBe(Host === undefined ? hostId : `http://${authority}`);
        expect((await fetch(`${hostId}/healthz`)).status).toBe(200);
      }
    } finally {
      await api.stop();
    }
  });
});

describe('an API at several addresses', () => {
  it('is one: the same port and answers everywhere, and a stop that ends all polls', async () => {
    const tls = { port: 0, certificate: makeServerCertificate() };
    // The last is an address for documentation, which no machine has.
    const api = await startApi({ addresses: ['127.0.0.1', SECOND, '192.0.2.1'], tls });
    const { port } = api;
    await api.client.request('PUT', '/queues/q');
    const ask = (host: string, target: string): Promise<string> => {
      const headers = api.client.headersFor('GET', target, { headers: { Expect: '100-continue' } });
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      return exchange(port, host, `GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
    };
    const secure = connectTls({ host: SECOND, port: api.listeners.tlsPort!, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    const lifecycle = api.app.get(ServerLifecycle);
    const polls = ['127.0.0.1', SECOND].map((host) => ask(host, '/queues/q/messages?waitseconds=30'));
    await eventually('two polls', () => lifecycle.openPolls === 2);
    await Promise.all([api.stop(), once(secure.resume(), 'close')]);
    for (const answer of await Promise.all(polls)) {
      expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 404 [^]*\r\nConnection: close\r\n[^]*<Code>MessageNotExist/);
    }
    await expect(exchange(port, SECOND, '\r\n')).rejects.toThrow('ECONNREFUSED');
  });

  it('does not start when a port is taken, and leaves nothing behind', async () => {
    const first = await startApi();
    const app = await createApiServer({ settings: first.settings, logger: silentLogger });
    const tls = { port: first.port, certificate: makeServerCertificate() };
    await expect(ApiListeners.open(app, { addresses: ['127.0.0.1'], port: 0, tls })).rejects.toThrow('EADDRINUSE');
    await app.close();
    await first.stop();
  });
});

async function exchange(port: number, written: string, bytes: string): Promise<string> {
  const socket = connect(port, written.replace(/[[\]]/g, ''));
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk) => (received += String(chunk)));
  socket.write(bytes);
  await once(socket, 'end');
  return received;
}

describe('a proxy in front', () => {
  const HOST = '1234567890123456.mns.cn-test.example.com';
  const FOREIGN = '9999999999999999.mns.cn-test.example.com';
  const forwarded = (host: string) => ({
    headers: { 'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Host': host, 'X-Forwarded-Proto': 'https' },
  });

  it.each(['V2', 'V4'] as const)('that is trusted decides about account and URLs, with signature %s', async (signatureVersion) => {
    const api = await startApi({ trustedProxies: ['127.0.0.1/32'] });
    try {
      const created = await api.client.request('PUT', '/queues/q', { signatureVersion, ...forwarded(HOST) });
      expect(exactHeader(created, 'Location')).toBe(`https://${HOST}/queues/q`);
      const foreign = await api.client.request('GET', '/queues/q', { signatureVersion, ...forwarded(FOREIGN) });
      expect(element(foreign.body, 'Code')).toBe('AccessDenied');
      expect(element(foreign.body, 'HostId')).toBe(`https://${FOREIGN}`);
      expect((await api.client.request('GET', '/queues/q', forwarded('a"><b>'))).status).toBe(200);
    } finally {
      await api.stop();
    }
  });

  it.each([[[]], [['10.0.0.0/8']]])('that is not among %j decides nothing', async (trustedProxies) => {
    const api = await startApi({ trustedProxies });
    try {
      const created = await api.client.request('PUT', '/queues/q', forwarded(FOREIGN));
      expect(exactHeader(created, 'Location')).toBe(`${api.url}/queues/q`);
    } finally {
      await api.stop();
    }
  });

  it('shows the log who the client is', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
    const api = await startApi({ trustedProxies: ['loopback'], logger });
    try {
      await api.client.request('GET', '/queues/none', forwarded(HOST));
      const line = await eventually('the line', () => lines.find((candidate) => candidate.includes('request answered')));
      const expected = { client: '192.0.2.7', method: 'GET', url: '/queues/none', operation: 'GetQueueAttributes', code: 'QueueNotExist', status: 404 };
      expect(JSON.parse(line)).toMatchObject(expected);
    } finally {
      await api.stop();
    }
  });

  it('does not overrule the public URL', async () => {
    const api = await startApi({ trustedProxies: ['loopback'], publicUrl: 'https://mq.example.com' });
    try {
      expect(exactHeader(await api.client.request('PUT', '/queues/q', forwarded(HOST)), 'Location')).toBe('https://mq.example.com/queues/q');
    } finally {
      await api.stop();
    }
  });
});
