import type { Deployment } from '#redis/deployment.js';
import type { RedisClient } from '#redis/redis-client.js';
import { RedisUnavailable, toStorageError } from '#redis/redis-unavailable.js';
import { systemClock, type Clock } from '#runtime/clock.js';
import { checkAccessKey, checkAccountId, isAccessKeyId, type AccessKey } from './access-key.js';
import { SecretBox } from './secret-box.js';

/** Milliseconds for which a key is used without another look. A key that was disabled works for so long in the processes that know it. */
const FRESH = 5_000;

/** Milliseconds for which a known key is still used while another look is under way, so that no request waits for it. */
const USABLE = 30_000;

/** Milliseconds for which an id counts as unknown without another look; a new key works after so long at the most. */
const UNKNOWN = 1_000;

/** Unknown ids that are remembered at a time: whoever makes ids up must not fill the memory. */
const UNKNOWN_LIMIT = 10_000;

export interface FirstKey {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** An access key as it stands in Redis, in JSON. */
interface AccessKeyDocument {
  readonly account: string;
  /** Sealed with the access key's id as context. */
  readonly secret: string;
  readonly enabled: boolean;
  /** Milliseconds since the epoch. */
  readonly createTime: number;
}

interface KnownKey {
  readonly key: AccessKey;
  readonly readAt: number;
}

/**
 * Accounts and access keys: the hashes `<prefix>:accounts` and `<prefix>:access-keys`, one JSON document a field.
 *
 * Reads go through a cache in the process. A key that the process knows stays usable while Redis is away.
 */
export class AccessStore {
  readonly #box: SecretBox;
  readonly #accountsKey: string;
  readonly #accessKeysKey: string;
  readonly #known = new Map<string, KnownKey>();
  /** Ids that were not found, and when that was. */
  readonly #unknown = new Map<string, number>();
  /** Looks that are under way: requests with the same key share one. */
  readonly #looks = new Map<string, Promise<AccessKey | undefined>>();

  /** @param secretKey 32 bytes, the same in every process of the deployment. */
  constructor(
    private readonly client: RedisClient,
    deployment: Deployment,
    secretKey: Buffer,
    private readonly clock: Clock = systemClock,
  ) {
    this.#box = new SecretBox(secretKey);
    this.#accountsKey = `${deployment.prefix}:accounts`;
    this.#accessKeysKey = `${deployment.prefix}:access-keys`;
  }

  /**
   * Makes sure that the account and its key exist. Repeating it changes nothing; a new secret for the same key replaces the old one.
   *
   * @throws InvalidArgument for values no key can have; SecretUnreadable when the key is stored under another secret key;
   *   Error when the key belongs to another account; RedisUnavailable.
   */
  async ensureFirstKey({ accountId, accessKeyId, accessKeySecret }: FirstKey): Promise<void> {
    checkAccountId(accountId);
    checkAccessKey(accessKeyId, accessKeySecret);
    const stored = await this.#read(accessKeyId);
    if (stored !== undefined && stored.account !== accountId) {
      throw new Error(`the access key "${accessKeyId}" belongs to the account ${stored.account}, not to ${accountId}`);
    }
    if (stored !== undefined && this.#box.open(stored.secret, accessKeyId) === accessKeySecret) return;
    const createTime = this.clock.now();
    // The account first: whoever finds the key finds its account.
    await this.#store(() => this.client.hsetnx(this.#accountsKey, accountId, JSON.stringify({ createTime })));
    const document: AccessKeyDocument = {
      account: accountId,
      secret: this.#box.seal(accessKeySecret, accessKeyId),
      enabled: stored?.enabled ?? true,
      createTime: stored?.createTime ?? createTime,
    };
    await this.#store(() => this.client.hset(this.#accessKeysKey, accessKeyId, JSON.stringify(document)));
    this.#known.delete(accessKeyId);
    this.#unknown.delete(accessKeyId);
  }

  /**
   * The key of that id, which may be disabled; undefined when there is none.
   *
   * @throws RedisUnavailable when this process has not seen the key before; SecretUnreadable.
   */
  async find(accessKeyId: string): Promise<AccessKey | undefined> {
    if (!isAccessKeyId(accessKeyId)) return undefined;
    const now = this.clock.now();
    const known = this.#known.get(accessKeyId);
    if (known === undefined) {
      const missed = this.#unknown.get(accessKeyId);
      return missed !== undefined && now - missed < UNKNOWN ? undefined : await this.#look(accessKeyId);
    }
    const age = now - known.readAt;
    if (age < FRESH) return known.key;
    const look = this.#look(accessKeyId).catch((error: unknown) => {
      if (error instanceof RedisUnavailable) return known.key;
      throw error;
    });
    if (age >= USABLE) return await look;
    // A failure here is met again, and then reported, by the request that has to wait for its look.
    look.catch(() => undefined);
    return known.key;
  }

  #look(accessKeyId: string): Promise<AccessKey | undefined> {
    const underWay = this.#looks.get(accessKeyId);
    if (underWay !== undefined) return underWay;
    const look = this.#read(accessKeyId)
      .then((document) => this.#remember(accessKeyId, document && this.#unseal(accessKeyId, document)))
      .finally(() => this.#looks.delete(accessKeyId));
    this.#looks.set(accessKeyId, look);
    return look;
  }

  #unseal(id: string, { account, secret, enabled }: AccessKeyDocument): AccessKey {
    return { id, secret: this.#box.open(secret, id), account, enabled };
  }

  #remember(accessKeyId: string, key: AccessKey | undefined): AccessKey | undefined {
    const readAt = this.clock.now();
    if (key === undefined) {
      this.#known.delete(accessKeyId);
      if (this.#unknown.size >= UNKNOWN_LIMIT) this.#unknown.clear();
      this.#unknown.set(accessKeyId, readAt);
    } else {
      this.#unknown.delete(accessKeyId);
      this.#known.set(accessKeyId, { key, readAt });
    }
    return key;
  }

  async #read(accessKeyId: string): Promise<AccessKeyDocument | undefined> {
    const json = await this.#store(() => this.client.hget(this.#accessKeysKey, accessKeyId));
    return json === null ? undefined : (JSON.parse(json) as AccessKeyDocument);
  }

  async #store<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await command();
    } catch (error) {
      throw toStorageError(error);
    }
  }
}
