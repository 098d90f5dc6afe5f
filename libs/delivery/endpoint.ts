import { InvalidArgument } from '#runtime/invalid-argument.js';
import { isChannelName } from './channel-name.js';
import { readTarget, type MobileTarget } from './mobile-target.js';
import type { NotifyContentFormat } from './notification.js';
import { readMailboxes } from './providers/email-message.js';
import { isPhone } from './providers/sms-message.js';

/** An endpoint in a form that no channel understands, or one that this release has no channel for. */
export class EndpointInvalid extends Error {
  override readonly name = 'EndpointInvalid';
}

/** Where the deliveries of a subscription go, read from its endpoint text. */
export type Endpoint = HttpEndpoint | QueueEndpoint | EmailEndpoint | SmsEndpoint | MobileEndpoint | RobotEndpoint;

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

/** What is behind a named channel or the account's default one. */
interface ChannelEndpoint {
  /** The channel to use; the account's default of the kind when absent. */
  readonly channel?: string;
}

export interface EmailEndpoint extends ChannelEndpoint {
  readonly kind: 'email';
  /** Mailboxes; none when each message names its own. */
  readonly addresses: readonly string[];
}

export interface SmsEndpoint extends ChannelEndpoint {
  readonly kind: 'sms';
  /** Which generation of endpoints it is, and hence which of a message's attributes come first. */
  readonly form: 'directsms' | 'dayu' | 'dysms';
  /** Absent when each message names its own receivers. */
  readonly phone?: string;
}

export interface MobileEndpoint extends ChannelEndpoint {
  readonly kind: 'mobile';
  /** Of the app; the name of its channel, where there is one. */
  readonly appKey: string;
  /** Absent when each message names its own. */
  readonly target?: MobileTarget;
}

/** Chat services that there are robots of; each is a type of channel. */
export const ROBOT_SERVICES = ['dingtalk', 'feishu', 'wecom', 'slack'] as const;

export interface RobotEndpoint {
  readonly kind: 'robot';
  readonly service: (typeof ROBOT_SERVICES)[number];
  /** Knows the robot's address and secret, which therefore stand in no endpoint. */
  readonly channel: string;
}

const DEFAULT_PATH = '/notifications';
const LONGEST = 2_048;

/** `URL` alone would forgive blanks, line ends and a missing host. */
const HTTP = /^https?:\/\/[^/?#\\\s][^\s\u0000-\u001f]*$/i;
const QUEUE = /^acs:mns:[^:/]*:[^:/]*:\/?queues\/([A-Za-z0-9][A-Za-z0-9-]{0,119})$/;
/** Receivers stand last, behind the account in the newer forms: clients guess it, and it is not looked at. */
const EMAIL = /^(?:mail:directmail|smq-ep:dm:[^:]*):(.+)$/;
const SMS = /^(?:sms:(directsms|dayu)|smq-ep:(dysms):[^:]*):(.+)$/;
const PUSH = /^push:([^:?]+)(?::([a-z]+):(.+))?$/;
const ROBOT = /^robot:([a-z]+):(.+)$/;
/** Behind all else of an endpoint of a provider. */
const NAMED_CHANNEL = /\?channel=([^?&]*)$/;
/** In the place of the receiver, in the newer and the older forms: messages name theirs. */
const DYNAMIC = '__dynamic';
const ANONYMOUS = 'anonymous';
/** Forms of MNS that this release has no channel for. */
const OTHER_CHANNEL = /^(sms:|mail:|smq-ep:|acs:fc:|acs:eventbridge:)/;

/**
 * Reads an endpoint: `http(s)://host[:port][/path][?query]`, `acs:mns:<region>:<account>:queues/<queue>` (also `:/queues/`),
 * `mail:directmail:<address>`, `smq-ep:dm:<account>:__dynamic`, `sms:directsms:<phone>`, `sms:directsms:anonymous`, `sms:dayu:<phone>`
 * `smq-ep:dysms:<account>:<phone>`, `push:<AppKey>[:token|topic|condition:<target>]`; mail, SMS and push may end with
 * `?channel=<name>`; or `robot:<service>:<channel>`.
 *
 * @throws EndpointInvalid for anything else.
 */
export function parseEndpoint(text: string): Endpoint {
  if (text.length > LONGEST) throw new EndpointInvalid(`An endpoint has at most ${LONGEST} characters.`);
  if (HTTP.test(text)) return parseHttp(text);
  const queue = QUEUE.exec(text)?.[1];
  if (queue !== undefined) return { kind: 'queue', queue };
  if (EMAIL.test(text) || SMS.test(text) || text.startsWith('push:')) return parseProvided(text);
  if (text.startsWith('robot:')) return parseRobot(text);
  if (OTHER_CHANNEL.test(text)) throw new EndpointInvalid(`This deployment has no channel for the endpoint "${text}".`);
  throw new EndpointInvalid(
    `The endpoint "${text}" is not valid: it is an http(s) URL, acs:mns:<region>:<account>:queues/<queue>, ` +
      'mail:directmail:<address>, sms:directsms:<phone>, push:<AppKey> or robot:<service>:<channel>.',
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

function parseProvided(text: string): EmailEndpoint | SmsEndpoint | MobileEndpoint {
  const name = NAMED_CHANNEL.exec(text)?.[1];
  if (name !== undefined && !isChannelName(name)) throw new EndpointInvalid(`"${name}" is not the name of a channel.`);
  const channel = name === undefined ? {} : { channel: name };
  const plain = text.replace(NAMED_CHANNEL, '');
  if (plain.startsWith('push:')) return { ...parsePush(plain), ...channel };
  const sms = SMS.exec(plain);
  if (sms !== null) return { ...parseSms((sms[1] ?? sms[2]) as SmsEndpoint['form'], sms[3]!), ...channel };
  return { ...parseEmail(EMAIL.exec(plain)?.[1] ?? ''), ...channel };
}

function parseSms(form: SmsEndpoint['form'], receiver: string): SmsEndpoint {
  if (receiver === (form === 'dysms' ? DYNAMIC : ANONYMOUS)) return { kind: 'sms', form };
  if (!isPhone(receiver)) throw new EndpointInvalid(`"${receiver}" is not a phone number: 5 to 20 digits, with or without + in front.`);
  return { kind: 'sms', form, phone: receiver };
}

function parsePush(text: string): MobileEndpoint {
  const [, appKey = '', kind, name = ''] = PUSH.exec(text) ?? [];
  if (!isChannelName(appKey)) throw new EndpointInvalid(`"${text}" is not push:<AppKey>, with :token:, :topic: or :condition: and a target behind it or not.`);
  if (kind === undefined) return { kind: 'mobile', appKey };
  const target = readTarget(kind, name);
  if (target === undefined) throw new EndpointInvalid(`"${kind}:${name}" is not a registration token, a topic or a condition of Firebase Cloud Messaging.`);
  return { kind: 'mobile', appKey, target };
}

function parseRobot(text: string): RobotEndpoint {
  const [, given, channel = ''] = ROBOT.exec(text) ?? [];
  const service = ROBOT_SERVICES.find((known) => known === given);
  if (service !== undefined && isChannelName(channel)) return { kind: 'robot', service, channel };
  throw new EndpointInvalid(`"${text}" is not robot:<service>:<channel>, with one of ${ROBOT_SERVICES.join(', ')} and the name of a channel.`);
}

function parseEmail(receiver: string): EmailEndpoint {
  if (receiver === DYNAMIC) return { kind: 'email', addresses: [] };
  const addresses = readMailboxes(receiver);
  if (addresses === undefined) throw new EndpointInvalid(`"${receiver}" is not an e-mail address.`);
  return { kind: 'email', addresses };
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
