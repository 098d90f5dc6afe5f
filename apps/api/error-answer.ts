import { HttpException } from '@nestjs/common';
import { toMnsError } from '#mns-wire/mns-error.js';
import { toStorageError } from '#redis/redis-unavailable.js';
import { BodyTooLarge } from './request-body.js';

/** What a client is told about a request that failed. */
export interface ErrorAnswer {
  readonly status: number;
  /** MNS error code. */
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

export const INVALID_REQUEST_URL: ErrorAnswer = { status: 400, code: 'InvalidRequestURL', message: 'Http request URL format invalid.' };

const INTERNAL_ERROR: ErrorAnswer = { status: 500, code: 'InternalError', message: 'Interal error.' };

/** @returns the answer, and whether the error is a defect of ours that somebody has to look at. */
export function answerTo(error: unknown): { readonly answer: ErrorAnswer; readonly defect: boolean } {
  const known = toMnsError(toStorageError(error));
  if (known !== undefined) return { answer: known, defect: known.status === 500 };
  if (error instanceof BodyTooLarge) return { answer: { status: 400, code: 'InvalidArgument', message: error.message }, defect: false };
  // Fastify's and Nest's own refusals: no such path, no such method on it, a path that cannot be decoded.
  if (error instanceof HttpException && error.getStatus() < 500) return { answer: INVALID_REQUEST_URL, defect: false };
  return { answer: INTERNAL_ERROR, defect: true };
}
