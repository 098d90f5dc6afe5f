import { SecretBox, SecretUnreadable } from '#access/secret-box.js';
import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { systemClock, type Clock } from '#runtime/clock.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { checkSourceName, SOURCE_SECRETS, type EventSourceChange, type EventSourceSettings, type SourceSecret } from './event-source-document.js';
import { EventSourceBusy, EventSourceNameTaken, EventSourceNotExist } from './event-source-errors.js';
import type { EventSource } from './event-source.js';

type Secrets<T> = Readonly<Partial<Record<SourceSecret, T>>>;

/** One source as it stands in Redis. */
interface StoredSource {
  readonly account: string;
  readonly settings: EventSourceSettings;
  readonly secrets: Secrets<{ readonly sealed: string; readonly lastModifyTime: number }>;
  readonly createTime: number;
  readonly lastModifyTime: number;
  readonly version: number;
}

/** What is told of a source: everything but its secrets. */
export interface EventSourceDescription extends Omit<EventSourceSettings, 'accessKey'> {
  readonly name: string;
  readonly credentials?: { readonly accessKey: string };
  /** Secrets that are set, and when each was last changed (milliseconds since the epoch). */
  readonly secrets: Secrets<{ readonly lastModifyTime: number }>;
  readonly createTime: number;
  readonly lastModifyTime: number;
}

/** All sources at one moment, or a little later than `version` says. */
export interface SourceDocuments {
  readonly version: number;
  readonly sources: readonly EventSource[];
  /** Names of sources whose secrets this process cannot decrypt, or that a newer release wrote. */
  readonly unreadable: readonly string[];
}

const CHANGE = new LuaScript(new URL('./commands/changeEventSource-1.lua', import.meta.url));
const STALE = 1;
const FULL = 2;
const STALE_RETRIES = 5;

const MOST_SOURCES = 100;

/**
 * The event sources of a deployment: `<prefix>:{event-sources}` is a hash, name → JSON, whose secrets are encrypted; in the same slot
 * `:names:<account>` (set) and `:version` (counter, raised by every change).
 *
 * A change is also announced on the channel `…:changed`. That is a hint; `version` is the truth.
 */
export class EventSourceStore {
  readonly #key: string;
  readonly #box: SecretBox;

  /** @param secretKey 32 bytes, the same in every process of the deployment. */
  constructor(
    private readonly client: RedisClient,
    deployment: Deployment,
    secretKey: Buffer,
    private readonly clock: Clock = systemClock,
  ) {
    this.#key = `${deployment.prefix}:{event-sources}`;
    this.#box = new SecretBox(secretKey);
  }

  /** The channel on which changes are announced. */
  get changes(): string {
    return `${this.#key}:changed`;
  }

  /**
   * Makes the source or replaces it.
   *
   * @param names `own`: a new one has to begin with its account and a dot
   * @throws InvalidArgument for such a name, when a secret is missing or may not be kept, or when the account has 100 sources; EventSourceNameTaken;
   * EventSourceBusy; RedisUnavailable
   */
  async put(account: string, name: string, change: EventSourceChange, names: 'any' | 'own' = 'any'): Promise<'created' | 'changed' | 'unchanged'> {
    checkSourceName(name);
    for (let attempt = 0; attempt < STALE_RETRIES; attempt += 1) {
      const json = await this.#read(name);
      const before = parse(json);
      if (before !== undefined && before.account !== account) throw new EventSourceNameTaken(name);
      if (before === undefined && names === 'own') checkOwnName(account, name);
      const after = this.#changed(account, name, before, change);
      if (after === before) return 'unchanged';
      const reply = await this.#write(account, name, json, JSON.stringify(after));
      if (reply === FULL) throw new InvalidArgument('name', `An account has at most ${MOST_SOURCES} event sources.`);
      if (reply !== STALE) return before === undefined ? 'created' : 'changed';
    }
    throw new EventSourceBusy(name);
  }

  /** @throws EventSourceNotExist; RedisUnavailable */
  async get(account: string, name: string): Promise<EventSourceDescription> {
    return describe(name, await this.#owned(account, name));
  }

  /** In ascending order of their names. */
  async list(account: string): Promise<EventSourceDescription[]> {
    const names = (await storage(() => this.client.smembers(`${this.#key}:names:${account}`))).sort();
    const documents = names.length === 0 ? [] : await storage(() => this.client.hmget(this.#key, ...names));
    return names.flatMap((name, index) => {
      const source = parse(documents[index] ?? '');
      return source === undefined || source.account !== account ? [] : [describe(name, source)];
    });
  }

  /** @returns false when there was no such source. @throws EventSourceBusy; RedisUnavailable */
  async delete(account: string, name: string): Promise<boolean> {
    for (let attempt = 0; attempt < STALE_RETRIES; attempt += 1) {
      const json = await this.#read(name);
      if (parse(json)?.account !== account) return false;
      if ((await this.#write(account, name, json, '')) !== STALE) return true;
    }
    throw new EventSourceBusy(name);
  }

  /** The source with its secrets. @throws EventSourceNotExist; SecretUnreadable; RedisUnavailable */
  async open(account: string, name: string): Promise<EventSource> {
    return this.#open(name, await this.#owned(account, name));
  }

  /** Changes whenever a source changes; cheap to ask for. */
  version(): Promise<number> {
    return storage(async () => Number(await this.client.get(`${this.#key}:version`)));
  }

  /** Of all accounts, with their secrets. */
  async all(): Promise<SourceDocuments> {
    const version = await this.version();
    const documents = await storage(() => this.client.hgetall(this.#key));
    const sources: EventSource[] = [];
    const unreadable: string[] = [];
    for (const name of Object.keys(documents).sort()) {
      try {
        sources.push(this.#open(name, parse(documents[name]!)!));
      } catch (error) {
        if (!(error instanceof SecretUnreadable)) throw error;
        unreadable.push(name);
      }
    }
    return { version, sources, unreadable };
  }

  #changed(account: string, name: string, before: StoredSource | undefined, { settings, secrets: given }: EventSourceChange): StoredSource {
    const now = this.clock.now();
    const secrets: Partial<Record<SourceSecret, { sealed: string; lastModifyTime: number }>> = {};
    for (const secret of SOURCE_SECRETS) {
      const value = given[secret];
      const kept = before?.secrets[secret];
      if (value === undefined && kept !== undefined) secrets[secret] = kept;
      // The same secret once more is no change: who keeps sources in a file sends it each time.
      else if (typeof value === 'string' && kept !== undefined && this.#holds(account, name, secret, kept.sealed, value)) secrets[secret] = kept;
      else if (typeof value === 'string') secrets[secret] = { sealed: this.#box.seal(value, contextOf(account, name, secret)), lastModifyTime: now };
    }
    if (settings.accessKey === undefined) delete secrets.secretKey;
    checkSecretKey(settings, before, secrets.secretKey !== undefined, typeof given.secretKey === 'string');
    const same = before !== undefined && JSON.stringify([settings, secrets]) === JSON.stringify([before.settings, before.secrets]);
    if (same) return before;
    return { account, settings, secrets, createTime: before?.createTime ?? now, lastModifyTime: now, version: (before?.version ?? 0) + 1 };
  }

  #holds(account: string, name: string, secret: SourceSecret, sealed: string, value: string): boolean {
    try {
      return this.#box.open(sealed, contextOf(account, name, secret)) === value;
    } catch {
      return false;
    }
  }

  #open(name: string, { account, settings, secrets, version }: StoredSource): EventSource {
    const open = (secret: SourceSecret): string | undefined => {
      const sealed = secrets[secret]?.sealed;
      return sealed === undefined ? undefined : this.#box.open(sealed, contextOf(account, name, secret));
    };
    const { accessKey, ...plain } = settings;
    const [secretKey, intakeToken] = [open('secretKey'), open('intakeToken')];
    return {
      name,
      account,
      ...plain,
      ...(accessKey !== undefined && secretKey !== undefined && { credentials: { accessKey, secretKey } }),
      ...(intakeToken !== undefined && { intakeToken }),
      version,
    };
  }

  async #owned(account: string, name: string): Promise<StoredSource> {
    const source = parse(await this.#read(name));
    if (source === undefined || source.account !== account) throw new EventSourceNotExist(name);
    return source;
  }

  /** Empty when there is none. */
  async #read(name: string): Promise<string> {
    return (await storage(() => this.client.hget(this.#key, name))) ?? '';
  }

  async #write(account: string, name: string, before: string, after: string): Promise<number> {
    const reply = await storage(() => CHANGE.run(this.client, [this.#key], [name, before, after, account, MOST_SOURCES]));
    const [outcome, version] = reply as [number, number?];
    // A lost announcement is made good by the next look at the version.
    if (version !== undefined) await this.client.publish(this.changes, String(version)).catch(() => undefined);
    return outcome;
  }
}

/** @throws InvalidArgument */
function checkOwnName(account: string, name: string): void {
  if (name.startsWith(`${account}.`)) return;
  throw new InvalidArgument('name', `The names of this account's event sources begin with ${account} and a dot.`);
}

/** A secret may not be used at another place, or for another user, than the one that it was given for. */
function checkSecretKey(settings: EventSourceSettings, before: StoredSource | undefined, present: boolean, given: boolean): void {
  const at = 'credentials.secretKey';
  if (settings.accessKey === undefined || given) return;
  if (!present) throw new InvalidArgument(at, `${at} is required with credentials.accessKey.`);
  const moved = (['endpoint', 'accessKey'] as const).find((member) => before?.settings[member] !== settings[member]);
  if (moved === undefined) return;
  throw new InvalidArgument(at, `${at} has to be given again when ${moved === 'endpoint' ? moved : 'credentials.accessKey'} changes.`);
}

function describe(name: string, { settings, secrets, createTime, lastModifyTime }: StoredSource): EventSourceDescription {
  const { accessKey, ...plain } = settings;
  const shown = Object.entries(secrets).map(([secret, { lastModifyTime: time }]) => [secret, { lastModifyTime: time }]);
  return {
    name,
    ...plain,
    ...(accessKey !== undefined && { credentials: { accessKey } }),
    secrets: Object.fromEntries(shown) as EventSourceDescription['secrets'],
    createTime,
    lastModifyTime,
  };
}

function parse(json: string): StoredSource | undefined {
  return json === '' ? undefined : (JSON.parse(json) as StoredSource);
}

/** A sealed secret can be moved neither to another source nor to another member. */
function contextOf(account: string, name: string, secret: SourceSecret): string {
  return `event source ${account}/${name} ${secret}`;
}
