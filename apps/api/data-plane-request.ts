import type { FastifyRequest } from 'fastify';
import type { Query } from './request-query.js';

/** Requests of the data plane, by what their path names. */
export type QueueRequest = FastifyRequest<{ Params: { readonly queue: string }; Querystring: Query }>;
export type TopicRequest = FastifyRequest<{ Params: { readonly topic: string }; Querystring: Query }>;
export type SubscriptionRequest = FastifyRequest<{ Params: { readonly topic: string; readonly subscription: string }; Querystring: Query }>;
export type PlainRequest = FastifyRequest<{ Querystring: Query }>;

/**
 * Reads the arguments of a request in the order that clients rely on: a bad name and a missing queue or topic are reported before
 * anything that is wrong with the arguments. `named` looks for that, and is only called for a request that is refused anyway.
 */
export async function readArguments<T>(read: () => T, named: () => unknown): Promise<T> {
  try {
    return read();
  } catch (error) {
    await named();
    throw error;
  }
}
