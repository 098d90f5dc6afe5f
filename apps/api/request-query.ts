import { InvalidArgument } from '#runtime/invalid-argument.js';
import { MnsError } from '#mns-wire/mns-error.js';

/** Query parameters by lower-case name; a repeated one keeps its first value. */
export type Query = ReadonlyMap<string, string>;

const NO_PARAMETERS: Query = new Map();

/**
 * Reads the part of a request target after `?`. Names are case-insensitive, because the SDKs and the documentation differ.
 * `+` is left alone: receipt handles may contain it and no client of this protocol means a blank by it. A value that is not
 * well-formed percent-encoding stays as it is.
 */
export function parseQuery(text: string): Query {
  if (text === '') return NO_PARAMETERS;
  const query = new Map<string, string>();
  for (const part of text.split('&')) {
    const end = part.indexOf('=');
    const name = decode(end === -1 ? part : part.slice(0, end)).toLowerCase();
    if (name !== '' && !query.has(name)) query.set(name, end === -1 ? '' : decode(part.slice(end + 1)));
  }
  return query;
}

function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `true` in any case; anything else, and absence, is false. */
export function readFlag(query: Query, name: string): boolean {
  return query.get(name.toLowerCase())?.toLowerCase() === 'true';
}

/**
 * @throws MnsError InvalidQueryString when the parameter is not a whole number.
 * @throws InvalidArgument when it is out of range.
 */
export function readWholeNumber(query: Query, name: string, [low, high]: readonly [number, number], unit: string): number | undefined {
  const text = query.get(name.toLowerCase());
  if (text === undefined) return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text)) throw MnsError.invalidQueryString(name);
  const value = Number(text);
  if (value < low || value > high) throw InvalidArgument.outOfRange(name, low, high, unit);
  return value;
}
