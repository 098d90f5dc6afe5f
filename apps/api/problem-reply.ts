import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorAnswer } from './error-answer.js';
import { lengthHeader } from './mns-reply.js';
import { discardRest } from './request-body.js';
import './request-state.js';

/** A management request without credentials, or with wrong ones. */
export class Unauthorized extends Error {
  override readonly name = 'Unauthorized';
}

export function sendJson(request: FastifyRequest, reply: FastifyReply, status: number, body?: unknown): void {
  send(request, reply, status, 'application/json; charset=utf-8', body === undefined ? '' : JSON.stringify(body), []);
  reply.outcome = 'Success';
}

/** An error of the management interface as RFC 9457 describes it, with the code that the data plane would have given. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, { status, code, message, retryAfterSeconds }: ErrorAnswer): void {
  const problem = { type: 'about:blank', title: code, status, detail: message, code, requestId: request.id };
  const headers: string[] = [];
  if (status === 401) headers.push('WWW-Authenticate', 'Basic realm="magpie", charset="UTF-8"');
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds));
  send(request, reply, status, 'application/problem+json', JSON.stringify(problem), headers);
  reply.outcome = code;
}

function send(request: FastifyRequest, reply: FastifyReply, status: number, type: string, text: string, more: readonly string[]): void {
  reply.hijack();
  const { raw } = reply;
  if (raw.destroyed || raw.writableEnded || request.raw.socket.destroyed) return;
  const headers = ['Content-Type', type, ...lengthHeader(status, Buffer.byteLength(text)), 'x-mns-request-id', request.id, ...more];
  if (!discardRest(request.raw) || reply.server.lifecycle.stopping) headers.push('Connection', 'close');
  raw.writeHead(status, headers);
  raw.end(text);
}
