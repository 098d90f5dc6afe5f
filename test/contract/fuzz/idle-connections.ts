import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const QUEUE_HEAD = 'POST /queues/fuzz-1/messages HTTP/1.1\r\n';

/** A connection that sends one byte a second. */
export interface SlowSender {
  readonly what: 'header' | 'body';
  /** Milliseconds from its start until the server ended it. */
  readonly ended: Promise<number>;
  readonly stillOpen: boolean;
  stop(): void;
}

/** Connections on which nothing comes: half of them silent from the start, half in the middle of a request. */
export async function openIdle(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(100, count - sockets.length) }, () =>
      connect(port, '127.0.0.1').on('error', () => undefined),
    );
    await Promise.all(some.map((socket) => once(socket, 'connect')));
    for (const [index, socket] of some.entries()) if (index % 2 === 0) socket.write(QUEUE_HEAD);
    for (const socket of some) socket.resume();
    sockets.push(...some);
  }
  return sockets;
}

/** @param head of a request with a body, signed, for what sends its body slowly */
export function startSlowSender(port: number, what: 'header' | 'body', head: Buffer): SlowSender {
  const start = Date.now();
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.resume();
  if (what === 'body') socket.write(head);
  let sent = 0;
  const timer = setInterval(() => socket.write(what === 'body' ? '<' : head.subarray(sent, ++sent)), 1_000);
  const ended = new Promise<number>((resolve) =>
    socket.once('close', () => {
      clearInterval(timer);
      resolve(Date.now() - start);
    }),
  );
  return {
    what,
    ended,
    get stillOpen() {
      return !socket.destroyed;
    },
    stop: () => socket.destroy(),
  };
}
