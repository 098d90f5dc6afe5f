import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RawConnection } from './raw-connection.js';
import { RedisConnection } from './redis-connection.js';

let server: Server;
let port: number;

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(() => {
  server.close();
});

/** The next connection's first request is answered with these pieces, one packet each. */
function answerWith(...pieces: string[]): void {
  server.once('connection', (socket: Socket) => {
    socket.setNoDelay(true);
    socket.once('data', () => {
      void (async () => {
        for (const piece of pieces) {
          await new Promise((resolve) => socket.write(piece, resolve));
          await turn();
        }
        if (pieces.length === 0) socket.end();
      })();
    });
    socket.on('error', () => undefined);
  });
}

describe('a connection of the load generator', () => {
  it('reads an answer by its length, in whatever pieces it comes', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ngrün!';
    for (const pieces of [[answer], [answer.slice(0, 10), answer.slice(10, 38), answer.slice(38)]]) {
      answerWith(...pieces);
      const connection = await RawConnection.open('127.0.0.1', port);
      expect(await connection.request('GET / HTTP/1.1\r\n\r\n')).toEqual({ status: 200, body: 'grün!' });
      connection.close();
    }
  });

  it('reads an answer in chunks, and one without a body', async () => {
    answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1', '0\r\n0123456789abcdef\r\n0\r\n', '\r\n');
    const chunked = await RawConnection.open('127.0.0.1', port);
    expect(await chunked.request('x')).toEqual({ status: 200, body: 'abc0123456789abcdef' });
    answerWith('HTTP/1.1 204 No Content\r\n\r\n');
    const empty = await RawConnection.open('127.0.0.1', port);
    expect(await empty.request('x')).toEqual({ status: 204, body: '' });
    for (const connection of [chunked, empty]) connection.close();
  });

  it('reads replies of Redis, and takes an error of Redis for its own', async () => {
    answerWith('*3\r\n$2\r\nid\r\n$-1\r\n:4', '2\r\n');
    const good = await RedisConnection.open('127.0.0.1', port);
    expect(await good.request('x')).toEqual(['id', null, 42]);
    answerWith('-ERR no such script\r\n');
    const bad = await RedisConnection.open('127.0.0.1', port);
    await expect(bad.request('x')).rejects.toThrow('no such script');
    for (const connection of [good, bad]) connection.close();
  });

  it('fails a request whose connection ends, one on a closed connection, and one beside another', async () => {
    answerWith();
    const connection = await RawConnection.open('127.0.0.1', port);
    const pending = connection.request('x');
    await expect(connection.request('x')).rejects.toThrow('another request is under way');
    await expect(pending).rejects.toThrow('connection closed before the answer');
    await expect(connection.request('x')).rejects.toThrow('the connection is closed');
  });
});
