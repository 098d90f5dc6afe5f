import { createPrivateKey, X509Certificate } from 'node:crypto';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { checkWebhookSecret } from './webhook-signature.js';

/** How pushes to one subscription are signed: as MNS does (`rsa`), by Standard Webhooks (`hmac`), by both, or not at all. */
export const PUSH_SIGNATURES = ['rsa', 'hmac', 'both', 'none'] as const;
export type PushSignature = (typeof PUSH_SIGNATURES)[number];

/** A secret as it is stored: what it was sealed to. It is never shown again. */
export interface Sealed {
  readonly sealed: string;
}

/** Encrypts a secret so that only this subscription can use it; `purpose` tells its secrets apart. */
export type Seal = (secret: string, purpose: string) => string;

/** For those who have no key to seal with. @throws InvalidArgument */
export function refuseSecrets(_secret: string, purpose: string): never {
  throw new InvalidArgument('options', `A ${purpose} cannot be set here.`);
}

export type HeaderValue = string | Sealed;
export type PushHeaders = Readonly<Record<string, HeaderValue>>;

/** What this side of a TLS connection shows, as PEM. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: Sealed;
}

const MOST_HEADERS = 20;
const LONGEST_VALUE = 4_096;
const LONGEST_PEM = 16_384;
const MOST_SECRETS = 2;

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
/** What a header may hold: printable ASCII with blanks and tabs inside. */
const VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;
/** Of the connection, or what a push says itself. */
const FORBIDDEN = new Set([
  'accept', 'connection', 'content-encoding', 'content-length', 'content-md5', 'content-type', 'date', 'expect', 'forwarded', 'host', 'http2-settings',
  'keep-alive', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'user-agent', 'via', 'x-real-ip',
]);
const FORBIDDEN_PREFIX = /^(x-mns-|webhook-|x-forwarded-|proxy-|sec-)/;

/** @throws InvalidArgument */
export function readSignature(value: unknown): PushSignature {
  const signature = PUSH_SIGNATURES.find((known) => known === value);
  if (signature === undefined) throw new InvalidArgument('signature', `signature is one of ${PUSH_SIGNATURES.join(', ')}.`);
  return signature;
}

/**
 * `{"X-Team": "ops", "X-Token": {"secret": "…"}}`. `{"secret": true}`, which is what is shown of a secret, keeps the one that is there.
 * @throws InvalidArgument
 */
export function readHeaders(value: unknown, seal: Seal, current: PushHeaders = {}): PushHeaders {
  const given = Object.entries(readObject(value, 'headers', 'an object of names and values'));
  if (given.length > MOST_HEADERS) throw new InvalidArgument('headers', `A subscription has at most ${MOST_HEADERS} headers.`);
  const names = new Set<string>();
  const headers = given.map(([name, content]): [string, HeaderValue] => {
    const lower = name.toLowerCase();
    if (!TOKEN.test(name)) throw new InvalidArgument('headers', `${JSON.stringify(name)} cannot be the name of a header.`);
    if (FORBIDDEN.has(lower) || FORBIDDEN_PREFIX.test(lower)) throw new InvalidArgument('headers', `The header ${name} is not yours to set.`);
    if (names.has(lower)) throw new InvalidArgument('headers', `The header ${name} is given twice.`);
    names.add(lower);
    return [name, readHeaderValue(name, content, seal, Object.hasOwn(current, name) ? current[name] : undefined)];
  });
  return Object.fromEntries(headers);
}

function readHeaderValue(name: string, value: unknown, seal: Seal, current: HeaderValue | undefined): HeaderValue {
  const at = `headers.${name}`;
  const text = typeof value === 'string' ? value : readSecret(value, at, typeof current === 'object' ? current : undefined);
  if (typeof text === 'object') return text;
  if (text.length > LONGEST_VALUE || !VALUE.test(text)) {
    throw new InvalidArgument(at, `The value of ${name} has 1 to ${LONGEST_VALUE} printable ASCII characters, no blanks around them.`);
  }
  return typeof value === 'string' ? text : { sealed: seal(text, headerPurpose(name)) };
}

/**
 * One secret, or two while it is being changed: `["whsec_new", "whsec_old"]`, each push is signed with both. `{"secret": true}` keeps
 * the one that is there; the second such keeps the second.
 * @throws InvalidArgument
 */
export function readSigningSecrets(value: unknown, seal: Seal, current: readonly Sealed[] = []): readonly Sealed[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > MOST_SECRETS) {
    throw new InvalidArgument('signingSecrets', `signingSecrets is a list of one or two secrets, or null.`);
  }
  let kept = 0;
  return value.map((entry: unknown, index) => {
    const at = `signingSecrets[${index}]`;
    const secret = typeof entry === 'string' ? entry : readSecret(entry, at, current[kept++]);
    if (typeof secret === 'object') return secret;
    checkWebhookSecret(at, secret);
    return { sealed: seal(secret, SIGNING_PURPOSE) };
  });
}

/** `{"certificate": "<PEM with its chain>", "key": "<PEM without a passphrase>"}`. @throws InvalidArgument */
export function readClientCertificate(value: unknown, seal: Seal, current?: ClientCertificate): ClientCertificate {
  const { certificate, key, ...others } = readObject(value, 'clientCertificate', 'an object with certificate and key');
  const [unknown] = Object.keys(others).filter((name) => name !== 'subject' && name !== 'notAfter');
  if (unknown !== undefined) throw new InvalidArgument(unknown, `${unknown} is not known in clientCertificate. Known: certificate, key.`);
  const leaf = readPem('clientCertificate.certificate', certificate, 'a certificate as PEM', (pem) => new X509Certificate(pem));
  const given = typeof key === 'string' ? key : readSecret(key, 'clientCertificate.key', current?.key);
  if (typeof given === 'object') {
    if (current?.certificate === certificate) return current!;
    throw new InvalidArgument('clientCertificate.key', 'Another certificate needs its own key.');
  }
  const privateKey = readPem('clientCertificate.key', given, 'a private key as PEM, without a passphrase', (pem) => createPrivateKey(pem));
  if (!leaf.checkPrivateKey(privateKey)) throw new InvalidArgument('clientCertificate.key', 'The key does not belong to the certificate.');
  return { certificate: certificate as string, key: { sealed: seal(given, CLIENT_KEY_PURPOSE) } };
}

/** What the options of one subscription must be so that pushes can be made. */
export interface HttpOptions {
  readonly headers?: PushHeaders;
  readonly signature?: PushSignature;
  readonly signingSecrets?: readonly Sealed[];
  readonly clientCertificate?: ClientCertificate;
}

/** @throws InvalidArgument when the options do not go together, or the endpoint has no use for them */
export function checkHttpOptions(endpoint: string, options: HttpOptions): void {
  const { headers, signature = 'rsa', signingSecrets, clientCertificate } = options;
  const given = (['headers', 'signature', 'signingSecrets', 'clientCertificate'] as const).find((name) => options[name] !== undefined);
  if (given !== undefined && !/^https?:/i.test(endpoint)) throw new InvalidArgument(given, `${given} is for http endpoints; this one is ${endpoint}.`);
  if (clientCertificate !== undefined && !/^https:/i.test(endpoint)) {
    throw new InvalidArgument('clientCertificate', 'clientCertificate is for https endpoints.');
  }
  if ((signature === 'hmac' || signature === 'both') && signingSecrets === undefined) {
    throw new InvalidArgument('signingSecrets', `signature ${signature} needs signingSecrets.`);
  }
  const authorization = Object.keys(headers ?? {}).find((name) => name.toLowerCase() === 'authorization');
  if (authorization !== undefined && (signature === 'rsa' || signature === 'both')) {
    throw new InvalidArgument('headers', `The header Authorization holds the signature; with signature hmac or none it is yours.`);
  }
}

/** What may be shown of each. */
export function showHeaders(headers: PushHeaders): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : SECRET]));
}

export function showSigningSecrets(secrets: readonly Sealed[]): unknown {
  return secrets.map(() => SECRET);
}

export function showClientCertificate({ certificate }: ClientCertificate): unknown {
  const { subject, validToDate } = new X509Certificate(certificate);
  return { certificate, key: SECRET, subject, notAfter: validToDate.toISOString() };
}

const SECRET = { secret: true } as const;

/** What secrets are sealed for. */
export const SIGNING_PURPOSE = 'signing secret';
export const CLIENT_KEY_PURPOSE = 'client key';

export function headerPurpose(name: string): string {
  return `header ${name}`;
}

/** The context that a secret of a subscription is sealed in. */
export function sealContext(account: string, topic: string, subscription: string, purpose: string): string {
  return `subscription ${account}/${topic}/${subscription} ${purpose}`;
}

/** `{"secret": "…"}`, or `{"secret": true}` for the one that is there. */
function readSecret(value: unknown, at: string, current: Sealed | undefined): string | Sealed {
  const { secret } = readObject(value, at, 'a text or {"secret": "…"}');
  if (typeof secret === 'string') return secret;
  if (secret !== true) throw new InvalidArgument(at, `${at} is a text or {"secret": "…"}.`);
  if (current === undefined) throw new InvalidArgument(at, `${at}: there is no secret that could be kept.`);
  return current;
}

function readObject(value: unknown, at: string, form: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new InvalidArgument(at, `${at} is ${form}.`);
}

function readPem<T>(at: string, value: unknown, form: string, read: (pem: string) => T): T {
  try {
    if (typeof value === 'string' && value.length <= LONGEST_PEM && value.includes('-----BEGIN ')) return read(value);
  } catch {
    // What the library says of it would be of no use to whoever gave it.
  }
  throw new InvalidArgument(at, `${at} is ${form}, at most ${LONGEST_PEM} characters.`);
}
