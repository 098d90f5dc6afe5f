import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A wire between a store and the intake that loses answers: the request arrives and is answered, and then the connection is cut before
 * the answer is through. The store cannot know that its event was stored and sends it again.
 */
export class LossyProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Answers that were lost. */
  lost = 0;
  /** Lose one answer in so many; 0: none. */
  oneIn = 0;

  private constructor(private readonly target: () => number) {
    this.#server = createServer((client) => this.#join(client));
  }

  /** @param target port of the intake at the time of a connection */
  static async open(target: () => number): Promise<LossyProxy> {
    const proxy = new LossyProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket): void {
    const upstream = connect(this.target(), '127.0.0.1');
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (answer) => {
      if (this.oneIn > 0 && Math.random() * this.oneIn < 1) {
        this.lost += 1;
        client.resetAndDestroy();
      } else client.write(answer);
    });
    upstream.on('end', () => client.end());
  }
}
