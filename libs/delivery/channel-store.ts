import { SecretBox } from '#access/secret-box.js';
import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { RedisUnavailable } from '#redis/redis-unavailable.js';
import { systemClock, type Clock } from '#runtime/clock.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { ChannelBusy, ChannelNotExist } from './channel-errors.js';
import { checkChannelName, checkSettings, isSecret, type ChannelChange, type ChannelDescription, type NamedChannel } from './channel.js';
import type { ChannelKind, ChannelSettings } from './channel-type.js';
import { channelType } from './channel-types.js';

/** One channel as it stands in Redis. */
interface ChannelDocument {
  readonly type: string;
  readonly kind: ChannelKind;
  /** When it was last made the default of its kind: the latest of an account is the one. Milliseconds since the epoch. */
  readonly defaultSince?: number;
  readonly settings: ChannelSettings;
  readonly secrets: Readonly<Record<string, { readonly sealed: string; readonly lastModifyTime: number }>>;
  readonly createTime: number;
  readonly lastModifyTime: number;
  /** Raised by every change. */
  readonly version: number;
}

interface KnownChannel {
  readonly name: string;
  readonly document: ChannelDocument;
}

interface KnownAccount {
  readonly channels: readonly KnownChannel[];
  readonly readAt: number;
}

const CHANGE = new LuaScript(new URL('./commands/changeChannel-1.lua', import.meta.url));
const STALE = 1;
const FULL = 2;
const STALE_RETRIES = 5;

const MOST_CHANNELS = 100;
/** Milliseconds for which an account's channels are used without another look, as access keys are. */
const FRESH = 2_000;
/** Milliseconds for which they are still used while another look is under way or Redis is away. */
const USABLE = 4_000;

/**
 * The named channels of accounts: `<prefix>:channels:<account>` is a hash, channel name → JSON, whose secrets are encrypted.
 *
 * A change holds in other processes within 5 seconds.
 */
export class ChannelStore {
  readonly #box: SecretBox;
  readonly #known = new Map<string, KnownAccount>();
  readonly #looks = new Map<string, Promise<KnownAccount>>();

  /** @param secretKey 32 bytes, the same in every process of the deployment. */
  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
    secretKey: Buffer,
    private readonly clock: Clock = systemClock,
  ) {
    this.#box = new SecretBox(secretKey);
  }

  /**
   * Makes the channel or replaces it.
   *
   * @throws InvalidArgument for settings that its type cannot use, or when the account has 100 channels; ChannelBusy; RedisUnavailable
   */
  async put(account: string, name: string, change: ChannelChange): Promise<'created' | 'changed'> {
    checkChannelName(name);
    for (let attempt = 0; attempt < STALE_RETRIES; attempt += 1) {
      const hash = await storage(() => this.client.hgetall(this.#key(account)));
      const channels = readChannels(hash);
      const before = channels.find((channel) => channel.name === name)?.document;
      const latest = Math.max(0, ...channels.map(({ document }) => document.defaultSince ?? 0));
      const after = this.#changed(account, name, before, change, latest);
      const reply = await this.#write(account, name, hash[name] ?? '', JSON.stringify(after));
      if (reply === FULL) throw new InvalidArgument('name', `An account has at most ${MOST_CHANNELS} channels.`);
      if (reply !== STALE) return before === undefined ? 'created' : 'changed';
    }
    throw new ChannelBusy(name);
  }

  /** @throws ChannelNotExist */
  async get(account: string, name: string): Promise<ChannelDescription> {
    const found = (await this.list(account)).find((channel) => channel.name === name);
    if (found === undefined) throw new ChannelNotExist(name);
    return found;
  }

  /** In ascending order of their names. */
  async list(account: string): Promise<ChannelDescription[]> {
    const { channels } = await this.#read(account);
    return channels.map(({ name, document }) => describe(name, document, defaultOf(channels, document.kind)?.name === name));
  }

  /** Deleting what is not there changes nothing. @throws ChannelBusy */
  async delete(account: string, name: string): Promise<void> {
    for (let attempt = 0; attempt < STALE_RETRIES; attempt += 1) {
      const json = await storage(() => this.client.hget(this.#key(account), name));
      if (json === null || (await this.#write(account, name, json, '')) !== STALE) return;
    }
    throw new ChannelBusy(name);
  }

  /** All channels of an account that is being deleted. */
  async deleteAll(account: string): Promise<void> {
    this.#known.delete(account);
    await storage(() => this.client.unlink(this.#key(account)));
  }

  /**
   * The channel that a subscription uses: the one that it names, whatever its kind, else the account's default of the kind.
   *
   * @throws RedisUnavailable when this process has not seen the account's channels lately; SecretUnreadable
   */
  async find(account: string, kind: ChannelKind, name?: string): Promise<NamedChannel | undefined> {
    const { channels } = await this.#recent(account);
    const found = name === undefined ? defaultOf(channels, kind) : channels.find((channel) => channel.name === name);
    return found && this.#open(account, found.name, found.document);
  }

  /** As `find`, as it is now. */
  async findNow(account: string, name: string): Promise<NamedChannel | undefined> {
    const json = await storage(() => this.client.hget(this.#key(account), name));
    return json === null ? undefined : this.#open(account, name, readDocument(json));
  }

  #key(account: string): string {
    return `${this.deployment.prefix}:channels:${account}`;
  }

  #changed(
    account: string,
    name: string,
    before: ChannelDocument | undefined,
    change: ChannelChange,
    latest: number,
  ): ChannelDocument {
    const type = channelType(change.type)!;
    const now = this.clock.now();
    // The secrets of one provider are nothing to another.
    const kept = before?.type === change.type ? before : undefined;
    const isKept = (secret: string): boolean => change.settings[secret] === undefined && isSecret(type.settings, secret);
    const secrets: Record<string, { sealed: string; lastModifyTime: number }> = {};
    for (const [secret, value] of Object.entries(kept?.secrets ?? {})) if (isKept(secret)) secrets[secret] = value;
    const settings: Record<string, string> = {};
    for (const [setting, value] of Object.entries(change.settings)) {
      if (value === null) continue;
      if (!isSecret(type.settings, setting)) settings[setting] = value;
      else secrets[setting] = { sealed: this.#box.seal(value, contextOf(account, name, setting)), lastModifyTime: now };
    }
    const after: ChannelDocument = {
      type: change.type,
      kind: type.kind,
      ...(change.default && { defaultSince: Math.max(now, latest + 1) }),
      settings,
      secrets,
      createTime: before?.createTime ?? now,
      lastModifyTime: now,
      version: (before?.version ?? 0) + 1,
    };
    const opened = this.#open(account, name, after).settings;
    checkSettings(type, opened, new Set(Object.keys(change.settings)), kept && this.#open(account, name, kept).settings);
    return after;
  }

  async #write(account: string, name: string, before: string, after: string): Promise<unknown> {
    const reply = await storage(() => CHANGE.run(this.client, [this.#key(account)], [name, before, after, MOST_CHANNELS]));
    // What was read before this write may not be used by the next delivery of this process.
    this.#known.delete(account);
    this.#looks.delete(account);
    return reply;
  }

  #open(account: string, name: string, { type, kind, settings, secrets, createTime, version }: ChannelDocument): NamedChannel {
    const open = (secret: string, sealed: string): string => this.#box.open(sealed, contextOf(account, name, secret));
    const opened = Object.entries(secrets).map(([secret, { sealed }]) => [secret, open(secret, sealed)]);
    const all = { ...settings, ...(Object.fromEntries(opened) as ChannelSettings) };
    return { name, type, kind, settings: all, version: `${createTime}.${version}` };
  }

  async #recent(account: string): Promise<KnownAccount> {
    const now = this.clock.now();
    const known = this.#known.get(account);
    if (known === undefined) return await this.#look(account);
    const age = now - known.readAt;
    if (age < FRESH) return known;
    const look = this.#look(account).catch((error: unknown) => {
      // Redis is away: what is known is better than nothing.
      if (error instanceof RedisUnavailable) return known;
      throw error;
    });
    if (age >= USABLE) return await look;
    look.catch(() => undefined);
    return known;
  }

  #look(account: string): Promise<KnownAccount> {
    const underWay = this.#looks.get(account);
    if (underWay !== undefined) return underWay;
    const isCurrent = (): boolean => this.#looks.get(account) === look;
    const look = this.#read(account)
      .then((read) => {
        if (isCurrent()) this.#known.set(account, read);
        return read;
      })
      .finally(() => isCurrent() && this.#looks.delete(account));
    this.#looks.set(account, look);
    return look;
  }

  async #read(account: string): Promise<KnownAccount> {
    const readAt = this.clock.now();
    const hash = await storage(() => this.client.hgetall(this.#key(account)));
    return { channels: readChannels(hash), readAt };
  }
}

/** In ascending order of their names. */
function readChannels(hash: Readonly<Record<string, string>>): KnownChannel[] {
  const names = Object.keys(hash).sort();
  return names.map((name) => ({ name, document: readDocument(hash[name]!) }));
}

function readDocument(json: string): ChannelDocument {
  return JSON.parse(json) as ChannelDocument;
}

/** A sealed secret can be moved neither to another channel nor to another setting. */
function contextOf(account: string, name: string, setting: string): string {
  return `channel ${account}/${name} ${setting}`;
}

function defaultOf(channels: readonly KnownChannel[], kind: ChannelKind): KnownChannel | undefined {
  const candidates = channels.filter(({ document }) => document.kind === kind && document.defaultSince !== undefined);
  return candidates.sort((one, other) => other.document.defaultSince! - one.document.defaultSince!)[0];
}

function describe(name: string, document: ChannelDocument, isDefault: boolean): ChannelDescription {
  const { type, kind, settings, secrets, createTime, lastModifyTime } = document;
  const shown = Object.entries(secrets).map(([secret, { lastModifyTime: time }]) => [secret, { lastModifyTime: time }]);
  return {
    name,
    type,
    kind,
    default: isDefault,
    settings,
    secrets: Object.fromEntries(shown) as ChannelDescription['secrets'],
    createTime,
    lastModifyTime,
  };
}
