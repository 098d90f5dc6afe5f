import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** The client went away, or broke its own framing, before its request was complete: there is nobody to answer. */
export class RequestAborted extends Error {
  override readonly name = 'RequestAborted';
}

/** More bytes than any request of the protocol can need. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';

  constructor(readonly limit: number) {
    super(`The request body should not exceed ${limit} bytes.`);
  }
}

/**
 * The body of a request as bytes, whatever its Content-Type says, sent with a length or in chunks.
 *
 * @param limit bytes.
 * @throws BodyTooLarge as soon as it is known; the rest stays unread, see `discardRest`.
 * @throws RequestAborted
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > limit) {
      reject(new BodyTooLarge(limit));
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > limit) {
        request.off('data', onData).pause();
        reject(new BodyTooLarge(limit));
        return;
      }
      chunks.push(chunk);
    };
    let ended = false;
    const onEnd = (): void => {
      ended = true;
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length));
    };
    const onGone = (): void => {
      // Every request closes; an error that nobody needs would cost more than reading the body.
      if (!ended) reject(new RequestAborted('the client closed the connection inside its request'));
    };
    // They stay: the first of them settles the promise, and an error that comes later must meet a listener.
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}

function ignore(): void {}

/** Whether the request announces a body: without one there is nothing to wait for. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** Bytes of a body that is not wanted which are still taken in. */
const DISCARD_LIMIT = 8 * 1_048_576;

/** Connections whose last request was answered while its body was still to come. */
const answeredEarly = new WeakSet<Socket>();

/** Whether what comes on the connection now belongs to a request that has its answer already. */
export function isAnsweredEarly(socket: Socket): boolean {
  return answeredEarly.has(socket);
}

/**
 * Takes in what is left of a body that nobody will read: most clients read the answer only when they have sent everything, and a
 * connection that is closed under their hands would cost them the answer.
 *
 * @returns false when it is more than that is worth: the connection has to be closed.
 */
export function discardRest(request: IncomingMessage): boolean {
  if (request.complete) return true;
  if (Number(request.headers['content-length'] ?? 0) > DISCARD_LIMIT) return false;
  const { socket } = request;
  answeredEarly.add(socket);
  request.once('end', () => answeredEarly.delete(socket));
  let left = DISCARD_LIMIT;
  request.on('error', ignore);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) socket.destroy();
  });
  request.resume();
  return true;
}
