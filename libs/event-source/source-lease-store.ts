import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';

const LEASE = new LuaScript(new URL('./commands/leaseSources-1.lua', import.meta.url));

/**
 * Who of several bridges leads which event source: `<prefix>:{event-sources}:lease:<source>`, a string that expires, and
 * `…:fencing`, a hash with the number of the last lease of each source. A number is never given twice, and a later lease has a higher one.
 */
export class SourceLeaseStore {
  readonly #key: string;

  /** @param owner names this process among all bridges */
  constructor(
    private readonly client: RedisClient,
    deployment: Deployment,
    private readonly owner: string,
  ) {
    this.#key = `${deployment.prefix}:{event-sources}`;
  }

  /**
   * Takes leases that are free and renews own ones, in one command.
   *
   * @param life milliseconds
   * @returns by source the fencing number of the own lease; a source that another process leads is not in it
   * @throws RedisUnavailable: it is not known then who leads, until the lives given before are over
   */
  async lead(sources: readonly string[], life: number): Promise<ReadonlyMap<string, number>> {
    if (sources.length === 0) return new Map();
    const numbers = await this.#run(life, sources);
    return new Map(sources.flatMap((source, index) => (numbers[index]! > 0 ? [[source, numbers[index]!] as const] : [])));
  }

  /** Leases of others stay. @throws RedisUnavailable */
  async giveBack(sources: readonly string[]): Promise<void> {
    if (sources.length > 0) await this.#run(0, sources);
  }

  async #run(life: number, sources: readonly string[]): Promise<number[]> {
    return storage(async () => (await LEASE.run(this.client, [this.#key], [this.owner, life, ...sources])) as number[]);
  }
}
