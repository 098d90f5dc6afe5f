import type { Deployment } from '#redis/deployment.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';

/** All times are milliseconds since the epoch, by the clock of the leading bridge. */
export interface ListenStatus {
  /** `off`: not one of the source's ways. `unusable`: the store answers, but sends nothing. `refused`: it says no. */
  readonly state: 'off' | 'connecting' | 'up' | 'unusable' | 'refused';
  readonly since: number;
  readonly reason?: string;
}

export interface StoreStatus {
  readonly state: 'reachable' | 'unreachable';
  readonly since: number;
  /** Why it is unreachable. */
  readonly reason?: string;
  /** Whether the store has MinIO's metrics and lets us read them; without them only its reachability is known. */
  readonly metrics: boolean;
  readonly metricsReason?: string;
  /** Of the process that started last. */
  readonly startedAt?: number;
  /** Bodies that wait in the store for this hub. */
  readonly queueLength?: number;
  /** Events that the store dropped since it started: before its queues, and at them. */
  readonly skipped?: number;
  readonly failed?: number;
  /** What an operator must do, in a sentence. */
  readonly remedy?: string;
  readonly checkedAt: number;
}

export interface BucketRulesStatus {
  /** `restored`: they had been missing, and were put again. */
  readonly state: 'present' | 'missing' | 'restored' | 'unknown';
  readonly since: number;
  readonly reason?: string;
}

/** What the leading bridge last saw of a source. A member that nobody wrote yet is absent. */
export interface SourceStatus {
  readonly leader?: { readonly fencing: number; readonly since: number };
  readonly listen?: ListenStatus;
  readonly store?: StoreStatus;
  /** By bucket. */
  readonly rules?: Readonly<Record<string, BucketRulesStatus>>;
  /** Until when it is proven that every event reached the hub, or lies in a queue of the store. */
  readonly lastProvenLive?: number;
}

/** The status of event sources: `<prefix>:{event-sources}:status:<source>`, a hash, member of `SourceStatus` → JSON. Written by the leader of the source. */
export class SourceStatusStore {
  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
  ) {}

  /** Replaces the members that are given. @throws RedisUnavailable · RedisFull */
  async write(source: string, changes: SourceStatus): Promise<void> {
    const fields = Object.entries(changes).map(([name, value]) => [name, JSON.stringify(value)] as const);
    if (fields.length > 0) await storage(() => this.client.hset(this.#key(source), Object.fromEntries(fields)));
  }

  /** @throws RedisUnavailable */
  read(source: string): Promise<SourceStatus> {
    return storage(async () => {
      const fields = await this.client.hgetall(this.#key(source));
      return Object.fromEntries(Object.entries(fields).map(([name, json]) => [name, JSON.parse(json) as unknown]));
    });
  }

  /** Of a source that was deleted. @throws RedisUnavailable */
  async delete(source: string): Promise<void> {
    await storage(() => this.client.del(this.#key(source)));
  }

  #key(source: string): string {
    return `${this.deployment.prefix}:{event-sources}:status:${source}`;
  }
}
