import type { Deployment } from '#redis/deployment.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';

/** Seconds; a delivery is tried for a day at the most, unless its subscription says otherwise. */
const LIFE = 8 * 86_400;

/**
 * Recipients of one delivery that need no further attempt, while others of the same delivery do: a set
 * `<prefix>:recipients:<pending queue>:<message>`, which exists only after an attempt that succeeded in part.
 */
export class RecipientStore {
  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
  ) {}

  /** @throws RedisUnavailable */
  async settled(pendingQueueId: string, messageId: string): Promise<ReadonlySet<string>> {
    return new Set(await storage(() => this.client.smembers(this.#key(pendingQueueId, messageId))));
  }

  /** @throws RedisUnavailable · RedisFull */
  async settle(pendingQueueId: string, messageId: string, recipients: readonly string[]): Promise<void> {
    const key = this.#key(pendingQueueId, messageId);
    await storage(() => this.client.multi().sadd(key, ...recipients).expire(key, LIFE).exec());
  }

  #key(pendingQueueId: string, messageId: string): string {
    return `${this.deployment.prefix}:recipients:${pendingQueueId}:${messageId}`;
  }
}
