import type { HubAccess } from './alert-topic.js';

/** A way to a provider, as `PUT /api/v1/channels/{name}` takes it (docs/channels.md). */
export interface Channel {
  readonly type: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** Where a subscription of setup.yaml leads. */
export interface Destination {
  readonly name: 'sms' | 'e-mail' | 'dingtalk';
  readonly subscription: string;
  readonly channelName: string;
  readonly channel: Channel;
  /** Whether `.env` names a real provider. */
  readonly real: boolean;
}

/** Addresses of the stand-ins for what `.env` leaves open. */
export interface StandIns {
  readonly smsUrl: string;
  readonly smtpUrl: string;
  readonly dingtalkUrl: string;
  readonly dingtalkSecret: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws Error when a block of `.env` is filled in part */
export function readDestinations(env: Environment, standIns: StandIns): readonly Destination[] {
  const sms = readBlock(env, ['ALERT_PHONE', 'DYSMS_ACCESS_KEY_ID', 'DYSMS_ACCESS_KEY_SECRET', 'DYSMS_SIGN_NAME', 'DYSMS_TEMPLATE_CODE']);
  const mail = readBlock(env, ['ALERT_MAIL', 'SMTP_URL', 'SMTP_FROM']);
  const chat = readBlock(env, ['DINGTALK_WEBHOOK_URL', 'DINGTALK_SECRET']);
  return [
    { name: 'sms', subscription: 'on-call-sms', real: sms !== undefined, ...smsChannel(sms, standIns) },
    { name: 'e-mail', subscription: 'team-mail', real: mail !== undefined, ...mailChannel(mail && { ...mail, ...login(env) }, standIns) },
    { name: 'dingtalk', subscription: 'team-chat', real: chat !== undefined, ...chatChannel(chat, standIns) },
  ];
}

type NamedChannel = Pick<Destination, 'channelName' | 'channel'>;

function smsChannel(filled: Environment | undefined, { smsUrl }: StandIns): NamedChannel {
  const {
    DYSMS_ACCESS_KEY_ID: accessKeyId = 'stand-in',
    DYSMS_ACCESS_KEY_SECRET: accessKeySecret = 'stand-in',
    DYSMS_SIGN_NAME: signName = 'Magpie',
    DYSMS_TEMPLATE_CODE: templateCode = 'SMS_100000001',
  } = filled ?? {};
  const settings = { accessKeyId, accessKeySecret, signName, templateCode, ...(filled === undefined && { endpoint: smsUrl }) };
  return { channelName: 'alerts-sms', channel: { type: 'dysms', settings } };
}

function mailChannel(filled: Environment | undefined, { smtpUrl }: StandIns): NamedChannel {
  const { SMTP_URL: url = smtpUrl, SMTP_FROM: from = 'Alerts <alerts@example.com>' } = filled ?? {};
  const { SMTP_USER: user, SMTP_PASSWORD: password } = filled ?? {};
  const settings = { url, from, ...(user !== undefined && password !== undefined && { user, password }) };
  return { channelName: 'alerts-mail', channel: { type: 'smtp', settings } };
}

function chatChannel(filled: Environment | undefined, { dingtalkUrl, dingtalkSecret }: StandIns): NamedChannel {
  const { DINGTALK_WEBHOOK_URL: webhookUrl = dingtalkUrl, DINGTALK_SECRET: secret = dingtalkSecret } = filled ?? {};
  return { channelName: 'alerts-chat', channel: { type: 'dingtalk', settings: { webhookUrl, secret } } };
}

/** Not every mail server asks for one. */
function login(env: Environment): Environment {
  return readBlock(env, ['SMTP_USER', 'SMTP_PASSWORD']) ?? {};
}

/** Undefined when nothing of it is filled in. */
function readBlock(env: Environment, names: readonly string[]): Environment | undefined {
  const missing = names.filter((name) => !env[name]);
  if (missing.length === names.length) return undefined;
  if (missing.length > 0) throw new Error(`.env sets ${names.filter((name) => env[name]).join(', ')}, but not ${missing.join(', ')}`);
  return Object.fromEntries(names.map((name) => [name, env[name]]));
}

/** Made anew or replaced, so that a change of `.env` holds from the next start. */
export async function putChannels({ api, accessKeyId, accessKeySecret }: HubAccess, destinations: readonly Destination[]): Promise<void> {
  const login = Buffer.from(`${accessKeyId}:${accessKeySecret}`).toString('base64');
  for (const { channelName, channel } of destinations) {
    const response = await fetch(`${api}/api/v1/channels/${channelName}`, {
      method: 'PUT',
      headers: { Authorization: `Basic ${login}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(channel),
    });
    if (!response.ok) throw new Error(`channel ${channelName} was refused with ${response.status}: ${await response.text()}`);
  }
}
