import { createHmac, timingSafeEqual } from 'node:crypto';
import { MnsError } from './mns-error.js';

/** Header names are in lower case. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The parts of a request that are signed.
 *
 * Node hands out the request line and the headers with one character for each byte (latin1); the signature is over those bytes.
 */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as they stood in the request line. */
  readonly rawTarget: string;
  readonly headers: RequestHeaders;
}

export interface Authorization {
  readonly accessKeyId: string;
  /** Base64, as the client sent it. */
  readonly signature: string;
}

/** The only version of the protocol. */
const VERSION = '2015-06-06';

/** Milliseconds that the clocks of client and hub may differ. */
const CLOCK_SKEW = 15 * 60 * 1_000;

/** `Thu, 07 Mar 2012 18:49:58 GMT`. `Date.parse` alone would take almost anything, in the local time zone. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (?:GMT|UTC|\+0000)$/;

/** Reads `MNS <access key id>:<signature>`. @throws MnsError `MissingAuthorizationHeader`, `InvalidAuthorizationHeader` */
export function parseAuthorization(header: string | string[] | undefined): Authorization {
  if (header === undefined || header === '') throw new MnsError('MissingAuthorizationHeader');
  const match = typeof header === 'string' ? /^MNS +([^\s:]+):(\S+)$/.exec(header) : null;
  if (match === null) throw new MnsError('InvalidAuthorizationHeader');
  return { accessKeyId: match[1]!, signature: match[2]! };
}

/** @throws MnsError `MissingVersionHeader`, `InvalidVersionHeader` */
export function checkVersion(headers: RequestHeaders): void {
  const version = headers['x-mns-version'];
  if (version === undefined || version === '') throw new MnsError('MissingVersionHeader');
  if (version !== VERSION) throw new MnsError('InvalidVersionHeader');
}

/**
 * When the client says it signed, in milliseconds since the epoch. `x-mns-date` goes before `Date`, which not every client may set.
 *
 * @throws MnsError `MissingDateHeader`, `InvalidDateHeader`
 */
export function readDate(headers: RequestHeaders): number {
  const text = signedDate(headers);
  if (text === '') throw new MnsError('MissingDateHeader');
  const millis = HTTP_DATE.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(millis)) throw new MnsError('InvalidDateHeader');
  return millis;
}

/** @throws MnsError as `readDate`, and `TimeExpired` when the date is more than 15 minutes off, in either direction. */
export function checkDate(headers: RequestHeaders, nowMillis: number): void {
  if (Math.abs(readDate(headers) - nowMillis) > CLOCK_SKEW) throw new MnsError('TimeExpired');
}

/**
 * Whether the signature was made with the secret.
 *
 * Clients disagree about the query: some sign it escaped and some unescaped, and their HTTP libraries may escape it again afterwards.
 * So three forms of the target are tried, the one on the wire first, which nearly always fits.
 */
export function verifySignatureV2(request: SignedRequest, signature: string, secret: string): boolean {
  const { rawTarget } = request;
  if (matches(request, rawTarget, signature, secret)) return true;
  return otherForms(rawTarget).some((form) => matches(request, form, signature, secret));
}

function otherForms(target: string): string[] {
  const forms = new Set([percentDecode(target), percentEncode(target)]);
  forms.delete(target);
  return [...forms];
}

function matches(request: SignedRequest, resource: string, signature: string, secret: string): boolean {
  const expected = createHmac('sha1', secret).update(stringToSignV2(request, resource), 'latin1').digest('base64');
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}

/** The text under the signature; one character stands for one byte. */
export function stringToSignV2({ method, rawTarget, headers }: SignedRequest, resource: string = rawTarget): string {
  return (
    `${method}\n${single(headers['content-md5'])}\n${single(headers['content-type'])}\n${signedDate(headers)}\n` +
    `${canonicalHeaders(headers)}${resource}`
  );
}

function canonicalHeaders(headers: RequestHeaders): string {
  const names: string[] = [];
  for (const name in headers) if (name.startsWith('x-mns-')) names.push(name);
  let lines = '';
  for (const name of names.sort()) lines += `${name}:${single(headers[name])}\n`;
  return lines;
}

function signedDate(headers: RequestHeaders): string {
  return single(headers['x-mns-date'] ?? headers['date']);
}

function single(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '');
}

/** `+` stays: no client means a space by it here. */
function percentDecode(target: string): string {
  return target.replace(/%([0-9A-Fa-f]{2})/g, (_escape, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}

/** The path, and names and values of the query, each escaped as RFC 3986 has it, whatever was escaped before. */
function percentEncode(target: string): string {
  const question = target.indexOf('?');
  if (question < 0) return encode(target, PATH_SAFE);
  const query = target.slice(question + 1).split('&').map(encodePair).join('&');
  return `${encode(target.slice(0, question), PATH_SAFE)}?${query}`;
}

function encodePair(pair: string): string {
  const equals = pair.indexOf('=');
  if (equals < 0) return encode(pair, VALUE_SAFE);
  return `${encode(pair.slice(0, equals), VALUE_SAFE)}=${encode(pair.slice(equals + 1), VALUE_SAFE)}`;
}

const PATH_SAFE = /[^A-Za-z0-9\-._~/]/g;
const VALUE_SAFE = /[^A-Za-z0-9\-._~]/g;

function encode(text: string, unsafe: RegExp): string {
  return percentDecode(text).replace(unsafe, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
