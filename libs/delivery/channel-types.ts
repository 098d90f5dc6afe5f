import type { ChannelKind, ChannelType } from './channel-type.js';
import { DYSMS } from './providers/dysms.js';
import { FCM } from './providers/fcm.js';
import { DINGTALK, FEISHU, SLACK, WECOM } from './providers/robots.js';
import { SMTP } from './providers/smtp.js';
import { TWILIO } from './providers/twilio.js';

/** Every type of channel, by the name that `type` has in the management interface. A new provider is one file and one line here. */
export const CHANNEL_TYPES = {
  twilio: TWILIO,
  dysms: DYSMS,
  smtp: SMTP,
  fcm: FCM,
  dingtalk: DINGTALK,
  feishu: FEISHU,
  wecom: WECOM,
  slack: SLACK,
} as const satisfies Record<string, ChannelType>;

export type ChannelTypeName = keyof typeof CHANNEL_TYPES;

export function channelType(name: string): ChannelType | undefined {
  return Object.hasOwn(CHANNEL_TYPES, name) ? CHANNEL_TYPES[name as ChannelTypeName] : undefined;
}

/** Narrows a type to those of one kind. */
export function isOfKind<Kind extends ChannelKind>(type: ChannelType, kind: Kind): type is ChannelType<Kind> {
  return type.kind === kind;
}
