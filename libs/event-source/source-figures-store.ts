import type { Deployment } from '#redis/deployment.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { SOURCE_COUNTS, type FiguresChange, type LastEvent, type SourceCount, type SourceFigures } from './source-figures.js';

/** The journal as all sources share it. */
export interface JournalFigures {
  /** Bodies that are stored and not handed over. */
  readonly entries: number;
  /** When the oldest of them came; absent when there is none. Milliseconds since the epoch. */
  readonly oldest?: number;
  /** Events whose destination is missing. */
  readonly parked: number;
}

/**
 * What bridges say about sources: `<prefix>:{event-sources}:figures:<source>`, a hash with the fields `n:<count>`, `t:<count>` (when it last rose),
 * `node:<id>` and `event`; and `…:journal`, JSON.
 */
export class SourceFiguresStore {
  readonly #key: string;

  constructor(
    private readonly client: RedisClient,
    deployment: Deployment,
  ) {
    this.#key = `${deployment.prefix}:{event-sources}`;
  }

  async add(source: string, { counts, last, lastEvent, nodes }: FiguresChange): Promise<void> {
    const key = `${this.#key}:figures:${source}`;
    const multi = this.client.multi();
    for (const [count, by] of counts) multi.hincrby(key, `n:${count}`, by);
    const set: Record<string, string | number> = {};
    for (const [count, at] of last) set[`t:${count}`] = at;
    for (const [node, at] of nodes) set[`node:${node}`] = at;
    if (lastEvent !== undefined) set['event'] = JSON.stringify(lastEvent);
    if (Object.keys(set).length > 0) multi.hset(key, set);
    const results = (await storage(() => multi.exec())) ?? [];
    for (const [error] of results) if (error !== null) throw error;
  }

  async read(source: string): Promise<SourceFigures> {
    const hash = await storage(() => this.client.hgetall(`${this.#key}:figures:${source}`));
    const last = SOURCE_COUNTS.filter((count) => hash[`t:${count}`] !== undefined).map((count) => [count, Number(hash[`t:${count}`])]);
    const nodes = Object.entries(hash).filter(([field]) => field.startsWith('node:'));
    const event = hash['event'];
    return {
      counts: Object.fromEntries(SOURCE_COUNTS.map((count) => [count, Number(hash[`n:${count}`] ?? 0)])) as Record<SourceCount, number>,
      last: Object.fromEntries(last) as SourceFigures['last'],
      ...(event !== undefined && { lastEvent: JSON.parse(event) as LastEvent }),
      nodes: Object.fromEntries(nodes.map(([field, at]) => [field.slice('node:'.length), Number(at)])),
    };
  }

  /** Of a source that was deleted. */
  async delete(source: string): Promise<void> {
    await storage(() => this.client.unlink(`${this.#key}:figures:${source}`));
  }

  async setJournal(figures: JournalFigures): Promise<void> {
    await storage(() => this.client.set(`${this.#key}:journal`, JSON.stringify(figures)));
  }

  /** As the bridge that keeps the journal last saw it. */
  async journal(): Promise<JournalFigures> {
    const json = await storage(() => this.client.get(`${this.#key}:journal`));
    return json === null ? { entries: 0, parked: 0 } : (JSON.parse(json) as JournalFigures);
  }
}
