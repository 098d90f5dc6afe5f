import type { OnApplicationShutdown } from '@nestjs/common';
import type { DrainQueue } from '#delivery/drain-queue.js';
import type { MemoryWatch } from '#redis/memory-watch.js';
import { connectRedis, type ConnectionRole, type RedisClient } from '#redis/redis-client.js';
import type { Logger } from '#runtime/log.js';
import type { ApiSettings } from './api-settings.js';

/** Milliseconds that a start waits for Redis: longer than it takes to load its data in most set-ups that start both together. */
const START_LIMIT = 30_000;

/** Makes a factory that returns a client once it is connected, so that the first command does not find it still connecting. */
export function openRedis(role: ConnectionRole): (settings: ApiSettings, logger: Logger) => Promise<RedisClient> {
  return async ({ redisUrl }, logger) => {
    const client = connectRedis(redisUrl, { role, logger });
    if (await isReady(client)) return client;
    client.disconnect();
    throw new Error(`Redis did not accept a connection within ${START_LIMIT / 1_000} s`);
  };
}

/** The client tries again by itself; its failures on the way are logged and no reason to give up. */
function isReady(client: RedisClient): Promise<boolean> {
  if (client.status === 'ready') return Promise.resolve(true);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), START_LIMIT);
    client.once('ready', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

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
