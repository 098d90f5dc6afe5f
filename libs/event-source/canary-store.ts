import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import type { CanarySightings } from './canary.js';
import type { EventWay } from './event-source.js';

const NOTE = new LuaScript(new URL('./commands/noteCanary-1.lua', import.meta.url));
/** Milliseconds: longer than any check waits. */
const LIFE = 120_000;
const MATCHED = 'matched';

/** `put` when the canary was written, `delete` when it was removed. */
export type CanaryDeed = 'put' | 'delete';

/** Where the events of canaries were seen: `<prefix>:{event-sources}:canary:<id>`, a hash that expires after two minutes. */
export class CanaryStore {
  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
  ) {}

  async noteArrival(id: string, deed: CanaryDeed, way: EventWay): Promise<void> {
    await this.#note(id, `${deed} ${way}`, '');
  }

  /** @param rules names of those that would have taken the event */
  async noteMatched(id: string, deed: CanaryDeed, rules: readonly string[]): Promise<void> {
    await this.#note(id, `${deed} ${MATCHED}`, JSON.stringify(rules));
  }

  async sightings(id: string, deed: CanaryDeed): Promise<CanarySightings> {
    const hash = await storage(() => this.client.hgetall(this.#key(id)));
    const seen = Object.entries(hash).flatMap(([field, value]) => {
      const [what, place] = field.split(' ') as [string, string];
      const blank = value.indexOf(' ');
      return what === deed ? [{ place, at: Number(value.slice(0, blank)), more: value.slice(blank + 1) }] : [];
    });
    const matched = seen.find(({ place }) => place === MATCHED);
    return {
      arrivals: Object.fromEntries(seen.filter(({ place }) => place !== MATCHED).map(({ place, at }) => [place, at])),
      ...(matched !== undefined && { matched: { at: matched.at, rules: JSON.parse(matched.more) as string[] } }),
    };
  }

  /** Milliseconds since the epoch by the clock that sightings are noted with. */
  async now(): Promise<number> {
    const [seconds, micros] = await storage(() => this.client.time());
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  #note(id: string, field: string, more: string): Promise<unknown> {
    return storage(() => NOTE.run(this.client, [this.#key(id)], [field, more, LIFE]));
  }

  #key(id: string): string {
    return `${this.deployment.prefix}:{event-sources}:canary:${id}`;
  }
}
