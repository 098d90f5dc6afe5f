import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MnsError } from '#mns-wire/mns-error.js';
import { createRequestId } from '#mns-wire/request-id.js';
import type { Logger } from '#runtime/log.js';
import { ApiModule } from './api.module.js';
import type { ApiDependencies } from './api-settings.js';
import { Authentication } from './authentication.js';
import { answerBrokenRequest } from './broken-request.js';
import { CONNECTION_TIMES } from './connection-times.js';
import { ExpectationFailed } from './error-answer.js';
import { MnsErrorFilter } from './mns-error.filter.js';
import { NestLogger } from './nest-logger.js';
import { hasBody, readBody } from './request-body.js';
import { RequestMetrics } from './request-metrics.js';
import { RequestOrigins } from './request-origin.js';
import { parseQuery } from './request-query.js';
import { isManagement } from './request-state.js';
import { ServerLifecycle } from './server-lifecycle.js';

/**
 * Bytes of a request body: a message has 64 KB, its text may be escaped to several times that, and a batch has markup around it.
 * What is larger than a message but below this is refused by the queue, which knows its own limit.
 */
const BODY_LIMIT = 512 * 1_024;

/** Characters of a name in a path: too long a name has an error of its own, so the router must let it through. */
const NAME_LIMIT = 16_384;

/**
 * The API, connected to Redis and not listening yet, so that a caller may add routes through `getHttpAdapter().getInstance()`.
 * A route with `config: { public: true }` asks for no access key.
 *
 * @throws Error when Redis cannot be reached or holds what this release cannot use.
 */
export async function createApiServer(dependencies: ApiDependencies): Promise<NestFastifyApplication> {
  const { logger } = dependencies;
  const adapter = new FastifyAdapter({
    logger: false,
    skipMiddie: true,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    genReqId: () => createRequestId(Date.now()),
    keepAliveTimeout: CONNECTION_TIMES.keepAlive,
    requestTimeout: CONNECTION_TIMES.request,
    connectionTimeout: CONNECTION_TIMES.silence,
    // Node would refuse a request without Host itself, without a document; `checkHost` does.
    http: { headersTimeout: CONNECTION_TIMES.headers, connectionsCheckingInterval: CONNECTION_TIMES.check, requireHostHeader: false },
    routerOptions: { maxParamLength: NAME_LIMIT, ignoreTrailingSlash: true, querystringParser: parseQuery as never },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
      app.get(MnsErrorFilter).answer(adapter.mapException(error), request, reply),
  });
  const module = ApiModule.with(dependencies);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(app.get(MnsErrorFilter));
  installHooks(adapter.getInstance(), app, logger);
  return app;
}

/** What happens to every request around its controller. */
function installHooks(fastify: FastifyInstance, app: NestFastifyApplication, logger: Logger): void {
  const authentication = app.get(Authentication);
  const metrics = app.get(RequestMetrics);
  const lifecycle = app.get(ServerLifecycle);
  const logAnswer = answerLog(logger, app.get(RequestOrigins));
  lifecycle.watch(fastify.server);
  // Node would answer 417 without a document; `checkExpectation` gives it one.
  fastify.server.on('checkExpectation', (request, response) => fastify.server.emit('request', request, response));
  fastify.decorate('lifecycle', lifecycle);
  fastify.decorateRequest('operation', 'Unknown');
  fastify.decorateRequest('account', '');
  // No value of its own: routes that are public have none and ask for none.
  fastify.decorateRequest('accessKey');
  fastify.decorateRequest('startedAt', 0);
  fastify.decorateReply('outcome', '');
  // Fastify must not touch bodies: it would refuse those whose Content-Type it cannot read.
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    fastify.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
  fastify.addHook('onRequest', async (request) => {
    request.startedAt = performance.now();
    checkHost(request);
    checkExpectation(request);
    if (request.routeOptions.config.public !== true) await authenticate(authentication, request);
    // Only now: a body is not taken in from those who may not send one.
    if (!request.is404 && hasBody(request.raw)) request.body = await readBody(request.raw, BODY_LIMIT);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    metrics.observe(request, reply);
    logAnswer?.(request, reply);
    done();
  });
}

/** One line for each request; undefined unless the log is that detailed. */
function answerLog(logger: Logger, origins: RequestOrigins): ((request: FastifyRequest, reply: FastifyReply) => void) | undefined {
  if (!logger.isLevelEnabled('debug')) return undefined;
  return ({ id, raw, operation, startedAt }, reply) => {
    const { method, url } = raw;
    const millis = Math.round(performance.now() - startedAt);
    const { client } = origins.of(raw);
    const outcome = { operation, code: reply.outcome, status: reply.raw.statusCode, millis };
    logger.debug({ requestId: id, client, method, url, ...outcome }, 'request answered');
  };
}

function authenticate(authentication: Authentication, request: FastifyRequest): Promise<void> {
  return isManagement(request) ? authentication.byKeyOrSignature(request) : authentication.byMnsSignature(request);
}

/** HTTP/1.1 wants a Host in every request. @throws MnsError */
function checkHost({ raw }: FastifyRequest): void {
  if (raw.headers.host === undefined && raw.httpVersion === '1.1') throw new MnsError('InvalidRequestURL', 'The Host header is required.');
}

/** `100-continue` has been answered by Node when a request comes here; a client of HTTP/1.0 knows no expectations. @throws ExpectationFailed */
function checkExpectation({ raw }: FastifyRequest): void {
  const { expect } = raw.headers;
  if (expect !== undefined && raw.httpVersion === '1.1' && !/^100-continue$/i.test(expect)) throw new ExpectationFailed();
}
