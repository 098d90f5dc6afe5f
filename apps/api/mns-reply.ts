import type { FastifyReply, FastifyRequest } from 'fastify';
import { discardRest } from './request-body.js';
import './request-state.js';

/** An answer of the data plane. */
export interface MnsReply {
  readonly status: number;
  /** A whole XML document. */
  readonly document?: string;
  readonly location?: string;
  /** MNS error code; `Success` when absent. */
  readonly code?: string;
  readonly retryAfterSeconds?: number;
}

const CONTENT_TYPE = 'text/xml;charset=utf-8';

/**
 * Writes an answer past Fastify, which would write header names in lower case: the official Java client looks up `Location`
 * and `x-mns-request-id` case-sensitively. `Date` and the keep-alive headers are added by Node, in the usual case.
 *
 * @returns false when the client has gone and nothing was written.
 */
export function sendMnsReply(request: FastifyRequest, reply: FastifyReply, answer: MnsReply): boolean {
  reply.hijack();
  const { raw } = reply;
  if (isGone(request, reply)) return false;
  reply.outcome = answer.code ?? 'Success';
  const document = answer.document ?? '';
  const length = Buffer.byteLength(document);
  raw.writeHead(answer.status, headersOf(request, reply, answer, length));
  // As many bytes as characters: all is ASCII, which Node writes faster when it is told.
  raw.end(document, length === document.length ? 'latin1' : 'utf8');
  return true;
}

/** Calls `undo` when an answer that was handed to the connection did not leave the process because the connection broke. */
export function whenUndelivered(reply: FastifyReply, undo: () => void): void {
  const { raw } = reply;
  raw.once('close', () => {
    if (!raw.writableFinished) undo();
  });
}

function isGone(request: FastifyRequest, { raw }: FastifyReply): boolean {
  return raw.destroyed || raw.writableEnded || request.raw.socket.destroyed;
}

function headersOf(request: FastifyRequest, reply: FastifyReply, answer: MnsReply, length: number): string[] {
  const headers = ['Content-Type', CONTENT_TYPE, ...lengthHeader(answer.status, length), 'Server', 'AliyunMQS'];
  headers.push('x-mns-request-id', request.id, 'x-mns-version', '2015-06-06');
  if (answer.location !== undefined) headers.push('Location', answer.location);
  if (answer.retryAfterSeconds !== undefined) headers.push('Retry-After', String(answer.retryAfterSeconds));
  if (!discardRest(request.raw) || reply.server.lifecycle.stopping) headers.push('Connection', 'close');
  return headers;
}

/** A 204 has no body by its nature, and RFC 9110 forbids to say its length. */
export function lengthHeader(status: number, length: number): string[] {
  return status === 204 ? [] : ['Content-Length', String(length)];
}
