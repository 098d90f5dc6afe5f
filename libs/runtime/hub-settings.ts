import { isIP } from 'node:net';
import { highWater, type HighWater } from './high-water.js';
import type { LogLevel } from './log.js';
import { isNetwork, NETWORK_FORMS } from './network-list.js';
import {
  BadSetting,
  base64Bytes,
  choice,
  integer,
  list,
  readSetting,
  text,
  unknownSettings,
  url,
  type Environment,
  type Setting,
  type SettingKind,
} from './setting.js';

/** What an operator may set, read and checked. Optional ones have no default here: see the descriptions below. */
export interface HubSettings {
  readonly host: string;
  readonly apiPort: number;
  readonly bridgePort: number;
  readonly workerPort: number;
  /** Path of a PEM file; there when `tlsKey` is. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsPort: number;
  /** CIDRs, or the words `loopback` and `private`. */
  readonly trustedProxies: readonly string[];
  readonly dataDir: string;
  readonly secretKey?: Buffer;
  readonly keyPrefix: string;
  readonly redisUrl?: string;
  readonly redisHighWater: HighWater;
  readonly accountId?: string;
  readonly accessKeyId?: string;
  readonly accessKeySecret?: string;
  readonly region: string;
  /** Without a trailing slash. */
  readonly publicUrl?: string;
  /** Without a trailing slash. */
  readonly bridgePublicUrl?: string;
  /** CIDRs, or the words `loopback` and `private`. */
  readonly pushAllow: readonly string[];
  /** Path of a PEM file. */
  readonly pushCaFile?: string;
  readonly intakeToken?: string;
  readonly smtpUrl?: string;
  readonly mailFrom?: string;
  /** There when its token and sender are. */
  readonly twilioAccountSid?: string;
  readonly twilioAuthToken?: string;
  readonly twilioFrom?: string;
  readonly twilioBaseUrl?: string;
  readonly fcmServiceAccountFile?: string;
  readonly fcmBaseUrl?: string;
  readonly setupFile?: string;
  readonly logLevel: LogLevel;
}

const port = integer(0, 65_535);
const word = 'letters, digits, dots, hyphens and underscores';

const redisUrl: SettingKind<string> = text(
  /^(rediss?|redis\+sentinel|redis\+cluster):\/\/[^\s/]+(\/\S*)?$/,
  'redis://, rediss://, redis+sentinel://host:port,…/name or redis+cluster://host:port,…',
);

const network: SettingKind<string> = { allowed: NETWORK_FORMS, parse: (given) => (isNetwork(given) ? given : undefined) };
const file = text(/^[^\0]+$/, 'a path of a file');

export const HUB_SETTINGS: { readonly [Key in keyof HubSettings]-?: Setting<NonNullable<HubSettings[Key]>> } = {
  host: {
    name: 'MAGPIE_HOST',
    kind: text(/^[A-Za-z0-9._:-]+$/, 'an IP address or a host name'),
    default: '127.0.0.1',
    description: 'Bind address of all listeners.',
  },
  apiPort: {
    name: 'MAGPIE_API_PORT',
    kind: port,
    default: '6670',
    description: 'Port of the API. 0 = any free one (the ready line tells).',
  },
  bridgePort: {
    name: 'MAGPIE_BRIDGE_PORT',
    kind: port,
    default: '6671',
    description: 'Port of the event bridge. 0 = any free one.',
  },
  workerPort: {
    name: 'MAGPIE_WORKER_PORT',
    kind: port,
    default: '6672',
    description: 'Port of the worker: health and metrics only. 0 = any free one.',
  },
  tlsCert: {
    name: 'MAGPIE_TLS_CERT',
    kind: file,
    description: 'Certificate of the API with its chain, PEM. Set together with its key: the API speaks https as well. Read again when it changes.',
  },
  tlsKey: {
    name: 'MAGPIE_TLS_KEY',
    kind: file,
    description: 'Private key of the certificate, PEM, without a passphrase. Read again when it changes.',
  },
  tlsPort: {
    name: 'MAGPIE_TLS_PORT',
    kind: port,
    default: '6673',
    description: 'Port of the API for https, beside http; used with a certificate only. 0 = any free one.',
  },
  trustedProxies: {
    name: 'MAGPIE_TRUSTED_PROXIES',
    kind: list(network),
    default: 'none',
    description: 'Proxies in front of the API whose X-Forwarded-For, -Host and -Proto count; from all others they are ignored.',
  },
  dataDir: {
    name: 'MAGPIE_DATA_DIR',
    kind: text(/^[^\0]+$/, 'a directory'),
    default: './data',
    description: 'Directory of the embedded Redis, of generated secrets and of the write-ahead file of the bridge.',
  },
  secretKey: {
    name: 'MAGPIE_SECRET_KEY',
    kind: base64Bytes(32),
    description: 'Encrypts secrets in Redis; processes on several hosts need the same. Generated into the data directory when unset.',
    secret: true,
  },
  keyPrefix: {
    name: 'MAGPIE_KEY_PREFIX',
    kind: text(/^[A-Za-z0-9._-]{1,64}$/, `1 to 64 ${word}`),
    default: 'magpie',
    description: 'First part of every Redis key, so that several deployments can share one Redis.',
  },
  redisUrl: {
    name: 'MAGPIE_REDIS_URL',
    kind: redisUrl,
    description: 'Where Redis is. Unset: `npm start` runs an embedded one.',
    secret: true,
  },
  redisHighWater: {
    name: 'MAGPIE_REDIS_HIGH_WATER',
    kind: highWater,
    default: '85%',
    description: 'Memory of Redis above which new messages are refused, while receiving and deleting go on. A share counts only where Redis has a limit (maxmemory).',
  },
  accountId: {
    name: 'MAGPIE_ACCOUNT_ID',
    kind: text(/^\d{16}$/, '16 digits'),
    description: 'The first account. Generated once and kept in the data directory when unset.',
  },
  accessKeyId: {
    name: 'MAGPIE_ACCESS_KEY_ID',
    kind: text(/^[A-Za-z0-9._-]{1,128}$/, `1 to 128 ${word}`),
    description: "The first account's access key; set together with its secret. Generated once when unset.",
  },
  accessKeySecret: {
    name: 'MAGPIE_ACCESS_KEY_SECRET',
    kind: text(/^[\x21-\x7e]{1,128}$/, '1 to 128 printable characters without blanks'),
    description: 'Secret of the access key. Generated once when unset.',
    secret: true,
  },
  region: {
    name: 'MAGPIE_REGION',
    kind: text(/^[a-z0-9-]{1,64}$/, '1 to 64 lower-case letters, digits and hyphens'),
    default: 'cn-hangzhou',
    description: 'Appears in endpoints, ARNs and events.',
  },
  publicUrl: {
    name: 'MAGPIE_PUBLIC_URL',
    kind: url('http', 'https'),
    description: 'Base of the URLs that the hub hands out. Unset: scheme and host that the client used; in pushes http://<host>:<port> of the API.',
  },
  bridgePublicUrl: {
    name: 'MAGPIE_BRIDGE_PUBLIC_URL',
    kind: url('http', 'https'),
    description: 'Base of the URLs at which object stores reach the bridge. Unset: http://<host>:<port> of the bridge while it listens on loopback.',
  },
  pushAllow: {
    name: 'MAGPIE_PUSH_ALLOW',
    kind: list(network),
    description: 'Networks that pushes may reach although not public. Unset: loopback while the listeners are on loopback, else none.',
  },
  pushCaFile: {
    name: 'MAGPIE_PUSH_CA_FILE',
    kind: file,
    description: 'Certificate authorities, PEM, that pushes to https endpoints believe beside those of the platform. Read at the start.',
  },
  intakeToken: {
    name: 'MAGPIE_INTAKE_TOKEN',
    kind: text(/^[\x21-\x7e]{8,256}$/, '8 to 256 printable characters without blanks'),
    description: "Bearer token of the bridge's intake. Generated once when unset.",
    secret: true,
  },
  smtpUrl: {
    name: 'MAGPIE_SMTP_URL',
    kind: url('smtp', 'smtps'),
    description: 'Mail server for accounts without an e-mail channel of their own, with user and password where it wants them.',
    secret: true,
  },
  mailFrom: {
    name: 'MAGPIE_MAIL_FROM',
    kind: text(/^[^\r\n@]+@[^\r\n@]+$/, 'an e-mail address'),
    description: 'Sender of the mails that go through this mail server.',
  },
  twilioAccountSid: {
    name: 'MAGPIE_TWILIO_ACCOUNT_SID',
    kind: text(/^AC[0-9a-fA-F]{32}$/, 'AC and 32 hexadecimal digits'),
    description: 'Twilio account for accounts without an SMS channel of their own. Set together with its token and sender.',
  },
  twilioAuthToken: {
    name: 'MAGPIE_TWILIO_AUTH_TOKEN',
    kind: text(/^[\x21-\x7e]{8,256}$/, '8 to 256 printable characters without blanks'),
    description: 'Token of the Twilio account.',
    secret: true,
  },
  twilioFrom: {
    name: 'MAGPIE_TWILIO_FROM',
    kind: text(/^(\+[0-9]{5,20}|MG[0-9a-fA-F]{32}|[A-Za-z0-9 ]{1,11})$/, 'a number with +, a messaging service (MG…) or a sender name'),
    description: 'Sender of the SMS that go through this Twilio account.',
  },
  twilioBaseUrl: {
    name: 'MAGPIE_TWILIO_BASE_URL',
    kind: url('http', 'https'),
    description: "Where Twilio's API is, for a proxy or a test. Unset: https://api.twilio.com.",
  },
  fcmServiceAccountFile: {
    name: 'MAGPIE_FCM_SERVICE_ACCOUNT_FILE',
    kind: file,
    description: 'Service account of a Firebase project, JSON, for mobile pushes of accounts without a channel of their own. Read at the start.',
  },
  fcmBaseUrl: {
    name: 'MAGPIE_FCM_BASE_URL',
    kind: url('http', 'https'),
    description: "Where this project's pushes and access tokens are asked for, for a proxy or a test. Unset: Google's own addresses.",
  },
  setupFile: {
    name: 'MAGPIE_SETUP_FILE',
    kind: text(/^[^\0]+$/, 'a YAML file'),
    description: 'Queues, topics, subscriptions and event rules that the API makes sure of at each start: see docs/setup-file.md.',
  },
  logLevel: {
    name: 'MAGPIE_LOG_LEVEL',
    kind: choice('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    default: 'info',
    description: 'JSON lines on stderr; readable text on a terminal. From debug on, an answer SignatureDoesNotMatch shows the string to sign.',
  },
};

/**
 * Reads every setting from an environment that is handed in.
 *
 * @param onWarning told, in one line each, of `MAGPIE_*` names that mean nothing.
 * @throws BadSetting for the first value that is not allowed.
 */
export function readHubSettings(environment: Environment, onWarning: (warning: string) => void = () => undefined): HubSettings {
  const values = Object.entries(HUB_SETTINGS)
    .map(([key, setting]) => [key, readSetting<unknown>(setting, environment)] as const)
    .filter(([, value]) => value !== undefined);
  const settings = { pushAllow: [], ...Object.fromEntries(values) } as unknown as HubSettings;
  checkPair(settings, 'accessKeyId', 'accessKeySecret');
  checkPair(settings, 'tlsCert', 'tlsKey');
  checkPair(settings, 'twilioAccountSid', 'twilioAuthToken');
  checkPair(settings, 'twilioAccountSid', 'twilioFrom');
  const names = Object.values(HUB_SETTINGS).map((setting) => setting.name);
  for (const name of unknownSettings('MAGPIE_', names, environment)) onWarning(`${name} is no setting of Magpie and is ignored`);
  const pushAllowGiven = values.some(([key]) => key === 'pushAllow');
  return pushAllowGiven || !isLoopback(settings.host) ? settings : { ...settings, pushAllow: ['loopback'] };
}

/** A key whose secret was generated elsewhere, or the reverse, would only fail at the first request; a certificate needs its key. */
function checkPair(settings: HubSettings, one: keyof HubSettings, other: keyof HubSettings): void {
  if ((settings[one] === undefined) === (settings[other] === undefined)) return;
  const [given, missing] = settings[one] === undefined ? [other, one] : [one, other];
  throw new BadSetting(HUB_SETTINGS[missing].name, `not set although ${HUB_SETTINGS[given].name} is`, 'both or neither');
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
