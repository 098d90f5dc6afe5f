import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { ChannelKind, ChannelSetting, ChannelSettings, ChannelType } from './channel-type.js';
import { isChannelName } from './channel-name.js';
import { CHANNEL_TYPES, channelType } from './channel-types.js';

/** A way to a provider that an account has set up under a name, ready to be used. */
export interface NamedChannel {
  readonly name: string;
  readonly type: string;
  readonly kind: ChannelKind;
  /** Secrets included. */
  readonly settings: ChannelSettings;
  /** Another one for each change: what was opened with an older one is out of date. */
  readonly version: string;
}

/** What is told of a channel: everything but its secrets. */
export interface ChannelDescription {
  readonly name: string;
  readonly type: string;
  readonly kind: ChannelKind;
  /** Whether it is the one of its kind that the account's subscriptions use when they name none. */
  readonly default: boolean;
  readonly settings: ChannelSettings;
  /** Secrets that are set, and when each was last changed (milliseconds since the epoch). */
  readonly secrets: Readonly<Record<string, { readonly lastModifyTime: number }>>;
  readonly createTime: number;
  readonly lastModifyTime: number;
}

/** What a PUT asks for. */
export interface ChannelChange {
  readonly type: string;
  readonly default: boolean;
  /** Plain settings are replaced as a whole; secrets that are absent stay as they are, null takes one away. */
  readonly settings: Readonly<Record<string, string | null>>;
}

/** @throws InvalidArgument */
export function checkChannelName(name: string): void {
  if (isChannelName(name)) return;
  throw new InvalidArgument('name', 'The name of a channel has 1 to 64 letters, digits and hyphens and starts with a letter or digit.');
}

/** Reads the body of a PUT. @throws InvalidArgument: no message ever repeats the value of a setting, it might be a secret */
export function readChannelChange(value: unknown): ChannelChange {
  const { type, default: isDefault = false, settings = {} } = membersOf(value, 'channel', ['type', 'default', 'settings']);
  const known = typeof type === 'string' ? channelType(type) : undefined;
  if (known === undefined) throw new InvalidArgument('type', `type is one of ${Object.keys(CHANNEL_TYPES).join(', ')}.`);
  if (typeof isDefault !== 'boolean') throw new InvalidArgument('default', 'default is true or false.');
  const names = known.settings.map(({ name }) => name);
  const members = Object.entries(membersOf(settings, 'settings', names));
  const read = members.map(([name, given]) => [name, readSetting(known, name, given)] as const);
  return { type: type as string, default: isDefault, settings: Object.fromEntries(read) };
}

function readSetting(type: ChannelType, name: string, given: unknown): string | null {
  if (given === null) return null;
  const setting = type.settings.find((declared) => declared.name === name)!;
  const value = typeof given === 'string' ? setting.kind.parse(given) : undefined;
  if (value === undefined) throw new InvalidArgument(name, `${name} is ${setting.kind.allowed}, as a JSON string.`);
  return value;
}

/**
 * Whether a channel can be used with these settings; `given` are those of this request, the others were kept.
 *
 * @throws InvalidArgument
 */
export function checkSettings(
  type: ChannelType,
  settings: ChannelSettings,
  given: ReadonlySet<string>,
  before: ChannelSettings = {},
): void {
  const missing = type.settings.find(({ name, required }) => required === true && settings[name] === undefined);
  if (missing !== undefined) throw new InvalidArgument(missing.name, `${missing.name} is required: ${missing.kind.allowed}.`);
  const moved = type.settings.find(({ name, address }) => address === true && settings[name] !== before[name]);
  const isKept = (name: string): boolean => before[name] !== undefined && settings[name] !== undefined && !given.has(name);
  const kept = type.settings.find(({ name, secret }) => secret === true && isKept(name));
  if (moved !== undefined && kept !== undefined) {
    const why = `${kept.name} has to be given again when ${moved.name} changes: it would be shown to another server.`;
    throw new InvalidArgument(kept.name, why);
  }
  type.checkTogether?.(settings);
}

/** An object with no other members than these. */
function membersOf(value: unknown, at: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidArgument(at, `${at} is an object.`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new InvalidArgument(unknown, `${unknown} is not known in ${at}. Known: ${known.join(', ')}.`);
  return value as Record<string, unknown>;
}

export function isSecret(settings: readonly ChannelSetting[], name: string): boolean {
  return settings.some((setting) => setting.name === name && setting.secret === true);
}
