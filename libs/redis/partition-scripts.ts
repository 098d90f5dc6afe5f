import type { Clock } from '#runtime/clock.js';
import type { Deployment } from './deployment.js';
import type { LuaScript } from './lua-script.js';
import type { RedisClient } from './redis-client.js';
import { toStorageError } from './redis-unavailable.js';

export type ScriptArgument = string | number | Buffer;

/** Runs scripts in partitions of a deployment: the partition is their one key, the time their first argument. */
export class PartitionScripts {
  /** @param clock for tests; without one the scripts read the clock of the Redis server, which all processes share */
  constructor(
    readonly client: RedisClient,
    readonly deployment: Deployment,
    private readonly clock?: Clock,
  ) {}

  /** @throws RedisUnavailable · RedisFull */
  run(script: LuaScript, partition: number, args: readonly ScriptArgument[]): Promise<unknown> {
    const now = this.clock === undefined ? '' : this.clock.now();
    return storage(() => script.run(this.client, [this.deployment.base(partition)], [now, ...args]));
  }
}

/** Gives what the client library throws the two names that callers know. @throws RedisUnavailable · RedisFull */
export async function storage<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw toStorageError(error);
  }
}
