import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OddRequest } from './odd-requests.js';

/** What came back for one request. */
export type Outcome =
  | { readonly kind: 'answer'; readonly status: number; readonly head: string; readonly body: string; readonly millis: number }
  /** The connection ended without an answer. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'silence' };

/** Milliseconds between the parts of a request, and in which an incomplete one may still be answered before the client goes away. */
const PAUSE = 5;
const GRACE = 40;

/** Sends one request on a connection of its own. @param limit milliseconds until a complete request must be answered */
export async function exchange(port: number, request: OddRequest, limit: number): Promise<Outcome> {
  const socket = connect(port, '127.0.0.1');
  const start = Date.now();
  try {
    const answer = readAnswer(socket, request.method === 'HEAD');
    await Promise.race([once(socket, 'connect'), answer]);
    for (const [index, part] of request.parts.entries()) {
      if (index > 0) await sleep(PAUSE);
      socket.write(part);
    }
    const timeout = new AbortController();
    const late = sleep(request.complete ? limit : GRACE, 'late' as const, { signal: timeout.signal }).catch(() => 'late' as const);
    const bytes = await Promise.race([answer, late]);
    timeout.abort();
    if (bytes === 'late') return { kind: 'silence' };
    return bytes === undefined ? { kind: 'closed' } : { kind: 'answer', ...split(bytes), millis: Date.now() - start };
  } finally {
    socket.destroy();
  }
}

/** The first answer that is final, as soon as it is whole; undefined when the connection ends before. */
function readAnswer(socket: Socket, headOnly: boolean): Promise<Buffer | undefined> {
  let bytes = Buffer.alloc(0);
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (/^HTTP\/1\.1 1\d\d /.test(bytes.toString('latin1', 0, 13))) bytes = bytes.subarray(Math.max(bytes.indexOf('\r\n\r\n') + 4, 0));
      if (isWhole(bytes, headOnly)) resolve(bytes);
    });
    // A broken request may be answered and cut off at once.
    socket.on('close', () => resolve(bytes.length > 0 ? bytes : undefined));
    socket.on('error', () => undefined);
  });
}

function isWhole(bytes: Buffer, headOnly: boolean): boolean {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(bytes.toString('latin1', 0, end))?.[1];
  return headOnly || bytes.length >= end + 4 + Number(length ?? 0);
}

function split(bytes: Buffer): { status: number; head: string; body: string } {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body: end < 0 ? '' : bytes.toString('utf8', end + 4) };
}
