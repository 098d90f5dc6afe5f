import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface SimulatedCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
}

/** S3's error code for a request that is not signed as it should be; undefined when it is. */
export function signatureProblem(request: IncomingMessage, body: Buffer, credentials: SimulatedCredentials): string | undefined {
  const match = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]*)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
    request.headers.authorization ?? '',
  );
  if (match === null) return 'AccessDenied';
  const [, accessKey, day, region, names, signature] = match as unknown as [string, string, string, string, string, string];
  if (accessKey !== credentials.accessKey) return 'InvalidAccessKeyId';
  if (region !== credentials.region) return 'AuthorizationHeaderMalformed';
  const digest = headerOf(request, 'x-amz-content-sha256');
  if (/^[0-9a-f]{64}$/.test(digest) && digest !== sha256(body)) return 'XAmzContentSHA256Mismatch';
  const time = headerOf(request, 'x-amz-date');
  const [path, query = ''] = (request.url ?? '').split('?');
  const headers = names.split(';').map((name) => `${name}:${headerOf(request, name).trim()}`);
  const canonical = [request.method, path, sortedQuery(query), ...headers, '', names, digest].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, `${day}/${region}/s3/aws4_request`, sha256(canonical)].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce((secret: Buffer | string, part) => hmac(secret, part), `AWS4${credentials.secretKey}`);
  return hmac(key, toSign).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch';
}

function sortedQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map((pair) => (pair.includes('=') ? pair : `${pair}=`));
  return pairs.sort((one, other) => (one < other ? -1 : 1)).join('&');
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
