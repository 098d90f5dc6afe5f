import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { writeError } from '#mns-wire/mns-error.js';
import type { Logger } from '#runtime/log.js';
import { answerTo, type ErrorAnswer } from './error-answer.js';
import { sendMnsReply } from './mns-reply.js';
import { sendProblem, Unauthorized } from './problem-reply.js';
import { RequestAborted } from './request-body.js';
import type { RequestOrigins } from './request-origin.js';
import { isManagement } from './request-state.js';
import type { ResourceUrls } from './resource-urls.js';

/** Every failure of every request ends here, Fastify's own included, and becomes an answer that names the request's id. */
@Catch()
export class MnsErrorFilter implements ExceptionFilter {
  constructor(
    private readonly urls: ResourceUrls,
    private readonly origins: RequestOrigins,
    private readonly logger: Logger,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Also for what Fastify refuses before a request has a route. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    if (error instanceof RequestAborted) {
      reply.hijack();
      request.raw.socket.destroy();
      return;
    }
    const { answer, defect } = answerTo(error);
    if (defect) {
      const { method, url } = request.raw;
      const { client } = this.origins.of(request.raw);
      this.logger.error({ requestId: request.id, client, method, url, operation: request.operation, err: error }, 'request failed by a defect');
    }
    if (isManagement(request)) sendProblem(request, reply, problemFor(error, answer));
    else this.sendDocument(request, reply, answer);
  }

  private sendDocument(request: FastifyRequest, reply: FastifyReply, answer: ErrorAnswer): void {
    const { status, code, message, retryAfterSeconds } = answer;
    const document = writeError({ code, message, requestId: request.id, hostId: this.urls.base(request) });
    sendMnsReply(request, reply, { status, code, document, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) });
  }
}

/** Management paths tell "there is nothing here" by the status, as REST clients expect. */
function problemFor(error: unknown, answer: ErrorAnswer): ErrorAnswer {
  if (error instanceof Unauthorized) return { status: 401, code: 'Unauthorized', message: error.message };
  if (error instanceof HttpException && error.getStatus() === 404) {
    return { status: 404, code: 'NotFound', message: 'There is no such resource.' };
  }
  if (error instanceof HttpException && error.getStatus() === 409) return { status: 409, code: 'Conflict', message: error.message };
  return answer;
}
