import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer, type ServerOptions } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import { isIP, type AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { CertificatePair } from '#runtime/certificate-files.js';
import { BACKLOG, CONNECTION_TIMES } from './connection-times.js';
import { ServerLifecycle, stopServers, type StopTimes } from './server-lifecycle.js';

export interface ListenOptions {
  /** At least one, see `addressesOf`; one that this machine does not have is left out unless it is the first. */
  readonly addresses: readonly string[];
  /** 0: any free one. */
  readonly port: number;
  /** https beside http. */
  readonly tls?: { readonly port: number; readonly certificate: CertificatePair };
}

/**
 * The sockets of the API. All of them hand their requests to the one server that Nest knows, so that http and https, and every
 * address, are answered alike.
 */
export class ApiListeners {
  readonly #https: HttpsServer[] = [];
  readonly #servers: (HttpServer | HttpsServer)[] = [];

  private constructor(private readonly app: NestFastifyApplication) {}

  /** @throws Error when one of the addresses cannot be listened at; nothing listens then. */
  static async open(app: NestFastifyApplication, options: ListenOptions): Promise<ApiListeners> {
    const listeners = new ApiListeners(app);
    try {
      await listeners.#open(options);
    } catch (error) {
      await listeners.stop({ linger: 0, deadline: 0 });
      throw error;
    }
    return listeners;
  }

  get port(): number {
    return portOf(this.#servers[0]!);
  }

  /** Undefined without TLS. */
  get tlsPort(): number | undefined {
    return this.#https[0] && portOf(this.#https[0]);
  }

  /** For connections from now on; the others go on with the certificate that they began with. */
  useCertificate(certificate: CertificatePair): void {
    for (const server of this.#https) server.setSecureContext(certificate);
  }

  /** Lets requests and polls finish; the application itself stays open. */
  async stop(times: StopTimes): Promise<void> {
    await stopServers(this.#servers, this.app.get(ServerLifecycle), times);
    // Ends what Node keeps running for a server of its own accord; Nest closes its own.
    for (const server of this.#servers.slice(1)) server.close();
  }

  async #open({ addresses: [first = '', ...others], port, tls }: ListenOptions): Promise<void> {
    await this.app.listen({ host: first, port, backlog: BACKLOG });
    this.#servers.push(this.app.getHttpServer());
    for (const address of others) await unlessAbsent(() => this.#listen(this.#httpServer(), address, this.port));
    if (tls === undefined) return;
    await this.#listen(this.#httpsServer(tls.certificate), first, tls.port);
    for (const address of others) await unlessAbsent(() => this.#listen(this.#httpsServer(tls.certificate), address, this.tlsPort!));
  }

  #httpServer(): HttpServer {
    const server = createHttpServer(SERVER_OPTIONS);
    this.app.get(ServerLifecycle).watch(server);
    return server;
  }

  #httpsServer(certificate: CertificatePair): HttpsServer {
    const server = createHttpsServer({ ...SERVER_OPTIONS, ...certificate, handshakeTimeout: CONNECTION_TIMES.handshake });
    this.app.get(ServerLifecycle).watchTls(server);
    // A handshake that failed leaves nobody to answer. Before Node's own listener, which would report a broken request.
    server.prependListener('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  async #listen(server: HttpServer | HttpsServer, host: string, port: number): Promise<void> {
    const main: HttpServer = this.app.getHttpServer();
    server.setTimeout(CONNECTION_TIMES.silence);
    for (const event of ['request', 'checkExpectation', 'clientError']) {
      server.on(event, (...details: unknown[]) => main.emit(event, ...details));
    }
    server.listen({ host, port, backlog: BACKLOG });
    await once(server, 'listening');
    this.#servers.push(server);
    if (server instanceof HttpsServer) this.#https.push(server);
  }
}

/** What Fastify gives its own server. */
const SERVER_OPTIONS: ServerOptions = {
  keepAliveTimeout: CONNECTION_TIMES.keepAlive,
  headersTimeout: CONNECTION_TIMES.headers,
  requestTimeout: CONNECTION_TIMES.request,
  connectionsCheckingInterval: CONNECTION_TIMES.check,
  requireHostHeader: false,
};

/** All addresses of a name, in the system's order; an IP address is its own. @throws Error when nobody knows the name. */
export async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => address))];
}

/** A name may have addresses that this machine does not: `localhost` is often `::1` as well where there is no IPv6. */
async function unlessAbsent(listen: () => Promise<void>): Promise<void> {
  await listen().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRNOTAVAIL' && error.code !== 'EAFNOSUPPORT') throw error;
  });
}

function portOf(server: HttpServer): number {
  return (server.address() as AddressInfo).port;
}
