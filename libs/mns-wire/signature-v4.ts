import { Hmac, HmacKeys } from '#runtime/hmac.js';
import { encodePath, encodeValue, percentDecode, splitTarget } from './percent-encoding.js';
import { headerText, mnsHeaderNames, readDate, type RequestHeaders, type SignedRequest } from './signed-request.js';

/** What a signature is good for. It stands in the credential of the Authorization header. */
export interface ScopeV4 {
  /** Apsara is the private cloud: the same algorithm under other names. */
  readonly family: 'aliyun' | 'apsara';
  /** `20250603`, in UTC. */
  readonly date: string;
  /** As the client is configured; any name will do. */
  readonly region: string;
}

const ALGORITHMS = { aliyun: 'MNS4-HMAC-SHA256', apsara: 'APSARA-MNS4-HMAC-SHA256' } as const;

/** How a parameter's value is read from the query before it is escaped for the signature. */
const VALUE_READERS: readonly ((value: string) => string)[] = [
  percentDecode,
  // A client may write its query as it would a form.
  (value) => percentDecode(value.replaceAll('+', ' ')),
  // A client that is given a value already escaped escapes it once more for the signature, and sends it as it was given.
  (value) => value,
];

/**
 * Whether the signature was made with the secret, for the day on which the request says it was signed.
 *
 * @throws MnsError when the date header cannot be read
 */
export function verifySignatureV4(request: SignedRequest, scope: ScopeV4, signature: string, secret: string): boolean {
  if (timestamp(request.headers).slice(0, 8) !== scope.date) return false;
  const key = signingKey(scope, secret);
  const texts = new Set<string>();
  for (const readValue of VALUE_READERS) {
    const text = stringToSignV4(request, scope, readValue);
    if (!texts.has(text) && key.fits(text, signature, 'hex')) return true;
    texts.add(text);
  }
  return false;
}

/** Holds for a day; it takes more digests to make than to use. */
function signingKey({ family, date, region }: ScopeV4, secret: string): Hmac {
  return keys.get(`${family}/${date}/${region}/${secret}`, () => {
    const steps = [date, region, 'mns', `${family}_v4_request`];
    return steps.reduce((key, step) => new Hmac('sha256', key.digest(step)), new Hmac('sha256', `${family}_v4${secret}`));
  });
}

const keys = new HmacKeys();

/** The text under the signature; one character stands for one byte. Day and time are those of the date header. */
export function stringToSignV4({ method, rawTarget, headers }: SignedRequest, scope: ScopeV4, readValue = percentDecode): string {
  const time = timestamp(headers);
  const { path, query } = splitTarget(rawTarget);
  return (
    `${ALGORITHMS[scope.family]}\n${time}\n${time.slice(0, 8)}/${scope.region}/mns/${scope.family}_v4_request\n` +
    `${method}\n${encodePath(percentDecode(path))}\n${canonicalQuery(query, readValue)}\n${canonicalHeaders(headers)}\n`
  );
}

/** `20250603T105235Z` */
function timestamp(headers: RequestHeaders): string {
  return new Date(readDate(headers)).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** Names in lower case and sorted; a parameter with an empty value is its name alone. */
function canonicalQuery(query: string | undefined, readValue: (value: string) => string): string {
  if (query === undefined || query === '') return '';
  const parameters = query.split('&').map((pair): [name: string, value: string] => {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? '' : pair.slice(equals + 1);
    return [encodeValue(lowerCase(trim(readValue(name)))), encodeValue(trim(readValue(value)))];
  });
  parameters.sort(([one], [other]) => (one < other ? -1 : Number(one > other)));
  return parameters.map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join('&');
}

function canonicalHeaders(headers: RequestHeaders): string {
  const others = ['content-md5', 'content-type'].filter((name) => headers[name] !== undefined);
  let lines = '';
  for (const name of [...others, ...mnsHeaderNames(headers)]) lines += `${name}:${trim(headerText(headers[name]))}\n`;
  return lines;
}

/** Of ASCII alone: other characters are bytes of something longer, which must not change. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function trim(text: string): string {
  return text.replace(/^[\0- ]+|[\0- ]+$/g, '');
}
