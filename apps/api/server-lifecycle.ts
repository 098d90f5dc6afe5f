import { setMaxListeners } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
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
  readonly #unused = new Map<Socket, () => void>();
  #stopping = false;

  /** Must be called before the server listens. */
  watch(server: HttpServer): void {
    server.on('connection', (socket: Socket) => this.#countUnused(socket));
    server.on('request', ({ socket }) => this.#isUsed(socket));
  }

  /** The same for TLS, where the connection of requests is another object than the one that was accepted. */
  watchTls(server: HttpsServer): void {
    const accepted = new Map<string, Socket>();
    server.on('connection', (socket: Socket) => {
      const peer = peerOf(socket);
      accepted.set(peer, socket);
      this.#countUnused(socket);
      socket.once('close', () => accepted.delete(peer));
    });
    server.on('secureConnection', (socket) => {
      const plain = accepted.get(peerOf(socket));
      if (plain !== undefined) this.#isUsed(plain);
      this.#countUnused(socket);
    });
    server.on('request', ({ socket }) => this.#isUsed(socket));
  }

  #countUnused(socket: Socket): void {
    const forget = (): void => void this.#unused.delete(socket);
    this.#unused.set(socket, forget);
    socket.once('close', forget);
  }

  /** Takes the listener away, too: each one on a connection costs Node some microseconds with every request. */
  #isUsed(socket: Socket): void {
    const forget = this.#unused.get(socket);
    if (forget === undefined) return;
    this.#unused.delete(socket);
    socket.off('close', forget);
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
  closeIdleConnections(servers: readonly (HttpServer | HttpsServer)[]): void {
    for (const server of servers) server.closeIdleConnections();
    for (const socket of this.#unused.keys()) socket.destroy();
  }
}

export interface StopTimes {
  /** Milliseconds that connections which are idle now may still bring a request: closing them at once would cut one that is on its way. */
  readonly linger: number;
  /** Milliseconds after which connections are cut whatever they do. */
  readonly deadline: number;
}

/** Stops accepting, ends the polls with an answer, lets requests finish, and returns when no connection is left. */
export async function stopServers(
  servers: readonly (HttpServer | HttpsServer)[],
  lifecycle: ServerLifecycle,
  times: StopTimes,
): Promise<void> {
  const stopWaiting = new AbortController();
  const { signal } = stopWaiting;
  const closed = Promise.all(servers.map(closeSoftly));
  lifecycle.beginStop();
  const until = (millis: number): Promise<void> => sleep(millis, undefined, { signal }).catch(() => undefined);
  await Promise.race([closed, until(times.linger)]);
  lifecycle.closeIdleConnections(servers);
  await Promise.race([closed, until(Math.max(0, times.deadline - times.linger))]);
  for (const server of servers) server.closeAllConnections();
  stopWaiting.abort();
}

/** http.Server.close would also cut the idle connections, at once. */
function closeSoftly(server: Server): Promise<void> {
  return new Promise((resolve) => Server.prototype.close.call(server, () => resolve()));
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
