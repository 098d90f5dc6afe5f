import { createHash, createHmac } from 'node:crypto';
import type { StoreCredentials } from './event-source.js';

export interface StoreRequest {
  readonly method: 'GET' | 'HEAD';
  /** With path and query as they will be sent, encoded by `storeUrl`. */
  readonly url: URL;
  readonly credentials: StoreCredentials;
  readonly region: string;
  readonly now: Date;
}

const NO_BODY = createHash('sha256').update('').digest('hex');

/** Headers that sign a request without a body by AWS Signature Version 4 for S3. */
export function signStoreRequest({ method, url, credentials, region, now }: StoreRequest): Record<string, string> {
  const time = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const headers: Record<string, string> = { host: url.host, 'x-amz-content-sha256': NO_BODY, 'x-amz-date': time };
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}`);
  const canonical = [method, url.pathname, url.search.slice(1), ...lines, '', names.join(';'), NO_BODY].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const key = scope.split('/').reduce<Buffer | string>((secret, part) => hmac(secret, part), `AWS4${credentials.secretKey}`);
  const signature = hmac(key, toSign).toString('hex');
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKey}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}

/** A URL of the store: the query in the order and the encoding that are signed. @param path begins with a slash, not encoded */
export function storeUrl(endpoint: string, path: string, query: readonly (readonly [string, string])[] = []): URL {
  const pairs = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const url = new URL(endpoint);
  url.pathname = path.split('/').map(encode).join('/');
  url.search = pairs.join('&');
  return url;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
