import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { NotifyContentFormat } from './notification.js';

/** An endpoint in a form that no channel understands, or one that this release has no channel for. */
export class EndpointInvalid extends Error {
  override readonly name = 'EndpointInvalid';
}

/** Where the deliveries of a subscription go, read from its endpoint text. */
export type Endpoint = HttpEndpoint | QueueEndpoint | EmailEndpoint;

export interface HttpEndpoint {
  readonly kind: 'http';
  /** Scheme, host and port: what connections are shared by. */
  readonly origin: string;
  /** Path and query as they are sent and signed. */
  readonly requestUri: string;
}

/** A queue of the topic's owner. The region and account that the text names are not kept: clients guess them from host names. */
export interface QueueEndpoint {
  readonly kind: 'queue';
  readonly queue: string;
}

export interface EmailEndpoint {
  readonly kind: 'email';
  readonly address: string;
}

const DEFAULT_PATH = '/notifications';
const LONGEST = 2_048;

/** `URL` alone would forgive blanks, line ends and a missing host. */
const HTTP = /^https?:\/\/[^/?#\\\s][^\s\u0000-\u001f]*$/i;
const QUEUE = /^acs:mns:[^:/]*:[^:/]*:\/?queues\/([A-Za-z0-9][A-Za-z0-9-]{0,119})$/;
const EMAIL = /^mail:directmail:(.+)$/;
/** One mailbox: no list, no display name, nothing that could end a header line. */
const MAILBOX = /^[^\s@<>(),;:"\\[\]]{1,64}@[^\s@<>(),;:"\\[\]]{1,255}$/;
/** Forms of MNS that this release has no channel for. */
const OTHER_CHANNEL = /^(sms:|push:|mail:|smq-ep:|acs:fc:|acs:eventbridge:)/;

/**
 * Reads an endpoint: `http(s)://host[:port][/path][?query]`, `acs:mns:<region>:<account>:queues/<queue>` (also `:/queues/`)
 * or `mail:directmail:<address>`.
 *
 * @throws EndpointInvalid for anything else.
 */
export function parseEndpoint(text: string): Endpoint {
  if (text.length > LONGEST) throw new EndpointInvalid(`An endpoint has at most ${LONGEST} characters.`);
  if (HTTP.test(text)) return parseHttp(text);
  const queue = QUEUE.exec(text)?.[1];
  if (queue !== undefined) return { kind: 'queue', queue };
  const address = EMAIL.exec(text)?.[1];
  if (address !== undefined) return parseEmail(address);
  if (OTHER_CHANNEL.test(text)) throw new EndpointInvalid(`This deployment has no channel for the endpoint "${text}".`);
  throw new EndpointInvalid(
    `The endpoint "${text}" is not valid: it is an http(s) URL, acs:mns:<region>:<account>:queues/<queue> or mail:directmail:<address>.`,
  );
}

function parseHttp(text: string): HttpEndpoint {
  const url = URL.parse(text);
  if (url === null) throw new EndpointInvalid(`The endpoint "${text}" is not a valid URL.`);
  if (url.username !== '' || url.password !== '') {
    throw new EndpointInvalid('An http endpoint carries no user name or password: the Authorization header holds the signature.');
  }
  const path = url.pathname === '/' && !hasPath(text) ? DEFAULT_PATH : url.pathname;
  return { kind: 'http', origin: url.origin, requestUri: path + url.search };
}

/** `URL` answers "/" both for "http://host" and for "http://host/"; only the first has no path of its own. */
function hasPath(text: string): boolean {
  return /^https?:\/\/[^/?#]*\//i.test(text);
}

function parseEmail(address: string): EmailEndpoint {
  if (!MAILBOX.test(address)) throw new EndpointInvalid(`"${address}" is not an e-mail address.`);
  return { kind: 'email', address };
}

/**
 * Whether a subscription may combine the two: a mail is the published text itself.
 *
 * @throws InvalidArgument for an e-mail endpoint with another format than SIMPLIFIED.
 */
export function checkContentFormat(endpoint: Endpoint, format: NotifyContentFormat): void {
  if (endpoint.kind === 'email' && format !== 'SIMPLIFIED') {
    throw new InvalidArgument('NotifyContentFormat', 'The NotifyContentFormat of an e-mail endpoint should be SIMPLIFIED.');
  }
}
