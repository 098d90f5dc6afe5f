import type { HubSettings } from '#runtime/hub-settings.js';
import type { ChannelKind, ChannelSettings, ChannelType } from './channel-type.js';
import { FCM } from './providers/fcm.js';
import { SMTP } from './providers/smtp.js';
import { TWILIO } from './providers/twilio.js';

/** A channel that the operator has set up for every account that has none of its own. */
export interface EnvironmentChannel<Kind extends ChannelKind = ChannelKind> {
  readonly type: ChannelType<Kind>;
  readonly settings: ChannelSettings;
}

export type EnvironmentChannels = { readonly [Kind in ChannelKind]?: EnvironmentChannel<Kind> };

type Settings = Pick<
  HubSettings,
  'smtpUrl' | 'mailFrom' | 'twilioAccountSid' | 'twilioAuthToken' | 'twilioFrom' | 'twilioBaseUrl' | 'fcmBaseUrl'
> & {
  /** The content of the operator's file. */
  readonly fcmServiceAccount?: string;
};

/** What the settings of the deployment say about channels; a kind whose settings are not complete has none. */
export function environmentChannels(settings: Settings): EnvironmentChannels {
  const { smtpUrl, mailFrom, twilioAccountSid, twilioAuthToken, twilioFrom, twilioBaseUrl, fcmServiceAccount, fcmBaseUrl } = settings;
  const email = complete({ url: smtpUrl, from: mailFrom });
  const sms = complete({ accountSid: twilioAccountSid, authToken: twilioAuthToken, from: twilioFrom });
  const base: ChannelSettings = twilioBaseUrl === undefined ? {} : { baseUrl: twilioBaseUrl };
  const fcmBase: ChannelSettings = fcmBaseUrl === undefined ? {} : { baseUrl: fcmBaseUrl };
  return {
    ...(email !== undefined && { email: { type: SMTP, settings: email } }),
    ...(sms !== undefined && { sms: { type: TWILIO, settings: { ...sms, ...base } } }),
    ...(fcmServiceAccount !== undefined && { mobile: { type: FCM, settings: { serviceAccount: fcmServiceAccount, ...fcmBase } } }),
  };
}

function complete(settings: Readonly<Record<string, string | undefined>>): ChannelSettings | undefined {
  return Object.values(settings).every((value) => value !== undefined) ? (settings as ChannelSettings) : undefined;
}
