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

/** The only version of the protocol. */
const VERSION = '2015-06-06';

/** Milliseconds that the clocks of client and hub may differ. */
const CLOCK_SKEW = 15 * 60 * 1_000;

/** `Thu, 07 Mar 2012 18:49:58 GMT`, or with an offset. `Date.parse` alone would take almost anything, in the local time zone. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (?:GMT|UTC|[+-]\d{4})$/;

/**
 * Refuses a request that says twice what is signed or decides about the signature: whoever reads such a request may believe the one
 * value or the other, and Node keeps the first of some headers and joins others. Headers without such a meaning may repeat.
 *
 * @param rawHeaders names and values in turn, as they came over the wire.
 * @throws MnsError `InvalidAuthorizationHeader`, `InvalidDateHeader`, `InvalidVersionHeader`; `InvalidArgument` for the others.
 */
export function refuseRepeatedHeaders(rawHeaders: readonly string[], headers: RequestHeaders): void {
  // As many names as lines: nothing repeats. This is nearly every request.
  if (rawHeaders.length === 2 * Object.keys(headers).length) return;
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (seen.has(name) && (SINGLE.has(name) || name.startsWith('x-mns-'))) throw repeated(name);
    seen.add(name);
  }
}

const SINGLE: ReadonlySet<string> = new Set(['authorization', 'date', 'host', 'content-type', 'content-md5', 'security-token']);

function repeated(name: string): MnsError {
  const message = `The header ${name} is repeated: it should be sent once.`;
  if (name === 'authorization') return new MnsError('InvalidAuthorizationHeader', message);
  if (name === 'date' || name === 'x-mns-date') return new MnsError('InvalidDateHeader', message);
  if (name === 'x-mns-version') return new MnsError('InvalidVersionHeader', message);
  return new MnsError('InvalidArgument', message);
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
  const text = dateHeader(headers);
  if (text === '') throw new MnsError('MissingDateHeader');
  if (text === lastDate.text) return lastDate.millis;
  const millis = HTTP_DATE.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(millis)) throw new MnsError('InvalidDateHeader');
  lastDate = { text, millis };
  return millis;
}

/** The date of the request before: within a second all clients send the same. */
let lastDate = { text: '', millis: 0 };

/** @throws MnsError as `readDate`, and `TimeExpired` when the date is more than 15 minutes off, in either direction. */
export function checkDate(headers: RequestHeaders, nowMillis: number): void {
  if (Math.abs(readDate(headers) - nowMillis) > CLOCK_SKEW) throw new MnsError('TimeExpired');
}

/** The date as it was sent; empty when there is none. */
export function dateHeader(headers: RequestHeaders): string {
  return headerText(headers['x-mns-date'] ?? headers['date']);
}

/** Names of the `x-mns-*` headers, sorted. */
export function mnsHeaderNames(headers: RequestHeaders): string[] {
  const names: string[] = [];
  for (const name in headers) if (name.startsWith('x-mns-')) names.push(name);
  return names.sort();
}

export function headerText(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '');
}
