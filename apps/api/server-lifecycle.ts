import { setMaxListeners } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A receive that may wait for messages. Its signal fires when the client has gone or the server is about to stop. */
export interface OpenPoll {
  readonly signal: AbortSignal;
  close(): void;
}

/** Whether the server is about to stop, and the polls that have to end before it can. */
export class ServerLifecycle {
  readonly #polls = new Set<AbortController>();
  /** Connections that no request has come on yet; Node does not count them as idle. */
  readonly #unused = new Set<Socket>();
  #stopping = false;

  /** Must be called before the server listens. */
  watch(server: HttpServer): void {
    server.on('connection', (socket: Socket) => {
      this.#unused.add(socket);
      socket.once('close', () => this.#unused.delete(socket));
    });
    server.on('request', ({ socket }) => this.#unused.delete(socket));
  }

  /** From then on every answer asks the client to use another connection. */
  get stopping(): boolean {
    return this.#stopping;
  }

  get openPolls(): number {
    return this.#polls.size;
  }

  /** Watches the connection, not the response: the response of a pipelined request never learns that its connection is gone. */
  openPoll(socket: Socket): OpenPoll {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    this.#polls.add(controller);
    // One listener per poll that is pipelined on this connection.
    if (socket.listenerCount('close') >= 8) setMaxListeners(0, socket);
    socket.once('close', abort);
    if (this.#stopping || socket.destroyed) controller.abort();
    return {
      signal: controller.signal,
      close: () => {
        this.#polls.delete(controller);
        socket.off('close', abort);
      },
    };
  }

  beginStop(): void {
    this.#stopping = true;
    for (const poll of this.#polls) poll.abort();
  }

  /** Cuts the connections on which nothing is under way. */
  closeIdleConnections(server: HttpServer): void {
    server.closeIdleConnections();
    for (const socket of this.#unused) socket.destroy();
  }
}

export interface StopTimes {
  /** Milliseconds that connections which are idle now may still bring a request: closing them at once would cut one that is on its way. */
  readonly linger: number;
  /** Milliseconds after which connections are cut whatever they do. */
  readonly deadline: number;
}

/** Stops accepting, ends the polls with an answer, lets requests finish, and returns when no connection is left. */
export async function stopServer(server: HttpServer, lifecycle: ServerLifecycle, { linger, deadline }: StopTimes): Promise<void> {
  const stopWaiting = new AbortController();
  const { signal } = stopWaiting;
  // http.Server.close would also cut the idle connections, at once.
  const closed = new Promise<void>((resolve) => Server.prototype.close.call(server, () => resolve()));
  lifecycle.beginStop();
  const until = (millis: number): Promise<void> => sleep(millis, undefined, { signal }).catch(() => undefined);
  await Promise.race([closed, until(linger)]);
  lifecycle.closeIdleConnections(server);
  await Promise.race([closed, until(Math.max(0, deadline - linger))]);
  server.closeAllConnections();
  stopWaiting.abort();
}
