import type { FastifyRequest } from 'fastify';
import { authorize, type Operation } from '#access/operations.js';
import './request-state.js';

/**
 * Says which operation a request turned out to be, and refuses it when its access key may not do that. Every controller calls this
 * before it looks at anything; a batch is first the operation whose batch it is.
 *
 * @throws AccessDenied
 */
export function beginOperation(request: FastifyRequest, operation: Operation): void {
  request.operation = operation;
  authorize(request.accessKey, request.account, operation);
}
