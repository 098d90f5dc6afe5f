import { closeSync, fdatasync, mkdtempSync, openSync, rmSync, write } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The least that an intake can do, in a process of its own: a body is appended to a file, synced, and answered 200; one that is posted to a
 * path that ends in `/fast` is only answered. What the bridge reaches is measured against it.
 */
const directory = mkdtempSync(join(tmpdir(), 'magpie-sink-'));
const file = openSync(join(directory, 'bodies'), 'a');

function answer(response: ServerResponse, status = 200): void {
  response.writeHead(status, { 'content-length': 0 }).end();
}

function take(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url?.endsWith('/fast') === true) return answer(response);
    write(file, Buffer.concat(chunks), (error) => {
      if (error !== null) return answer(response, 500);
      fdatasync(file, (failure) => answer(response, failure === null ? 200 : 500));
    });
  });
}

const server = createServer({ keepAliveTimeout: 75_000 }, take);
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('disconnect', () => {
  closeSync(file);
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});
