import type { MnsClient } from '../mns-client.js';
import { oddDocument } from './odd-documents.js';
import { oddNumber, oddText } from './odd-values.js';
import type { Random } from './random.js';

/** How a request is brought to the server. */
export interface OddRequest {
  /** Short, for a report. */
  readonly what: string;
  readonly method: string;
  /** Written one after the other, with a pause between. */
  readonly parts: readonly Buffer[];
  /** Complete and framed properly: an answer must come. Else the connection may be closed without one. */
  readonly complete: boolean;
}

const METHODS = ['GET', 'PUT', 'POST', 'DELETE'] as const;
const STRANGE_METHODS = ['HEAD', 'PATCH', 'OPTIONS', 'PROPFIND', 'TRACE'] as const;
const PARAMETERS = [
  'waitseconds',
  'numOfMessages',
  'peekonly',
  'ReceiptHandle',
  'VisibilityTimeout',
  'metaoverride',
  'accountmeta',
  'account',
  '__proto__',
] as const;
const HEADERS = [
  'x-mns-prefix',
  'x-mns-marker',
  'x-mns-ret-number',
  'x-mns-with-meta',
  'x-mns-date',
  'Content-MD5',
  'Content-Type',
  'security-token',
] as const;

/** One request; mostly signed as it should be, because anything else ends at the signature. */
export function oddRequest(random: Random, client: MnsClient): OddRequest {
  const kind = random.next();
  if (kind < 0.07) return oddBytes(random);
  if (kind < 0.14) return management(random, client);
  return dataPlane(random, client);
}

function dataPlane(random: Random, client: MnsClient): OddRequest {
  const method = random.pick(random.chance(0.9) ? METHODS : STRANGE_METHODS);
  const target = oddTarget(random);
  const body = method === 'GET' || method === 'HEAD' ? undefined : random.chance(0.9) ? oddDocument(random, target) : undefined;
  const headers = oddHeaders(random);
  const bad = random.chance(0.08)
    ? { authorization: random.pick(['', 'MNS', 'MNS a:b', `MNS ${client.credentials.accessKeyId}:x`, 'Basic eDp5']) }
    : {};
  const signed = client.headersFor(method, target, { ...(body !== undefined && { body }), headers, ...bad });
  return send(random, method, target, signed, body ?? Buffer.alloc(0));
}

/** The JSON surface, which takes the key as user name and password. */
function management(random: Random, client: MnsClient): OddRequest {
  const method = random.pick(random.chance(0.9) ? METHODS : STRANGE_METHODS);
  const path = random.pick([
    'queues/fuzz-1',
    'queues',
    'deliveries',
    'event-rules',
    'event-rules/r',
    'event-rules/test',
    'keys',
    '',
    '__proto__',
  ]);
  const target = `/api/v1/${path}${random.chance(0.4) ? `?messageId=${token(oddText(random))}&limit=${token(oddNumber(random))}` : ''}`;
  const json = [
    '{',
    '[]',
    'null',
    '"x"',
    '{"deadLetter":{}}',
    '{"__proto__":{"a":1}}',
    `${'['.repeat(10_000)}`,
    '{"name":1e999}',
    '\ud800',
  ] as const;
  const rule = `{"name":"r${oddNumber(random)}","events":["${oddNumber(random)}"],"endpoint":{"kind":7},"match":[{}]}`;
  const body = Buffer.from(random.chance(0.5) ? random.pick(json) : rule);
  const { accessKeyId, accessKeySecret } = client.credentials;
  const authorization = `Basic ${Buffer.from(`${accessKeyId}:${accessKeySecret}`).toString('base64')}`;
  const headers = {
    Host: client.host,
    Authorization: authorization,
    'Content-Type': 'application/json',
    'Content-Length': String(body.length),
  };
  return send(random, method, target, headers, body);
}

/** Bytes that are no request. */
function oddBytes(random: Random): OddRequest {
  const starts = [
    '',
    'GET / HTTP/1.1\r\n',
    'POST /queues/fuzz-1/messages HTTP/1.1\r\nHost: h\r\n',
    'GET\t/\tHTTP/1.1\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ] as const;
  const bytes = Buffer.concat([Buffer.from(random.pick(starts)), random.bytes(random.below(400)), Buffer.from('\r\n\r\n')]);
  return { what: 'bytes', method: 'GET', parts: [bytes], complete: false };
}

function oddTarget(random: Random): string {
  const name = (kind: string): string => (random.chance(0.9) ? `${kind}-${random.below(4)}` : token(oddText(random)));
  const paths = [
    '/',
    '/queues',
    '/topics',
    `/queues/${name('fuzz')}`,
    `/queues/${name('fuzz')}/messages`,
    `/queues/${name('fuzz')}/messages`,
    `/queues/${name('fuzz')}/messages`,
    `/topics/${name('fuzz')}`,
    `/topics/${name('fuzz')}/messages`,
    `/topics/${name('fuzz')}/subscriptions`,
    `/topics/${name('fuzz')}/subscriptions/${name('sub')}`,
    '/commonbuy/openservice',
    `/${token(oddText(random))}`,
  ] as const;
  return random.pick(paths) + (random.chance(0.4) ? `?${oddQuery(random)}` : '');
}

function oddQuery(random: Random): string {
  if (random.chance(0.03)) return 'a=b&'.repeat(1_000);
  const pairs = Array.from({ length: random.below(4) + 1 }, () => {
    const name = random.pick(PARAMETERS);
    const spelled = random.chance(0.3) ? name.toUpperCase() : name;
    // A poll that is allowed would only take time.
    const value =
      name === 'waitseconds' && random.chance(0.5) ? random.pick(['0', '1']) : random.chance(0.3) ? 'true' : token(oddNumber(random));
    return random.chance(0.1) ? spelled : `${spelled}=${name === 'waitseconds' && Number(value) > 1 && Number(value) <= 30 ? '1' : value}`;
  });
  return pairs.join(random.pick(['&', '&', '&&', ';']));
}

function oddHeaders(random: Random): Record<string, string> {
  const headers: Record<string, string> = {};
  while (random.chance(0.15)) headers[random.pick(HEADERS)] = headerValue(oddNumber(random));
  if (random.chance(0.03)) headers['Expect'] = random.pick(['100-continue', 'nothing']);
  if (random.chance(0.03)) headers['Host'] = headerValue(oddText(random));
  if (random.chance(0.03)) headers['Content-Encoding'] = 'gzip';
  if (random.chance(0.02)) headers['Connection'] = random.pick(['close', 'Upgrade', 'keep-alive, x']);
  if (random.chance(0.02)) headers['Upgrade'] = 'h2c';
  if (random.chance(0.02)) for (let n = 0; n < 60; n++) headers[`x-mns-${n}`] = headerValue(oddText(random)).slice(0, 50);
  return headers;
}

/** In one piece, in several, in chunks, or not to its end. */
function send(random: Random, method: string, target: string, headers: Readonly<Record<string, string>>, body: Buffer): OddRequest {
  const { 'Content-Length': length, ...others } = headers;
  const chunked = length !== undefined && random.chance(0.08);
  const framing = chunked ? { 'Transfer-Encoding': 'chunked' } : length === undefined ? {} : { 'Content-Length': length };
  const lines = Object.entries({ ...others, ...framing }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  const bytes = Buffer.concat([head, chunked ? inChunks(body, random) : body]);
  const what = `${method} ${target.slice(0, 80)} ${body.toString('latin1', 0, 60)}`;
  if (random.chance(0.05))
    return { what: `half of ${what}`, method, parts: [bytes.subarray(0, random.below(bytes.length))], complete: false };
  // In broken chunks, and behind a header that HTTP itself refuses, anything but a failure of the server will do.
  const at = random.below(bytes.length);
  const parts = random.chance(0.1) ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes];
  return { what, method, parts, complete: !chunked };
}

function inChunks(body: Buffer, random: Random): Buffer {
  const size = random.chance(0.2) ? random.pick(['zz', '-1', 'ffffffffffffffff']) : body.length.toString(16);
  return Buffer.concat([Buffer.from(`${size}\r\n`), body, Buffer.from(body.length === 0 ? '\r\n' : '\r\n0\r\n\r\n')]);
}

/** Without what would end the request line; everything else goes as it is. */
function token(text: string): string {
  return text.replace(/[\0-\x20\x7f]|[^\0-\xff]/g, (character) => encodeURIComponent(character)).replace(/#/g, '%23');
}

function headerValue(text: string): string {
  return text.replace(/[^\x20-\x7e\x80-\xff]/g, '?');
}
