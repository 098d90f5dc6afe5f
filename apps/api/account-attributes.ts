import type { AccountAttributes } from '#mns-wire/account-documents.js';
import type { RedisClient } from '#redis/redis-client.js';

/** Settings that MNS keeps per account; the hash `<prefix>:account-attributes`, field `account/name`. */
export class AccountAttributesStore {
  readonly #key: string;

  constructor(
    private readonly client: RedisClient,
    prefix: string,
  ) {
    this.#key = `${prefix}:account-attributes`;
  }

  async get(account: string): Promise<AccountAttributes> {
    const [loggingBucket, traceEnabled] = await this.client.hmget(this.#key, `${account}/loggingBucket`, `${account}/traceEnabled`);
    return { loggingBucket: loggingBucket ?? '', traceEnabled: Number(traceEnabled ?? 0) };
  }

  /** Attributes that are not given stay as they are. */
  async set(account: string, changes: Partial<AccountAttributes>): Promise<void> {
    const fields = Object.entries(changes).map(([name, value]) => [`${account}/${name}`, value] as const);
    if (fields.length > 0) await this.client.hset(this.#key, new Map(fields));
  }

  async delete(account: string): Promise<void> {
    await this.client.hdel(this.#key, `${account}/loggingBucket`, `${account}/traceEnabled`);
  }
}
