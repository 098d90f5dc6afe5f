import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { ServerLifecycle } from '../../apps/api/server-lifecycle.js';
import { eventually } from '../support/eventually.js';
import { outcomeOf } from './documents.js';
import { element, exactHeader, type MnsResponse } from './mns-client.js';
import { startApi, type RunningApi } from './running-api.js';

/** Milliseconds by which a poll that is woken may be late on a busy machine. */
const LATENESS = 500;

describe('long polls', () => {
  let api: RunningApi;
  let queue: string;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());
  beforeEach(async () => {
    queue = `/queues/q-${randomBytes(4).toString('hex')}`;
    await call('PUT', queue);
  });

  const call = (method: string, target: string, body?: string): Promise<MnsResponse> =>
    api.client.request(method, target, body === undefined ? {} : { body });
  const send = (body: string, more = ''): Promise<MnsResponse> =>
    call('POST', `${queue}/messages`, `<Message><MessageBody>${body}</MessageBody>${more}</Message>`);
  const openPolls = (): number => api.app.get(ServerLifecycle).openPolls;
  const pollsOpen = (count: number): Promise<true> => eventually(`${count} open polls`, () => openPolls() === count);

  it('answer MessageNotExist when the time is over', async () => {
    const started = performance.now();
    expect(outcomeOf(await call('GET', `${queue}/messages?waitseconds=1`))).toBe('404 MessageNotExist');
    const waited = performance.now() - started;
    expect(waited).toBeGreaterThan(750);
    expect(waited).toBeLessThan(1_000 + LATENESS);
  });

  it('are answered as soon as a message is sent', async () => {
    const poll = call('GET', `${queue}/messages?waitseconds=20`);
    await pollsOpen(1);
    const sentAt = performance.now();
    await send('now');
    expect(element((await poll).body, 'MessageBody')).toBe('now');
    expect(performance.now() - sentAt).toBeLessThan(LATENESS);
  });

  it('are answered when a delayed message becomes visible, and when a visibility timeout is cut short', async () => {
    const delayed = call('GET', `${queue}/messages?waitseconds=20`);
    await pollsOpen(1);
    await send('delayed', '<DelaySeconds>1</DelaySeconds>');
    const first = await delayed;
    expect(element(first.body, 'MessageBody')).toBe('delayed');

    const again = call('GET', `${queue}/messages?waitseconds=20`);
    await pollsOpen(1);
    await call('PUT', `${queue}/messages?ReceiptHandle=${element(first.body, 'ReceiptHandle')}&VisibilityTimeout=1`);
    expect(element((await again).body, 'DequeueCount')).toBe('2');
  });

  it('wait as the queue says, unless the request says otherwise', async () => {
    await call('PUT', `${queue}?metaoverride=true`, '<Queue><PollingWaitSeconds>1</PollingWaitSeconds></Queue>');
    const timed = async (query: string): Promise<number> => {
      const started = performance.now();
      expect(outcomeOf(await call('GET', `${queue}/messages${query}`))).toBe('404 MessageNotExist');
      return performance.now() - started;
    };
    expect(await timed('')).toBeGreaterThan(750);
    expect(await timed('?waitseconds=0')).toBeLessThan(LATENESS);
  });

  it('share messages out: each of many polls gets one', async () => {
    const polls = Array.from({ length: 20 }, () => call('GET', `${queue}/messages?waitseconds=20`));
    await pollsOpen(20);
    await Promise.all(Array.from({ length: 20 }, (_, index) => send(`m${index}`)));
    const bodies = (await Promise.all(polls)).map(({ body }) => element(body, 'MessageBody'));
    expect(new Set(bodies).size).toBe(20);
  });

  it('whose client goes away consume nothing', async () => {
    const leave = new AbortController();
    const poll = api.client.request('GET', `${queue}/messages?waitseconds=20`, { signal: leave.signal });
    const gone = poll.catch((error: Error) => error.name);
    await pollsOpen(1);
    leave.abort();
    expect(await gone).toBe('AbortError');
    await pollsOpen(0);
    await send('kept');
    const response = await call('GET', `${queue}/messages`);
    expect([element(response.body, 'MessageBody'), element(response.body, 'DequeueCount')]).toEqual(['kept', '1']);
  });

  it('whose client goes away while the message is on its way give it back uncounted', async () => {
    for (let round = 0; round < 20; round++) {
      const leave = new AbortController();
      const gone = api.client.request('GET', `${queue}/messages?waitseconds=20`, { signal: leave.signal }).catch(() => undefined);
      await pollsOpen(1);
      const sent = send(`m${round}`);
      leave.abort();
      await Promise.all([gone, sent]);
      await pollsOpen(0);
      // The one race that remains: an answer that was already handed to the operating system counts as delivered.
      const next = await call('GET', `${queue}/messages?waitseconds=1`);
      if (next.status === 200) {
        expect([element(next.body, 'MessageBody'), element(next.body, 'DequeueCount')]).toEqual([`m${round}`, '1']);
        await call('DELETE', `${queue}/messages?ReceiptHandle=${element(next.body, 'ReceiptHandle')}`);
      }
    }
  });

  it('pipelined on one connection end with it', async () => {
    const target = `${queue}/messages?waitseconds=20`;
    const socket: Socket = connect(api.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(requestText(api, 'GET', target).repeat(12));
    await pollsOpen(12);
    socket.destroy();
    await pollsOpen(0);
  });
});

describe('a server that stops', () => {
  it('answers its polls with MessageNotExist, finishes requests, and gives up nothing that was acknowledged', async () => {
    const api = await startApi();
    await api.client.request('PUT', '/queues/q');
    const polls = Array.from({ length: 5 }, () => api.client.request('GET', '/queues/q/messages?waitseconds=30'));
    await eventually('5 open polls', () => api.app.get(ServerLifecycle).openPolls === 5);
    const started = performance.now();
    const stopped = api.app.get(ServerLifecycle);
    const stopping = stopAfter(api, polls);
    const answers = await Promise.all(polls);
    expect(answers.map(outcomeOf)).toEqual(Array(5).fill('404 MessageNotExist'));
    expect(answers.map((answer) => exactHeader(answer, 'Connection'))).toEqual(Array(5).fill('close'));
    await stopping;
    expect(stopped.stopping).toBe(true);
    expect(performance.now() - started).toBeLessThan(2_500);
    await expect(new Promise((_, reject) => connect(api.port, '127.0.0.1').once('error', reject))).rejects.toThrow('ECONNREFUSED');
  });

  it('serves a request that comes on a connection which was idle, and asks to close it', async () => {
    const api = await startApi();
    const lifecycle = api.app.get(ServerLifecycle);
    const socket = connect(api.port, '127.0.0.1');
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk) => (received += String(chunk)));
    socket.write(requestText(api, 'PUT', '/queues/q'));
    await eventually('the first answer', () => received.startsWith('HTTP/1.1 201 '));
    const stopping = stopAfter(api, []);
    expect(lifecycle.stopping).toBe(true);
    received = '';
    socket.write(requestText(api, 'POST', '/queues/q/messages', '<Message><MessageBody>late</MessageBody></Message>'));
    await eventually('the second answer', () => received.startsWith('HTTP/1.1 201 '));
    expect(received).toContain('\r\nConnection: close\r\n');
    await stopping;
    // The server has closed the connection, of which the client hears a moment later.
    await eventually('the end of the connection', () => socket.destroyed);
  });
});

function requestText(api: RunningApi, method: string, target: string, body?: string): string {
  const headers = Object.entries(api.client.headersFor(method, target, body === undefined ? {} : { body }));
  return `${method} ${target} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body ?? ''}`;
}

/** Stops without closing the client's connections first. */
async function stopAfter(api: RunningApi, requests: readonly Promise<unknown>[]): Promise<void> {
  await api.listeners.stop({ linger: 3_000, deadline: 6_000 });
  await Promise.all(requests);
  await api.app.close();
  api.client.close();
}
