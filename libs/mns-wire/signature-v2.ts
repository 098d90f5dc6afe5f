import { Hmac, HmacKeys } from '#runtime/hmac.js';
import { encodePath, encodeValue, percentDecode, splitTarget } from './percent-encoding.js';
import { dateHeader, headerText, mnsHeaderNames, type RequestHeaders, type SignedRequest } from './signed-request.js';

const keys = new HmacKeys();

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
  const forms = new Set([percentDecode(target), encodeAnew(target)]);
  forms.delete(target);
  return [...forms];
}

function matches(request: SignedRequest, resource: string, signature: string, secret: string): boolean {
  const key = keys.get(secret, () => new Hmac('sha1', secret));
  return key.fits(stringToSignV2(request, resource), signature, 'base64');
}

/** The text under the signature; one character stands for one byte. */
export function stringToSignV2({ method, rawTarget, headers }: SignedRequest, resource: string = rawTarget): string {
  return (
    `${method}\n${headerText(headers['content-md5'])}\n${headerText(headers['content-type'])}\n${dateHeader(headers)}\n` +
    `${canonicalHeaders(headers)}${resource}`
  );
}

function canonicalHeaders(headers: RequestHeaders): string {
  let lines = '';
  for (const name of mnsHeaderNames(headers)) lines += `${name}:${headerText(headers[name])}\n`;
  return lines;
}

/** The path, and names and values of the query, each escaped as RFC 3986 has it, whatever was escaped before. */
function encodeAnew(target: string): string {
  const { path, query } = splitTarget(target);
  const encoded = encodePath(percentDecode(path));
  return query === undefined ? encoded : `${encoded}?${query.split('&').map(encodePair).join('&')}`;
}

function encodePair(pair: string): string {
  const equals = pair.indexOf('=');
  if (equals < 0) return encodeValue(percentDecode(pair));
  return `${encodeValue(percentDecode(pair.slice(0, equals)))}=${encodeValue(percentDecode(pair.slice(equals + 1)))}`;
}
