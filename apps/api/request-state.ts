import type { FastifyRequest } from 'fastify';
import type { AccessKey } from '#access/access-key.js';
import type { ServerLifecycle } from './server-lifecycle.js';

declare module 'fastify' {
  interface FastifyInstance {
    lifecycle: ServerLifecycle;
  }
  interface FastifyRequest {
    /** MNS name of the operation, for metrics and logs; known once a controller has looked at the request. */
    operation: string;
    /** Account that owns what the request names; set by the authentication. */
    account: string;
    /** What the request was signed with; set by the authentication, absent on public routes. */
    accessKey: AccessKey;
    /** Milliseconds, from a clock that only goes forwards. */
    startedAt: number;
  }
  interface FastifyReply {
    /** MNS error code, or `Success`. Empty while nothing was answered. */
    outcome: string;
  }
  interface FastifyContextConfig {
    /** Health and metrics: no access key asked for. */
    public?: boolean;
  }
}

/** The body as it arrived; empty when there was none. */
export function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : EMPTY;
}

const EMPTY = Buffer.alloc(0);

/** The JSON surface under `/api/`, which answers problem documents; everything else answers MNS error documents. */
export function isManagement(request: FastifyRequest): boolean {
  return request.url.startsWith('/api/');
}
