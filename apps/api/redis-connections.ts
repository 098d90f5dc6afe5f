import type { OnApplicationShutdown } from '@nestjs/common';
import type { DrainQueue } from '#delivery/drain-queue.js';
import type { MemoryWatch } from '#redis/memory-watch.js';
import type { RedisClient } from '#redis/redis-client.js';

/** Closes the connections after the last request was answered. */
export class RedisConnections implements OnApplicationShutdown {
  constructor(
    private readonly clients: readonly RedisClient[],
    private readonly drains: DrainQueue,
    private readonly memory: MemoryWatch,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    this.memory.stop();
    await this.drains.close();
    for (const client of this.clients) client.disconnect();
  }
}
