import type { IncomingMessage } from 'node:http';

/** A request's body as far as it is kept. */
export interface RequestBytes {
  /** With memory of their own, so that they can be handed to another thread. */
  readonly bytes: Buffer;
  /** Bytes that were sent, where that is more than the limit; `bytes` are the first ones of them. */
  readonly tooLong?: number;
}

export interface BytesLimits {
  /** Bytes that a body may have. */
  readonly most: number;
  /** Of a longer one so many are kept. */
  readonly excerpt: number;
  /** Bytes after which reading ends. */
  readonly end: number;
}

/**
 * Reads a request's body. One that is too long is read to its end all the same, because its sender listens for an answer only then.
 *
 * @param onDone not called when the sender goes away before the end; 'endless' when the last limit is reached
 */
export function readRequestBytes(request: IncomingMessage, limits: BytesLimits, onDone: (read: RequestBytes | 'endless') => void): void {
  let chunks: Buffer[] = [];
  let length = 0;
  const onData = (chunk: Buffer): void => {
    const before = length;
    length += chunk.length;
    if (length <= limits.most) chunks.push(chunk);
    else if (before <= limits.most) chunks = [Buffer.concat([...chunks, chunk]).subarray(0, limits.excerpt)];
    if (length <= limits.end) return;
    request.off('data', onData).off('end', onEnd);
    onDone('endless');
  };
  const onEnd = (): void => {
    const bytes = ownBytes(chunks);
    onDone(length > limits.most ? { bytes, tooLong: length } : { bytes });
  };
  request.on('data', onData).on('end', onEnd);
}

function ownBytes(chunks: readonly Buffer[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(bytes, at);
  return bytes;
}
