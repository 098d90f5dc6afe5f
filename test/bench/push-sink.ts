import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What an endpoint does with a request. */
export type SinkAnswer = 'ok' | 'hang' | 'reset' | '500';

const ANSWERS = {
  ok: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  '500': 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n',
} as const;

const HEAD_END = Buffer.from('\r\n\r\n');
const nothing = Buffer.alloc(0);

/**
 * Endpoints of pushes, all on one port and told apart by nothing: they share the machine with what is measured, so a request costs a
 * search for the end of its head and one for its length.
 */
export class PushSink {
  /** Requests that arrived whole. */
  count = 0;
  /** Told each request's body as it arrives; the memory is used again afterwards. */
  onBody: ((body: Buffer) => void) | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly answer: SinkAnswer) {
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  static async open(answer: SinkAnswer = 'ok'): Promise<PushSink> {
    const sink = new PushSink(answer);
    await new Promise<void>((resolve) => sink.#server.listen({ port: 0, host: '127.0.0.1', backlog: 2_048 }, resolve));
    return sink;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let rest: Buffer = nothing;
    socket.on('data', (fresh: Buffer) => {
      rest = this.#read(socket, rest.length === 0 ? fresh : Buffer.concat([rest, fresh]));
    });
  }

  /** @returns what is not complete yet */
  #read(socket: Socket, bytes: Buffer): Buffer {
    for (let at = 0; ; ) {
      const headEnd = bytes.indexOf(HEAD_END, at);
      if (headEnd === -1) return bytes.subarray(at);
      const bodyAt = headEnd + HEAD_END.length;
      const end = bodyAt + lengthOf(bytes.toString('latin1', at, bodyAt));
      if (bytes.length < end) return bytes.subarray(at);
      this.count += 1;
      this.onBody?.(bytes.subarray(bodyAt, end));
      if (this.answer === 'reset') socket.resetAndDestroy();
      else if (this.answer !== 'hang') socket.write(ANSWERS[this.answer]);
      at = end;
    }
  }
}

/** The header is written in every casing by somebody. */
function lengthOf(head: string): number {
  const at = head.search(/\r\ncontent-length:/i);
  if (at === -1) throw new Error(`a push without Content-Length: ${head}`);
  return Number.parseInt(head.slice(at + '\r\ncontent-length:'.length), 10);
}
