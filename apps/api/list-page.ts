import type { FastifyRequest } from 'fastify';
import { LIMITS } from '#queue/limits.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';

/** What a list request asks for in its headers. */
export interface ListPage {
  readonly prefix?: string;
  /** Opaque: the next marker of the page before. */
  readonly marker?: string;
  readonly limit?: number;
}

/** @throws InvalidArgument when `x-mns-ret-number` is no whole number from 1 to 1,000. */
export function readListPage({ headers }: FastifyRequest): ListPage {
  const prefix = textOf(headers['x-mns-prefix']);
  const marker = textOf(headers['x-mns-marker']);
  const limit = textOf(headers['x-mns-ret-number']);
  return {
    ...(prefix !== '' && { prefix }),
    ...(marker !== '' && { marker }),
    ...(limit !== '' && { limit: readLimit(limit) }),
  };
}

/** Whether the attributes of each entry are asked for, not only its URL. */
export function wantsMeta({ headers }: FastifyRequest): boolean {
  return textOf(headers['x-mns-with-meta']).toLowerCase() === 'true';
}

function readLimit(text: string): number {
  const [low, high] = LIMITS.listPage;
  const limit = Number(text);
  if (!/^\d{1,9}$/.test(text) || limit < low || limit > high) throw InvalidArgument.outOfRange('x-mns-ret-number', low, high, 'entries');
  return limit;
}

function textOf(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}
