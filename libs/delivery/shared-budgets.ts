import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import type { Clock } from '#runtime/clock.js';
import type { Budget, Grant, Rate } from './rate-budget.js';

const TAKE = new LuaScript(new URL('./commands/takeTokens-1.lua', import.meta.url));

/** Token buckets in Redis, `<prefix>:budget:<name>`, that all processes share: what each of them takes is missing to the others. */
export class SharedBudgets {
  /** @param clock for tests; without one the Redis server's */
  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
    private readonly clock?: Clock,
  ) {}

  of(name: string, rate: Rate): Budget {
    return { take: (wanted) => this.#take(name, rate, wanted) };
  }

  async #take(name: string, { burst, refillMillis }: Rate, wanted: number): Promise<Grant> {
    const now = this.clock === undefined ? '' : this.clock.now();
    const key = `${this.deployment.prefix}:budget:${name}`;
    const [granted, waitMillis] = (await storage(() => TAKE.run(this.client, [key], [now, burst, refillMillis, wanted]))) as [number, number];
    return { granted, waitMillis };
  }
}
