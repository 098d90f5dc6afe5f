import { text } from '#runtime/setting.js';
import type { ChannelKind, ChannelSetting, ChannelType } from './channel-type.js';
import { DYSMS } from './providers/dysms.js';
import { FCM } from './providers/fcm.js';
import { DINGTALK, FEISHU, SLACK, WECOM } from './providers/robots.js';
import { SMTP } from './providers/smtp.js';
import { TWILIO } from './providers/twilio.js';

/** Every channel has it: messages a second that all workers together send through it. */
const MAX_PER_SECOND: ChannelSetting = { name: 'maxPerSecond', kind: text(/^([1-9][0-9]{0,3}|10000)$/, 'a number from 1 to 10000') };

/** Every type of channel, by the name that `type` has in the management interface. A new provider is one file and one line here. */
export const CHANNEL_TYPES = {
  twilio: withRate(TWILIO),
  dysms: withRate(DYSMS),
  smtp: withRate(SMTP),
  fcm: withRate(FCM),
  dingtalk: withRate(DINGTALK),
  feishu: withRate(FEISHU),
  wecom: withRate(WECOM),
  slack: withRate(SLACK),
} as const satisfies Record<string, ChannelType>;

export type ChannelTypeName = keyof typeof CHANNEL_TYPES;

export function channelType(name: string): ChannelType | undefined {
  return Object.hasOwn(CHANNEL_TYPES, name) ? CHANNEL_TYPES[name as ChannelTypeName] : undefined;
}

/** Narrows a type to those of one kind. */
export function isOfKind<Kind extends ChannelKind>(type: ChannelType, kind: Kind): type is ChannelType<Kind> {
  return type.kind === kind;
}

function withRate<Kind extends ChannelKind>(type: ChannelType<Kind>): ChannelType<Kind> {
  return { ...type, settings: [...type.settings, MAX_PER_SECOND] };
}
