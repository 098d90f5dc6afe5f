import { InvalidArgument } from '#runtime/invalid-argument.js';
import { childText, readXml, type XmlElement } from './xml-reader.js';

/** Typed values of child elements. An element that is absent or empty counts as unset everywhere. */

/** @throws InvalidArgument when the document has another root than the operation expects. */
export function readRoot(body: Buffer | string, ...names: readonly string[]): XmlElement {
  const root = readXml(body);
  if (!names.includes(root.name)) {
    const found = root.name.slice(0, 64);
    throw new InvalidArgument(found, `The XML you provided cause by ${found} Element: ${names.join(' or ')} is expected.`);
  }
  return root;
}

/** Like `readRoot` where the body may be left out; undefined for a body that is absent or blank. */
export function readOptionalRoot(body: Buffer | string | undefined, name: string): XmlElement | undefined {
  return body === undefined || body.toString('latin1').trim() === '' ? undefined : readRoot(body, name);
}

/** A word: white space around it is not part of it. */
export function readWord(element: XmlElement, name: string): string | undefined {
  const text = childText(element, name)?.trim();
  return text === '' ? undefined : text;
}

/** @throws InvalidArgument for anything but a decimal integer. Ranges are the domain's to check. */
export function readInteger(element: XmlElement, name: string): number | undefined {
  const text = readWord(element, name);
  if (text === undefined) return undefined;
  if (!/^-?\d+$/.test(text)) throw new InvalidArgument(name, `The value of ${name} should be an integer.`);
  return Number(text);
}

/** Clients write `true`, `True` or `1`. @throws InvalidArgument */
export function readBoolean(element: XmlElement, name: string): boolean | undefined {
  const text = readWord(element, name)?.toLowerCase();
  if (text === undefined) return undefined;
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new InvalidArgument(name, `The value of ${name} should be True or False.`);
}

/** @throws InvalidArgument when the word is none of `allowed`. */
export function readOneOf<T extends string>(element: XmlElement, name: string, allowed: readonly T[]): T | undefined {
  const text = readWord(element, name);
  if (text === undefined) return undefined;
  const found = allowed.find((candidate) => candidate === text);
  if (found === undefined) throw new InvalidArgument(name, `The value of ${name} should be one of ${allowed.join(', ')}.`);
  return found;
}

/** An object without the members that are undefined, so that "unset" and "absent" are the same thing. */
export function withoutUnset<T extends object>(values: { readonly [K in keyof T]: T[K] | undefined }): T {
  const present: Partial<T> = {};
  for (const key in values) if (values[key] !== undefined) present[key] = values[key];
  return present as T;
}
