import { InvalidArgument } from '#runtime/invalid-argument.js';

/** Readers for JSON documents that people write. `at` names the place in the error: `endpoint.endpointType`. */

export type Document = Readonly<Record<string, unknown>>;

/** @throws InvalidArgument unless the value is an object whose members are all known: a misspelt member must not be ignored. */
export function readDocument(value: unknown, at: string, known: readonly string[]): Document {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidArgument(at === '' ? 'body' : at, `${at === '' ? 'The body' : at} is an object.`);
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) {
      throw new InvalidArgument(place(at, name), `${place(at, name)} is not known. Known here: ${known.join(', ')}.`);
    }
  }
  return value as Document;
}

export function readList(value: unknown, at: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new InvalidArgument(at, `${at} is a list.`);
  if (value.length > most) throw new InvalidArgument(at, `${at} has at most ${most} entries.`);
  return value;
}

/** @throws InvalidArgument unless the value is a string of 1 to `longest` characters. */
export function readText(value: unknown, at: string, longest: number): string {
  if (typeof value !== 'string' || value === '') throw new InvalidArgument(at, `${at} is a string that is not empty.`);
  if (value.length > longest) throw new InvalidArgument(at, `${at} has at most ${longest} characters.`);
  return value;
}

export function readBoolean(value: unknown, at: string): boolean {
  if (typeof value !== 'boolean') throw new InvalidArgument(at, `${at} is true or false.`);
  return value;
}

export function readOneOf<T extends string>(value: unknown, at: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new InvalidArgument(at, `${at} is one of ${allowed.join(', ')}.`);
  return found;
}

export function place(at: string, name: string): string {
  return at === '' ? name : `${at}.${name}`;
}
