import type { FastifyRequest } from 'fastify';
import { LIMITS } from '#queue/limits.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readWholeNumber, type Query } from './request-query.js';
import { bodyOf } from './request-state.js';

/** Requests of the management interface, by what their path names. */
export type NamedRequest = FastifyRequest<{ Params: { readonly name: string }; Querystring: Query }>;
export type ListRequest = FastifyRequest<{ Querystring: Query }>;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** A page of a list that is read as a whole, by `?limit=` and `?marker=`, the last entry of the page before. */
export function pageOf<T>(query: Query, entries: readonly T[], nameOf: (entry: T) => string): { page: readonly T[]; nextMarker?: string } {
  const marker = query.get('marker') ?? '';
  const limit = readWholeNumber(query, 'limit', LIMITS.listPage, 'entries') ?? LIMITS.listPage[1];
  const rest = entries.filter((entry) => nameOf(entry) > marker);
  const page = rest.slice(0, limit);
  return { page, ...(rest.length > page.length && { nextMarker: nameOf(page.at(-1)!) }) };
}

/** @throws InvalidArgument when the body is not one JSON value in UTF-8. */
export function readJson(request: FastifyRequest): unknown {
  try {
    return JSON.parse(UTF8.decode(bodyOf(request)));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message.slice(0, 200) : 'it is not UTF-8';
    throw new InvalidArgument('body', `The body is not a JSON document: ${reason}.`);
  }
}

/** As `readJson`; no body at all counts as an object without members. */
export function readOptionalJson(request: FastifyRequest): unknown {
  return bodyOf(request).length === 0 ? {} : readJson(request);
}

/** @throws InvalidArgument unless the value is an object with no other members than these. */
export function readMembers(value: unknown, at: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidArgument(at, `${at} is an object.`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new InvalidArgument(unknown, `${unknown} is not known in ${at}. Known: ${known.join(', ')}.`);
  return value as Record<string, unknown>;
}
