/**
 * Percent-encoding over bytes: in all texts here one character stands for one byte (latin1), as Node hands out the request line.
 * An escape that is not well-formed stays as it is.
 */

/** `+` stays: no client of this protocol means a blank by it, unless its signer says so. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_escape, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}

/** Escapes what RFC 3986 does not call unreserved; `/` stays. */
export function encodePath(text: string): string {
  return text.replace(/[^A-Za-z0-9\-._~/]/g, escape);
}

/** Escapes what RFC 3986 does not call unreserved. */
export function encodeValue(text: string): string {
  return text.replace(/[^A-Za-z0-9\-._~]/g, escape);
}

function escape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Path and query of a request target; the query is undefined when there is no `?`. */
export function splitTarget(target: string): { readonly path: string; readonly query: string | undefined } {
  const question = target.indexOf('?');
  return question < 0 ? { path: target, query: undefined } : { path: target.slice(0, question), query: target.slice(question + 1) };
}
