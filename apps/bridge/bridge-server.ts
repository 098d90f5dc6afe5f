import type { Server } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Logger } from '#runtime/log.js';
import type { Bridge } from './bridge.js';
import { BridgeModule } from './bridge.module.js';
import type { IntakeToken } from './intake-token.js';

/** Bytes of a body. Longer than any event can be; a store whose event were refused would send nothing else for ever. */
const BODY_LIMIT = 4 * 1_048_576;

/**
 * Milliseconds. Senders drop connections that were idle for 15 s; closing them earlier ourselves would race with an event that is
 * on its way, and cost it 3 s or its life.
 */
const TIMES = { keepAlive: 75_000, headers: 80_000, request: 120_000 };

/** The bridge's HTTP side, not listening yet. */
export async function createBridgeServer(bridge: Bridge, token: IntakeToken, logger: Logger): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    logger: false,
    skipMiddie: true,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    bodyLimit: BODY_LIMIT,
    keepAliveTimeout: TIMES.keepAlive,
    requestTimeout: TIMES.request,
    http: { headersTimeout: TIMES.headers },
    // A slash too many must not become a redirect: senders follow it with a GET and take that for an acknowledgement.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_024 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(BridgeModule.with(bridge, token), adapter, {
    // Errors of requests are logged below; those of the start are thrown.
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  installHooks(adapter.getInstance(), bridge, token, logger);
  return app;
}

function installHooks(fastify: FastifyInstance, bridge: Bridge, token: IntakeToken, logger: Logger): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(/^/, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  fastify.addHook('onRequest', async (request, reply) => {
    // Bytes are stored as they came, whatever this header says; Fastify would refuse those with one that it cannot read.
    request.raw.headers['content-type'] = 'application/octet-stream';
    const isIntake = request.method === 'POST' && request.routeOptions.url?.startsWith('/intake/s3/:source') === true;
    if (!isIntake) return;
    const verdict = token.judge(request.headers.authorization, (request.params as { source: string }).source, bridge.sources?.byName);
    if (verdict === 'admitted') return;
    if (verdict === 'unknown') {
      await reply.code(503).header('retry-after', '3').type('text/plain').send('the tokens of the sources are not known yet\n');
      return;
    }
    bridge.metrics.unauthorized.inc();
    await reply.code(401).header('www-authenticate', 'Bearer').type('text/plain').send('wrong token\n');
  });
  fastify.addHook('onError', async (request, _reply, error) => {
    if ((error.statusCode ?? 500) >= 500) logger.error({ err: error, url: request.url }, 'request failed');
  });
}

/** Stops accepting, tells clients to go elsewhere, lets requests finish, and cuts what is left after `deadline` milliseconds. */
export async function stopServer(app: NestFastifyApplication, { linger, deadline }: { linger: number; deadline: number }): Promise<void> {
  const server: Server = app.getHttpServer();
  server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'));
  const finished = new AbortController();
  const until = (millis: number) => sleep(millis, undefined, { signal: finished.signal }).catch(() => undefined);
  // http.Server.close would cut idle connections at once, on which a request may be on its way.
  const closed = new Promise<void>((resolve) => TcpServer.prototype.close.call(server, () => resolve()));
  await Promise.race([closed, until(linger)]);
  server.closeIdleConnections();
  await Promise.race([closed, until(deadline - linger)]);
  server.closeAllConnections();
  finished.abort();
  await app.close();
}
