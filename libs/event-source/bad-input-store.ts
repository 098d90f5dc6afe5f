import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { JOURNAL_PARTITIONS, journalKey } from './journal-key.js';

/** A body that could not be read, or some of whose records could not. */
export interface UnreadableBody {
  readonly id: string;
  readonly source: string;
  /** ISO 8601. */
  readonly receivedAt: string;
  readonly problems: readonly string[];
  /** Bytes of the whole body. */
  readonly length: number;
  /** Of the whole body, or of the excerpt where the body was too long to be kept. */
  readonly sha256: string;
  /** The first 16 KB. */
  readonly excerpt: string;
}

/** Posts to a source with a wrong token. */
export interface Refusal {
  /** Milliseconds since the epoch: the last one. */
  readonly at: number;
  /** Address that it came from. */
  readonly remote: string;
}

const NOTE = new LuaScript(new URL('./commands/noteRefusal-1.lua', import.meta.url));
const MOST_SOURCES = 256;
const REMEMBERED = 7 * 86_400;

/**
 * What stores sent and the intake could not use. Bodies lie in a stream beside each part of the journal, which the bridge writes and
 * bounds (500 each, all sources together); the last refused post of each source in the hash `<prefix>:{event-sources}:refused`.
 */
export class BadInputStore {
  readonly #refused: string;

  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
  ) {
    this.#refused = `${deployment.prefix}:{event-sources}:refused`;
  }

  /** The latest first, of one source or of all. @throws RedisUnavailable */
  async unreadable(count: number, source?: string): Promise<UnreadableBody[]> {
    const keys = Array.from({ length: JOURNAL_PARTITIONS }, (_, partition) => `${journalKey(this.deployment, partition)}:unreadable`);
    const read = (key: string) => (source === undefined ? this.client.xrevrange(key, '+', '-', 'COUNT', count) : this.client.xrevrange(key, '+', '-'));
    const lists = await Promise.all(keys.map((key) => storage(() => read(key))));
    const bodies = lists.flat().map(([id, fields]) => ({ id, ...(JSON.parse(fields[1]!) as Omit<UnreadableBody, 'id'>) }));
    const wanted = source === undefined ? bodies : bodies.filter((body) => body.source === source);
    return wanted.sort((one, other) => millisOf(other.id) - millisOf(one.id)).slice(0, count);
  }

  /** Remembers a refused post. Of names that nobody knows, no more than 256. @throws RedisUnavailable */
  async noteRefusal(source: string, refusal: Refusal): Promise<void> {
    await storage(() => NOTE.run(this.client, [this.#refused], [source, JSON.stringify(refusal), MOST_SOURCES, REMEMBERED]));
  }

  /** The last refused post to a source within a week; undefined when there was none. @throws RedisUnavailable */
  async refusal(source: string): Promise<Refusal | undefined> {
    const text = await storage(() => this.client.hget(this.#refused, source));
    return text === null ? undefined : (JSON.parse(text) as Refusal);
  }
}

function millisOf(streamId: string): number {
  return Number(streamId.split('-')[0]);
}
