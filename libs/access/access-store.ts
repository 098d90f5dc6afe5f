import type { Deployment } from '#redis/deployment.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { RedisUnavailable } from '#redis/redis-unavailable.js';
import { systemClock, type Clock } from '#runtime/clock.js';
import {
  accessRedisKeys,
  type AccessKeyDocument,
  type AccessRedisKeys,
  type AccountDocument,
  type FirstKeyDocument,
} from './access-documents.js';
import { checkAccessKey, checkAccountId, isAccessKeyId, type AccessKey } from './access-key.js';
import { SecretBox } from './secret-box.js';

/** Milliseconds for which a key is used without another look. */
const FRESH = 2_000;

/**
 * Milliseconds for which a known key is still used while another look is under way, so that no request waits for it. A key that was
 * disabled works for so long in the processes that know it: within 5 seconds, the time of the look included, nobody takes it any more.
 */
const USABLE = 4_000;

/** Milliseconds between two looks that were asked for because a secret did not fit. */
const DOUBT = 1_000;

/** Milliseconds for which an id counts as unknown without another look; a new key works after so long at the most. */
const UNKNOWN = 1_000;

/** Unknown ids that are remembered at a time: whoever makes ids up must not fill the memory. */
const UNKNOWN_LIMIT = 10_000;

export interface FirstKey {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

interface KnownKey {
  readonly key: AccessKey;
  /** When the look for it began. */
  readonly readAt: number;
}

/**
 * Access keys as requests need them, through a cache in the process. A key that the process knows stays usable while Redis is away.
 *
 * What stands in Redis is described in `access-documents.ts`; `account-store.ts` changes it.
 */
export class AccessStore {
  readonly #box: SecretBox;
  readonly #keys: AccessRedisKeys;
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
    this.#keys = accessRedisKeys(deployment.prefix);
  }

  /**
   * Makes sure that the account and its key exist, and that the account is the first one. Repeating it changes nothing; a new secret
   * for the same key replaces the old one.
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
    const unchanged = stored !== undefined && this.#box.open(stored.secret, accessKeyId) === accessKeySecret;
    const first: FirstKeyDocument = { account: accountId, accessKeyId };
    await storage(() => this.client.set(this.#keys.firstKey, JSON.stringify(first)));
    const createTime = this.clock.now();
    // The account before its key: whoever finds the key finds its account.
    const account: AccountDocument = { enabled: true, createTime };
    await storage(() => this.client.hsetnx(this.#keys.accounts, accountId, JSON.stringify(account)));
    if (unchanged) return;
    const document: AccessKeyDocument = {
      ...(stored ?? { enabled: true, createTime }),
      account: accountId,
      secret: this.#box.seal(accessKeySecret, accessKeyId),
    };
    await storage(() => this.client.hset(this.#keys.accessKeys, accessKeyId, JSON.stringify(document)));
    this.forget();
  }

  /** Drops what this process knows, so that a change that it made itself holds for its next request. */
  forget(): void {
    this.#known.clear();
    this.#unknown.clear();
    this.#looks.clear();
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

  /**
   * The key as it is now, after a secret did not fit: it may have been changed since this process read it. Whoever guesses secrets
   * must not be able to keep Redis busy, so a key that was read less than a second ago comes back as it was.
   */
  async findAgain(key: AccessKey): Promise<AccessKey | undefined> {
    const known = this.#known.get(key.id);
    if (known !== undefined && this.clock.now() - known.readAt < DOUBT) return known.key;
    return await this.#look(key.id);
  }

  #look(accessKeyId: string): Promise<AccessKey | undefined> {
    const underWay = this.#looks.get(accessKeyId);
    if (underWay !== undefined) return underWay;
    const readAt = this.clock.now();
    const isCurrent = (): boolean => this.#looks.get(accessKeyId) === look;
    const look = this.#readKey(accessKeyId)
      // A look that was forgotten meanwhile may have seen what is past.
      .then((key) => (isCurrent() ? this.#remember(accessKeyId, key, readAt) : key))
      .finally(() => isCurrent() && this.#looks.delete(accessKeyId));
    this.#looks.set(accessKeyId, look);
    return look;
  }

  async #readKey(id: string): Promise<AccessKey | undefined> {
    const document = await this.#read(id);
    if (document === undefined) return undefined;
    const [accountJson, firstJson] = await storage(() =>
      Promise.all([this.client.hget(this.#keys.accounts, document.account), this.client.get(this.#keys.firstKey)]),
    );
    // The account was deleted, and its key is about to be.
    if (accountJson === null) return undefined;
    const account = JSON.parse(accountJson) as AccountDocument;
    const first = firstJson === null ? undefined : (JSON.parse(firstJson) as FirstKeyDocument);
    return {
      id,
      secret: this.#box.open(document.secret, id),
      account: document.account,
      enabled: document.enabled && account.enabled !== false,
      managesAccounts: first?.account === document.account,
    };
  }

  #remember(accessKeyId: string, key: AccessKey | undefined, readAt: number): AccessKey | undefined {
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
    const json = await storage(() => this.client.hget(this.#keys.accessKeys, accessKeyId));
    return json === null ? undefined : (JSON.parse(json) as AccessKeyDocument);
  }
}
