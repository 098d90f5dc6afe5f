import type { Deployment } from '#redis/deployment.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';

/** What is known of the inventory of one bucket. */
export interface InventoryRecord {
  /** `versioned`: none is kept, because listings of the bucket show deletes by themselves. */
  readonly state: 'kept' | 'versioned';
  /** Of the store that was listed: what is known of another one is worth nothing. */
  readonly endpoint: string;
  /** Milliseconds since the epoch: when its first walk began. */
  readonly since: number;
}

export interface RegisteredInventory extends InventoryRecord {
  readonly source: string;
  readonly bucket: string;
}

/** Which buckets may have inventories, so that none is forgotten: `<prefix>:{event-sources}:inventory`, hash, `source/bucket` → record. All methods throw RedisUnavailable. */
export class InventoryRegistry {
  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
  ) {}

  async get(source: string, bucket: string): Promise<InventoryRecord | undefined> {
    const text = await storage(() => this.client.hget(this.#key, `${source}/${bucket}`));
    return text === null ? undefined : (JSON.parse(text) as InventoryRecord);
  }

  /** Those of the buckets that have no record. */
  async unknown(source: string, buckets: readonly string[]): Promise<string[]> {
    if (buckets.length === 0) return [];
    const texts = await storage(() => this.client.hmget(this.#key, ...buckets.map((bucket) => `${source}/${bucket}`)));
    return buckets.filter((_, index) => texts[index] === null);
  }

  async all(): Promise<RegisteredInventory[]> {
    const rows = await storage(() => this.client.hgetall(this.#key));
    return Object.entries(rows).map(([name, text]) => {
      const slash = name.indexOf('/');
      return { source: name.slice(0, slash), bucket: name.slice(slash + 1), ...(JSON.parse(text) as InventoryRecord) };
    });
  }

  async put(source: string, bucket: string, record: InventoryRecord): Promise<void> {
    await storage(() => this.client.hset(this.#key, `${source}/${bucket}`, JSON.stringify(record)));
  }

  async remove(source: string, bucket: string): Promise<void> {
    await storage(() => this.client.hdel(this.#key, `${source}/${bucket}`));
  }

  get #key(): string {
    return `${this.deployment.prefix}:{event-sources}:inventory`;
  }
}
