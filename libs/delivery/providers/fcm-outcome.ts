import { permanent, retryable, type Outcome } from '../outcome.js';
import { AccessTokenRefused } from './fcm-credential.js';
import { FcmUnavailable } from './fcm-exchange.js';

/** What FCM says of a message that it will never take: the device is gone, belongs to another sender, or the message is malformed. */
const FINAL = ['UNREGISTERED', 'INVALID_ARGUMENT', 'SENDER_ID_MISMATCH'];
/** What the library finds before it asks. */
const FINAL_BEFORE_SENDING = ['messaging/invalid-payload', 'messaging/invalid-argument'];
const NO_TOKEN = 'app/invalid-credential';
/** Seconds that FCM asks senders to wait who got 429 without Retry-After. */
const QUOTA_WAIT = 60;

interface LibraryError {
  readonly code?: string;
  readonly message?: string;
  readonly cause?: unknown;
  readonly httpResponse?: { readonly status: number; readonly headers?: Readonly<Record<string, unknown>>; readonly data?: unknown };
}

/** Credentials, quotas and failures can be put right or pass; only what is said of this message and its target is final. */
export function fcmOutcome(error: unknown): Outcome {
  if (error instanceof FcmUnavailable) return unavailable(error.message, error.status, error.retryAfter);
  const { code, message = String(error), cause, httpResponse } = error as LibraryError;
  // The library wraps what its credential says into a page of advice.
  if (code === NO_TOKEN && cause instanceof Error) return withoutToken(cause);
  const text = message.replace(/\s+/g, ' ').slice(0, 200);
  if (httpResponse === undefined) {
    const isFinal = code !== undefined && FINAL_BEFORE_SENDING.includes(code);
    return isFinal ? permanent(`INVALID_ARGUMENT: ${text}`) : retryable(text);
  }
  const { status, headers, data } = httpResponse;
  const word = errorCodeOf(data);
  const reason = `${word ?? `HTTP ${status}`}: ${text}`;
  if (word !== undefined && FINAL.includes(word)) return permanent(reason, status);
  const wait = secondsOf(headers?.['retry-after']) ?? (status === 429 ? QUOTA_WAIT : undefined);
  return retryable(reason, { code: status, ...(wait !== undefined && { retryAfter: wait }) });
}

function withoutToken(cause: Error): Outcome {
  const { status } = cause instanceof AccessTokenRefused ? cause : { status: undefined };
  return retryable(`no access token: ${cause.message}`, { ...(status !== undefined && { code: status }) });
}

function unavailable(reason: string, code: number, retryAfter: string | undefined): Outcome {
  const wait = secondsOf(retryAfter);
  return retryable(reason, { code, ...(wait !== undefined && { retryAfter: wait }) });
}

/**
 * FCM's own word for an error, which is more exact than the status of Google's interfaces: a NOT_FOUND without it says that the
 * project is unknown, not the device.
 */
function errorCodeOf(data: unknown): string | undefined {
  const { status, details } = ((data as { error?: unknown } | undefined)?.error ?? {}) as { status?: unknown; details?: unknown };
  const own = (Array.isArray(details) ? (details as { errorCode?: unknown }[]) : []).map(({ errorCode }) => errorCode);
  const word = own.find((code) => typeof code === 'string') ?? status;
  return typeof word === 'string' ? word : undefined;
}

function secondsOf(retryAfter: unknown): number | undefined {
  return typeof retryAfter === 'string' && /^\d{1,6}$/.test(retryAfter.trim()) ? Number(retryAfter) : undefined;
}
