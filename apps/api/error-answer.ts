import { HttpException } from '@nestjs/common';
import {
  AccessKeyFromSettings,
  AccessKeyNotExist,
  AccountNotEmpty,
  AccountNotExist,
  FirstAccountNeeded,
  LastAccessKey,
} from '#access/access-errors.js';
import { ChannelBusy, ChannelNotExist } from '#delivery/channel-errors.js';
import { EventSourceBusy, EventSourceNameTaken, EventSourceNotExist } from '#event-source/event-source-errors.js';
import { StoreError } from '#event-source/store-errors.js';
import { TooManyBackfills } from '#event-source/gap-store.js';
import { MNS_ERRORS, toMnsError, type MnsErrorCode } from '#mns-wire/mns-error.js';
import { toStorageError } from '#redis/redis-unavailable.js';
import { BodyTooLarge } from './request-body.js';

/** What a client is told about a request that failed. */
export interface ErrorAnswer {
  readonly status: number;
  /** MNS error code, or one of the management interface's own. */
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

/** The client wants something of the server that it does not know: nobody may pretend to have understood. */
export class ExpectationFailed extends Error {
  override readonly name = 'ExpectationFailed';

  constructor() {
    super('The value of the Expect header is not known: it is 100-continue, or the header is left out.');
  }
}

/** What only the management interface knows; the code is the error's name. */
const MANAGEMENT_STATUS: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  [AccountNotExist, 404],
  [AccessKeyNotExist, 404],
  [AccountNotEmpty, 409],
  [FirstAccountNeeded, 409],
  [LastAccessKey, 409],
  [AccessKeyFromSettings, 409],
  [ChannelNotExist, 404],
  [ChannelBusy, 409],
  [EventSourceNotExist, 404],
  [EventSourceNameTaken, 409],
  [EventSourceBusy, 409],
  [TooManyBackfills, 409],
]);

/** @returns the answer, and whether the error is a defect of ours that somebody has to look at. */
export function answerTo(error: unknown): { readonly answer: ErrorAnswer; readonly defect: boolean } {
  // The store that the caller named cannot be used as it is: no defect of the hub, whatever the reason looks like.
  if (error instanceof StoreError) return { answer: { status: 422, code: error.name, message: error.message }, defect: false };
  const known = toMnsError(toStorageError(error));
  if (known !== undefined) return { answer: known, defect: known.status === 500 };
  const status = error instanceof Error ? MANAGEMENT_STATUS.get(error.constructor) : undefined;
  if (error instanceof Error && status !== undefined) return { answer: { status, code: error.name, message: error.message }, defect: false };
  if (error instanceof BodyTooLarge) return { answer: answerWith('InvalidArgument', error.message), defect: false };
  if (error instanceof ExpectationFailed) return { answer: { ...answerWith('InvalidArgument', error.message), status: 417 }, defect: false };
  // Fastify's and Nest's own refusals: no such path, no such method on it, a path that cannot be decoded.
  if (error instanceof HttpException && error.getStatus() < 500) return { answer: answerWith('InvalidRequestURL'), defect: false };
  return { answer: answerWith('InternalError'), defect: true };
}

function answerWith(code: MnsErrorCode, message: string = MNS_ERRORS[code][1]): ErrorAnswer {
  return { status: MNS_ERRORS[code][0], code, message };
}
