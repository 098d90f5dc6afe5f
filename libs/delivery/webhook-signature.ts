import { Hmac } from '#runtime/hmac.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { HeaderLine } from './push-signature.js';

const PREFIX = 'whsec_';
/** Bytes of a secret. */
const LENGTH = [24, 64] as const;

/** @throws InvalidArgument unless the text is `whsec_` and base64 of 24 to 64 bytes, as Standard Webhooks has it. */
export function checkWebhookSecret(name: string, text: string): void {
  const [low, high] = LENGTH;
  const encoded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : '';
  const { length } = Buffer.from(encoded, 'base64');
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(encoded) && length >= low && length <= high) return;
  throw new InvalidArgument(name, `A secret is ${PREFIX} and the base64 of ${low} to ${high} bytes, for example of: openssl rand -base64 32`);
}

/** @param secret as `checkWebhookSecret` wants it */
export function webhookKey(secret: string): Hmac {
  return new Hmac('sha256', Buffer.from(secret.slice(PREFIX.length), 'base64'));
}

/**
 * The headers of Standard Webhooks: HMAC-SHA-256 over id, time and body, one signature for each key, so that a receiver who knows one
 * of them can verify the push while keys are rotated.
 *
 * @param id the same for every attempt to deliver a message
 * @param now milliseconds since the epoch
 */
export function webhookHeaders(id: string, now: number, body: string, keys: readonly Hmac[]): HeaderLine[] {
  const timestamp = String(Math.floor(now / 1_000));
  const signed = Buffer.from(`${id}.${timestamp}.${body}`);
  const signatures = keys.map((key) => `v1,${key.digest(signed).toString('base64')}`);
  return [
    ['webhook-id', id],
    ['webhook-timestamp', timestamp],
    ['webhook-signature', signatures.join(' ')],
  ];
}
