import { hash, sign, type KeyObject } from 'node:crypto';
import type { NotifyContentFormat } from './notification.js';

/** Header lines of a push in the order and casing in which they are sent. Receivers look some of them up case-sensitively. */
export type HeaderLine = readonly [name: string, value: string];

export const CONTENT_TYPE: Readonly<Record<NotifyContentFormat, string>> = {
  XML: 'text/xml;charset=utf-8',
  JSON: 'text/json;charset=utf-8',
  SIMPLIFIED: 'text/plain;charset=utf-8',
};

/**
 * Value of `Content-md5`. MNS's two forms are both non-standard: pushes with an envelope carry base64 of the lower-case
 * hexadecimal digest, a plain body its upper-case hexadecimal digest.
 */
export function contentMd5(format: NotifyContentFormat, body: string): string {
  const hex = hash('md5', body, 'hex');
  return format === 'SIMPLIFIED' ? hex.toUpperCase() : Buffer.from(hex).toString('base64');
}

/**
 * What a push's signature covers: method, digest, type, date, every `x-mns-` header sorted by its lower-case name, and path
 * with query. No line end after the last.
 */
export function pushStringToSign(headers: readonly HeaderLine[], requestUri: string): string {
  const values = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
  const own = [...values.keys()].filter((name) => name.startsWith('x-mns-')).sort();
  return [
    'POST',
    values.get('content-md5') ?? '',
    values.get('content-type') ?? '',
    values.get('date') ?? '',
    ...own.map((name) => `${name}:${values.get(name)}`),
    requestUri,
  ].join('\n');
}

/**
 * RSA PKCS#1 v1.5 with SHA-1 (MNS's choice, kept because subscribers' verifiers know no other), base64.
 * With a callback Node signs in its thread pool, so the event loop is not held up.
 */
export function signPush(key: KeyObject, stringToSign: string): Promise<string> {
  return new Promise((resolve, reject) => {
    sign('RSA-SHA1', Buffer.from(stringToSign, 'latin1'), key, (error, signature) => {
      if (error === null) resolve(signature.toString('base64'));
      else reject(error);
    });
  });
}
