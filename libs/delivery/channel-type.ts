import type { SettingKind } from '#runtime/setting.js';
import type { MobileMessage } from './mobile-message.js';
import type { Outcome } from './outcome.js';
import type { EmailMessage } from './providers/email-message.js';
import type { SmsMessage } from './providers/sms-message.js';
import type { PushNetwork } from './push-network.js';
import type { Budget, Rate } from './rate-budget.js';
import type { RobotMessage } from './robot/robot-message.js';

/** What channels of each kind carry. */
export interface MessageOfKind {
  readonly sms: SmsMessage;
  readonly email: EmailMessage;
  readonly mobile: MobileMessage;
  readonly robot: RobotMessage;
}

/** What a channel is for. An account has at most one default channel of each kind. */
export type ChannelKind = keyof MessageOfKind;

/** One setting of a channel, declared once: reading, errors and answers all come from the declaration. */
export interface ChannelSetting {
  /** Lower camel case, as in the JSON of the management interface. */
  readonly name: string;
  readonly kind: SettingKind<string>;
  readonly required?: true;
  /** Stored encrypted and never shown again. */
  readonly secret?: true;
  /** Decides to whom the secrets are shown: whoever changes it has to know them, and gives them again. */
  readonly address?: true;
}

/** The values of a channel's settings by name, secrets included; what is not set is absent. */
export type ChannelSettings = Readonly<Record<string, string>>;

export interface ProviderTools {
  /**
   * Where the provider's client may connect to. Absent for the operator's own settings, which may name any address; an account's
   * channels are held to what pushes may reach.
   */
  readonly network?: PushNetwork;
  /** A budget that all processes share, by its name; without it each process has its own. */
  readonly budget?: (name: string, rate: Rate) => Budget;
  /** Milliseconds of one call; the provider's own default but in tests. */
  readonly timeLimit?: number;
}

/** The client of a provider with one channel's settings. Calls may overlap. */
export interface ProviderClient<Message> {
  /** Milliseconds that one call takes at the most. */
  readonly timeLimit: number;
  /** Hands one message over. Rejects only when `signal` fires, with its reason. */
  send(message: Message, signal: AbortSignal): Promise<Outcome>;
  /** A call that sends nothing and shows whether address and credentials are good. Rejects only when `signal` fires. */
  check(signal: AbortSignal): Promise<Outcome>;
  close(): Promise<void>;
}

/** A provider that channels can be opened to: its settings, and how it is called. */
export interface ChannelType<Kind extends ChannelKind = ChannelKind> {
  readonly kind: Kind;
  readonly settings: readonly ChannelSetting[];
  /** What `settings` cannot say of one value alone. @throws InvalidArgument */
  checkTogether?(settings: ChannelSettings): void;
  /** Loads the provider's library when it is called for the first time: a worker without such channels does not pay for it. */
  connect(settings: ChannelSettings, tools: ProviderTools): ProviderClient<MessageOfKind[Kind]>;
  /** The message that `POST …/test` sends, from the members of its body. @throws InvalidArgument */
  readTestMessage(members: Readonly<Record<string, unknown>>): MessageOfKind[Kind];
}
