import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { BadInputStore } from '#event-source/bad-input-store.js';
import { Deployment } from '#redis/deployment.js';
import { eventually } from '../../../test/support/eventually.js';
import { ACCOUNT, startBridge, TestEngine, TOKEN, type RunningBridge } from '../running-bridge.fixture.js';

const MEBIBYTE = 1_048_576;

describe('the intake on the wire', () => {
  let engine: TestEngine;
  let running: RunningBridge;
  let url: string;

  beforeAll(async () => {
    engine = await TestEngine.open();
    running = await startBridge({ keyPrefix: engine.prefix });
    url = `http://127.0.0.1:${running.port}`;
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
  });

  afterAll(async () => {
    await running.stop();
    engine.close();
  });

  const request = (method: string, path: string, headers: Record<string, string> = {}, body?: string | Buffer) =>
    fetch(`${url}${path}`, { method, redirect: 'manual', headers: { authorization: TOKEN, ...headers }, ...(body !== undefined && { body }) });

  describe('token', () => {
    it.each([
      ['with the word Bearer', `Bearer ${TOKEN}`, 200],
      ['alone', TOKEN, 200],
      ['with the word in small letters', `bearer ${TOKEN}`, 200],
      ['wrong', 'Bearer wrong-token', 401],
      ['a part of it', `Bearer ${TOKEN.slice(1)}`, 401],
      ['more than it', `Bearer ${TOKEN}x`, 401],
      ['empty', '', 401],
      ['only the word', 'Bearer', 401],
      ['another scheme', `Basic ${Buffer.from(`:${TOKEN}`).toString('base64')}`, 401],
    ])('%s: %s', async (_what, authorization, status) => {
      for (const path of ['/intake/s3/store', '/intake/s3/store/fast']) {
        const response = await request('POST', path, { authorization }, '{"Records":[]}');
        expect(response.status).toBe(status);
        expect(response.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
      }
    });

    it('missing: 401', async () => {
      expect((await fetch(`${url}/intake/s3/store`, { method: 'POST', body: '{}' })).status).toBe(401);
    });

    it('of a source that has its own: no other', async () => {
      const status = async (source: string, authorization: string) => (await request('POST', `/intake/s3/${source}`, { authorization }, '{"Records":[]}')).status;
      running.token.setOwn([['guarded', 'own-secret']]);
      await eventually('it is known', async () => (await status('guarded', 'own-secret')) === 200);
      expect(await status('guarded', TOKEN)).toBe(401);
      expect(await status('store', 'own-secret')).toBe(401);
      expect(await status('store', TOKEN)).toBe(200);
      running.token.setOwn([]);
      await eventually('it is forgotten', async () => (await status('guarded', TOKEN)) === 200);
    });

    it('that was wrong is counted, and remembered with the source', async () => {
      const store = new BadInputStore(engine.client, await Deployment.open(engine.client, engine.prefix));
      const counted = async () => Number(/^magpie_bridge_unauthorized_total (\d+)/m.exec(await (await request('GET', '/metrics')).text())![1]);
      const before = await counted();
      for (let i = 0; i < 3; i += 1) await request('POST', '/intake/s3/mistaken', { authorization: 'wrong' }, '{}');
      expect(await counted()).toBe(before + 3);
      const refusal = await eventually('it is remembered', async () => (await store.refusal('mistaken')) ?? false);
      expect(refusal).toEqual({ at: expect.any(Number), remote: '127.0.0.1' });
      expect(Date.now() - refusal.at).toBeLessThan(10_000);
      expect(await store.refusal('nobody')).toBeUndefined();
    });
  });

  describe('what is no event post', () => {
    it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s gets 405', async (method) => {
      for (const path of ['/intake/s3/store', '/intake/s3/store/', '/intake/s3/store/fast', '/intake/s3', '/intake']) {
        const response = await request(method, path);
        expect(response.status).toBe(path === '/intake' ? 404 : 405);
        if (response.status === 405) expect(response.headers.get('allow')).toBe('POST');
      }
    });

    it.each(['/intake/s3/', '/intake/s3/a%20b', '/intake/s3/a%2Fb', '/intake/s3/store/slow', `/intake/s3/${'x'.repeat(65)}`, '/other', '/%'])(
      'POST %s gets 4xx, never a redirect',
      async (path) => {
        const { status } = await request('POST', path, {}, '{}');
        expect(status).toBeGreaterThanOrEqual(400);
        expect(status).toBeLessThan(500);
      },
    );

    it('takes a slash too many for what is meant', async () => {
      expect((await request('POST', '/intake/s3/store/', {}, '{"Records":[]}')).status).toBe(200);
      expect((await request('POST', '/intake/s3/store/fast/?x=1', {}, '{"Records":[]}')).status).toBe(200);
    });
  });

  describe('bodies', () => {
    it.each<[string, string | Buffer, Record<string, string>]>([
      ['nothing', '', {}],
      ['text', 'hello', { 'content-type': 'text/plain' }],
      ['JSON that is no event', '{"a":1}', { 'content-type': 'application/json' }],
      ['half JSON called JSON', '{"a":', { 'content-type': 'application/json' }],
      ['invalid UTF-8', Buffer.from([0xff, 0xfe, 0x00]), { 'content-type': 'application/json; charset=utf-8' }],
      ['gzip', gzipSync(minioBody()), { 'content-encoding': 'gzip' }],
      ['an unknown type', minioBody({ key: 'typed oddly' }), { 'content-type': 'application/x-something+weird' }],
      ['a type that is none', minioBody({ key: 'typed wrongly' }), { 'content-type': 'this is no type' }],
      ['an empty type', minioBody({ key: 'typed emptily' }), { 'content-type': '' }],
      ['a test event', '{"Event":"s3:TestEvent"}', {}],
      ['an almost too large body', `{"pad":"${'x'.repeat(4 * MEBIBYTE - 100)}"}`, {}],
    ])('%s: 200', async (_what, body, headers) => {
      expect((await request('POST', '/intake/s3/store', headers, body)).status).toBe(200);
    });

    const inChunks = (mebibytes: number) => {
      let left = mebibytes;
      return new ReadableStream({
        pull(controller) {
          if (left-- > 0) controller.enqueue(new Uint8Array(MEBIBYTE).fill(0x20));
          else controller.close();
        },
      });
    };
    const postChunks = (mebibytes: number, path: string): Promise<number | string> =>
      fetch(`${url}${path}`, { method: 'POST', headers: { authorization: TOKEN }, body: inChunks(mebibytes), duplex: 'half' }).then(
        ({ status }) => status,
        () => 'cut off',
      );

    it('longer than any event, announced or not: 200, because the sender would send nothing else, and the beginning is shown', async () => {
      expect((await request('POST', '/intake/s3/large', {}, Buffer.alloc(10 * MEBIBYTE, 0x20))).status).toBe(200);
      expect(await postChunks(10, '/intake/s3/large')).toBe(200);
      expect(await postChunks(5, '/intake/s3/large/fast')).toBe(200);
      const bodies = await eventually('three bodies', async () => {
        const response = await request('GET', '/unreadable?source=large');
        const shown = ((await response.json()) as { bodies: { length: number; excerpt: string; problems: string[] }[] }).bodies;
        return shown.length === 3 && shown;
      });
      expect(bodies.map(({ length }) => length / MEBIBYTE).sort()).toEqual([10, 10, 5]);
      expect(bodies.map(({ excerpt }) => excerpt.length)).toEqual([16_384, 16_384, 16_384]);
      expect(bodies[0]!.problems[0]).toMatch(/^too long: \d+ bytes/);
    });

    it('without end: 413, and the connection is closed', async () => {
      expect([413, 'cut off']).toContain(await postChunks(80, '/intake/s3/large'));
    }, 20_000);

    it('hands on what came with a strange type', async () => {
      expect((await engine.arrived(3)).sort()).toEqual(['typed emptily', 'typed oddly', 'typed wrongly']);
    });

    it('takes chunks', async () => {
      const text = minioBody({ key: 'chunked' });
      const body = new ReadableStream({
        start(controller) {
          for (let at = 0; at < text.length; at += 100) controller.enqueue(Buffer.from(text.slice(at, at + 100)));
          controller.close();
        },
      });
      const { status } = await fetch(`${url}/intake/s3/store`, { method: 'POST', headers: { authorization: TOKEN }, body, duplex: 'half' });
      expect(status).toBe(200);
      expect(await engine.arrived(1)).toEqual(['chunked']);
    });

    it('takes posts from many connections at once', async () => {
      const keys = Array.from({ length: 400 }, (_, index) => `many ${index}`);
      const statuses = await Promise.all(keys.map((key) => running.post(minioBody({ key }))));
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect((await engine.arrived(keys.length, 'events', 10_000)).sort()).toEqual(keys.sort());
    });
  });

  describe('connections', () => {
    /** Sends bytes as they are and returns everything that comes back until the answer is complete. */
    async function exchange(socket: Socket, text: string): Promise<string> {
      socket.write(text);
      let answer = '';
      while (!/\r\n\r\n/.test(answer)) {
        const [chunk] = (await once(socket, 'data')) as [Buffer];
        answer += String(chunk);
      }
      return answer;
    }

    const open = async () => {
      const socket = connect(running.port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    const post = (body: string, extra = '', version = '1.1') =>
      `POST /intake/s3/store HTTP/${version}\r\nHost: bridge\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${extra}\r\n${body}`;

    it('stay open, longer than senders keep them idle', async () => {
      const socket = await open();
      for (let i = 0; i < 3; i += 1) {
        const answer = await exchange(socket, post('{"Records":[]}'));
        expect(answer).toMatch(/^HTTP\/1\.1 200 /);
        expect(answer.toLowerCase()).toContain('connection: keep-alive');
        expect(answer.toLowerCase()).toContain('keep-alive: timeout=75');
      }
      socket.destroy();
    });

    it('may be of HTTP/1.0', async () => {
      const socket = await open();
      expect(await exchange(socket, post('{"Records":[]}', '', '1.0'))).toMatch(/^HTTP\/1\.1 200 /);
      socket.destroy();
    });

    it('may ask before they send the body', async () => {
      const socket = await open();
      const body = '{"Records":[]}';
      expect(await exchange(socket, post(body, 'Expect: 100-continue\r\n').slice(0, -body.length))).toMatch(/^HTTP\/1\.1 100 /);
      expect(await exchange(socket, body)).toMatch(/^HTTP\/1\.1 200 /);
      socket.destroy();
    });

    it('may bring several posts at once', async () => {
      const socket = await open();
      let answers = '';
      socket.on('data', (chunk) => {
        answers += String(chunk);
      });
      socket.write(post('{"Records":[]}').repeat(5));
      while ((answers.match(/HTTP\/1\.1 200 /g) ?? []).length < 5) await once(socket, 'data');
      socket.destroy();
    });

    it('that end inside a body leave nothing behind', async () => {
      const socket = await open();
      socket.write(post(minioBody({ key: 'half' })).slice(0, -20));
      socket.end();
      socket.resume();
      await once(socket, 'close');
      expect(await running.post(minioBody({ key: 'whole' }))).toBe(200);
      expect(await engine.arrived(1)).toEqual(['whole']);
    });

    it('that bring rubbish get 400', async () => {
      const socket = await open();
      expect(await exchange(socket, 'rubbish\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
      socket.destroy();
    });
  });
});
