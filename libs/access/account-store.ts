import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { systemClock, type Clock } from '#runtime/clock.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import {
  accessRedisKeys,
  type AccessKeyDocument,
  type AccessRedisKeys,
  type AccountDocument,
  type FirstKeyDocument,
} from './access-documents.js';
import { AccessKeyFromSettings, AccessKeyNotExist, AccountNotExist, FirstAccountNeeded, LastAccessKey } from './access-errors.js';
import { checkAccountId, isAccessKeyId, newAccessKeyId, newAccessKeySecret, newAccountId } from './access-key.js';
import { SecretBox } from './secret-box.js';

/** What is told of an account. */
export interface AccountDescription {
  readonly accountId: string;
  readonly enabled: boolean;
  readonly description: string;
  /** Milliseconds since the epoch. */
  readonly createTime: number;
  /** Whether it is the account that manages the others. */
  readonly first: boolean;
}

/** What is told of an access key: everything but its secret. */
export interface AccessKeyDescription {
  readonly accessKeyId: string;
  readonly accountId: string;
  readonly enabled: boolean;
  readonly description: string;
  /** Milliseconds since the epoch. */
  readonly createTime: number;
}

/** Told once, when the secret is made. */
export interface AccessKeyWithSecret extends AccessKeyDescription {
  readonly accessKeySecret: string;
}

export interface Changes {
  readonly enabled?: boolean;
  /** At most 256 characters. */
  readonly description?: string;
}

const CHANGE = new LuaScript(new URL('./commands/changeAccessKey-1.lua', import.meta.url));
/** Answers of the script. */
const OK = 0;
const STALE = 1;

const MOST_ACCOUNTS = 1_000;
const MOST_KEYS = 10;
const STALE_RETRIES = 5;

/** Accounts and access keys as whoever manages them sees them. A change reaches the requests of other processes within 5 seconds. */
export class AccountStore {
  readonly #box: SecretBox;
  readonly #keys: AccessRedisKeys;

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

  /** In ascending order of their ids. */
  async listAccounts(): Promise<AccountDescription[]> {
    const [accounts, first] = await Promise.all([storage(() => this.client.hgetall(this.#keys.accounts)), this.#first()]);
    const ids = Object.keys(accounts).sort();
    return ids.map((id) => describeAccount(id, JSON.parse(accounts[id]!) as AccountDocument, first));
  }

  /** @throws AccountNotExist */
  async getAccount(id: string): Promise<AccountDescription> {
    const [account, first] = await Promise.all([this.#account(id), this.#first()]);
    return describeAccount(id, account, first);
  }

  /** Creates an account under an id that nobody has. @throws InvalidArgument */
  async createAccount(changes: Changes): Promise<AccountDescription> {
    for (;;) {
      const id = newAccountId();
      if ((await this.putAccount(id, changes)) === 'created') return this.getAccount(id);
    }
  }

  /** Creates an account or changes what is given of it. @throws InvalidArgument · FirstAccountNeeded */
  async putAccount(id: string, changes: Changes): Promise<'created' | 'changed'> {
    checkAccountId(id);
    const [json, count, first] = await Promise.all([
      storage(() => this.client.hget(this.#keys.accounts, id)),
      storage(() => this.client.hlen(this.#keys.accounts)),
      this.#first(),
    ]);
    if (changes.enabled === false && first?.account === id) throw new FirstAccountNeeded();
    if (json === null) {
      if (count >= MOST_ACCOUNTS) throw new InvalidArgument('accountId', `There are at most ${MOST_ACCOUNTS} accounts.`);
      const account: AccountDocument = { enabled: true, ...changes, createTime: this.clock.now() };
      const created = await storage(() => this.client.hsetnx(this.#keys.accounts, id, JSON.stringify(account)));
      if (created === 1) return 'created';
    }
    const account: AccountDocument = { ...(await this.#account(id)), ...changes };
    await storage(() => this.client.hset(this.#keys.accounts, id, JSON.stringify(account)));
    return 'changed';
  }

  /**
   * Deletes an account, which should own nothing any more, with its access keys.
   *
   * @returns false when there was none
   * @throws FirstAccountNeeded
   */
  async deleteAccount(id: string): Promise<boolean> {
    if ((await this.#first())?.account === id) throw new FirstAccountNeeded();
    // The account first: its keys are good for nothing without it, whatever happens to this process now.
    const deleted = await storage(() => this.client.hdel(this.#keys.accounts, id));
    const keys = (await this.listAccessKeys(id)).map(({ accessKeyId }) => accessKeyId);
    if (keys.length > 0) await storage(() => this.client.hdel(this.#keys.accessKeys, ...keys));
    return deleted === 1;
  }

  /** In ascending order of their ids; those of one account, or all. */
  async listAccessKeys(account?: string): Promise<AccessKeyDescription[]> {
    const documents = await storage(() => this.client.hgetall(this.#keys.accessKeys));
    const described = Object.keys(documents).map((id) => describeAccessKey(id, JSON.parse(documents[id]!) as AccessKeyDocument));
    const wanted = described.filter(({ accountId }) => account === undefined || accountId === account);
    return wanted.sort((one, other) => (one.accessKeyId < other.accessKeyId ? -1 : 1));
  }

  /** @throws AccessKeyNotExist */
  async getAccessKey(id: string): Promise<AccessKeyDescription> {
    return describeAccessKey(id, (await this.#accessKey(id)).document);
  }

  /** @throws AccountNotExist · InvalidArgument when the account has as many as it may have */
  async createAccessKey(account: string, changes: Changes): Promise<AccessKeyWithSecret> {
    await this.#account(account);
    if ((await this.listAccessKeys(account)).length >= MOST_KEYS) {
      throw new InvalidArgument('accountId', `An account has at most ${MOST_KEYS} access keys.`);
    }
    const id = newAccessKeyId();
    const accessKeySecret = newAccessKeySecret();
    const secret = this.#box.seal(accessKeySecret, id);
    const document: AccessKeyDocument = { account, enabled: true, ...changes, secret, createTime: this.clock.now() };
    await storage(() => this.client.hsetnx(this.#keys.accessKeys, id, JSON.stringify(document)));
    return { ...describeAccessKey(id, document), accessKeySecret };
  }

  /** @throws AccessKeyNotExist · LastAccessKey */
  async changeAccessKey(id: string, changes: Changes): Promise<AccessKeyDescription> {
    return describeAccessKey(id, await this.#change(id, (document) => ({ ...document, ...changes })));
  }

  /**
   * Gives the key another secret; the one that it had is good for nothing from then on.
   *
   * @throws AccessKeyNotExist · AccessKeyFromSettings
   */
  async rotateAccessKey(id: string): Promise<AccessKeyWithSecret> {
    if ((await this.#first())?.accessKeyId === id) throw new AccessKeyFromSettings(id);
    const accessKeySecret = newAccessKeySecret();
    const document = await this.#change(id, (present) => ({ ...present, secret: this.#box.seal(accessKeySecret, id) }));
    return { ...describeAccessKey(id, document), accessKeySecret };
  }

  /** @returns false when there was none @throws AccessKeyFromSettings · LastAccessKey */
  async deleteAccessKey(id: string): Promise<boolean> {
    if ((await this.#first())?.accessKeyId === id) throw new AccessKeyFromSettings(id);
    try {
      await this.#change(id, () => undefined);
      return true;
    } catch (error) {
      if (error instanceof AccessKeyNotExist) return false;
      throw error;
    }
  }

  /** Reads, changes, writes; again when somebody else wrote in between. */
  async #change<T extends AccessKeyDocument | undefined>(id: string, change: (document: AccessKeyDocument) => T): Promise<T> {
    const first = await this.#first();
    for (let attempt = 0; attempt < STALE_RETRIES; attempt++) {
      const { json, document } = await this.#accessKey(id);
      const wanted = change(document);
      const keeper = first?.account === document.account ? document.account : '';
      // What is disabled already may stay so: only the last enabled key is kept from being lost.
      const args = [id, json, wanted === undefined ? '' : JSON.stringify(wanted), document.enabled ? keeper : ''];
      const code = await storage(() => CHANGE.run(this.client, [this.#keys.accessKeys], args));
      if (code === OK) return wanted;
      if (code !== STALE) throw new LastAccessKey(id);
    }
    throw new Error(`the access key ${id} changes faster than it can be read`);
  }

  async #accessKey(id: string): Promise<{ json: string; document: AccessKeyDocument }> {
    const json = isAccessKeyId(id) ? await storage(() => this.client.hget(this.#keys.accessKeys, id)) : null;
    if (json === null) throw new AccessKeyNotExist(id);
    return { json, document: JSON.parse(json) as AccessKeyDocument };
  }

  async #account(id: string): Promise<AccountDocument> {
    const json = await storage(() => this.client.hget(this.#keys.accounts, id));
    if (json === null) throw new AccountNotExist(id);
    return JSON.parse(json) as AccountDocument;
  }

  async #first(): Promise<FirstKeyDocument | undefined> {
    const json = await storage(() => this.client.get(this.#keys.firstKey));
    return json === null ? undefined : (JSON.parse(json) as FirstKeyDocument);
  }
}

function describeAccount(accountId: string, account: AccountDocument, first: FirstKeyDocument | undefined): AccountDescription {
  const { enabled = true, description = '', createTime } = account;
  return { accountId, enabled, description, createTime, first: first?.account === accountId };
}

function describeAccessKey(accessKeyId: string, document: AccessKeyDocument): AccessKeyDescription {
  const { account, enabled, description = '', createTime } = document;
  return { accessKeyId, accountId: account, enabled, description, createTime };
}
