import { crc32 } from 'node:zlib';
import type { BucketEvent } from '#event-rule/bucket-event.js';
import { eventId } from '#event-rule/event-id.js';
import type { EventSource } from '#event-source/event-source.js';
import type { Gap } from '#event-source/gap.js';
import { JOURNAL_PARTITIONS, journalKey } from '#event-source/journal-key.js';
import { Gather } from '#queue/gather.js';
import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import type { Logger } from '#runtime/log.js';
import type { BridgeMetrics } from '../bridge-metrics.js';
import type { JournalState } from './journal.js';

/** Milliseconds after which a fast copy without its durable one is a sign that durable ones get lost; they are 3 s apart. */
const PATIENCE = 60_000;
/** Copies per partition that wait for the other one; more are not watched. About 120 bytes each. */
const MOST_COPIES = 50_000;
/** Copies that are looked at in one step. */
const PAGE = 1_000;
/** Seconds after which copies are forgotten that nobody looks at. */
const FORGET_AFTER = 3_600;
/** Milliseconds between two looks, and between two heartbeats at the most: after a longer silence bodies were late on their way to us. */
const LOOK_INTERVAL = 10_000;
const SILENCE = 15_000;
/** Bytes of an event's identity that are kept. */
const ID_BYTES = 12;

const SCRIPTS = {
  pair: new LuaScript(new URL('./commands/pairCopies-1.lua', import.meta.url)),
  readLone: new LuaScript(new URL('./commands/readLoneCopies-1.lua', import.meta.url)),
};

export interface CopyPairsParts {
  readonly client: RedisClient;
  readonly deployment: Deployment;
  readonly sources: { get(name: string): Pick<EventSource, 'ways'> | undefined };
  readonly openGap: (source: string, gap: Gap) => Promise<void>;
  readonly metrics: Pick<BridgeMetrics, 'loneFastCopies'>;
  readonly logger: Logger;
  /** Milliseconds; 60 s when absent. */
  readonly patience?: number;
}

interface Copy {
  readonly way: 'f' | 'd';
  readonly member: Buffer;
}

/**
 * Whether each event that came by the fast target of a store comes by its durable target, too. One that does not shows that the store has lost
 * it from its queue, or never put it there, and perhaps others that had no fast copy. The copies may arrive at
 * different bridges, so they meet in Redis. Only for sources that have both ways.
 */
export class CopyPairs {
  readonly #notes = new Gather<Copy, void>((partition, copies) => this.#note(partition, copies), { items: 256, weight: 1, weigh: () => 0 });
  readonly #patience: number;
  #beatAt = -Infinity;
  #nextLook = 0;

  constructor(private readonly parts: CopyPairsParts) {
    this.#patience = parts.patience ?? PATIENCE;
  }

  /** Notes that events have come by a way. @throws RedisUnavailable */
  async note(events: readonly BucketEvent[], way: 'fast' | 'durable'): Promise<void> {
    const watched = events.filter(({ source, eventName, listed }) => eventName !== undefined && listed === undefined && this.#watches(source));
    await Promise.all(
      watched.map((event) => {
        const member = Buffer.concat([eventId(event).subarray(0, ID_BYTES), Buffer.from(`${event.source}/${event.bucket}`)]);
        return this.#notes.add(crc32(member) % JOURNAL_PARTITIONS, { way: way === 'fast' ? 'f' : 'd', member });
      }),
    );
  }

  /**
   * Looks for lone copies now and then; called with every heartbeat, one bridge does it. Not while bodies lie in the journal for long, and
   * not right after a silence, of Redis or of ourselves: then durable copies are only late. @throws RedisUnavailable
   */
  async look(states: readonly JournalState[], now = Date.now()): Promise<void> {
    const silent = now - this.#beatAt > SILENCE;
    this.#beatAt = now;
    const late = states.some(({ oldest }) => oldest !== undefined && now - oldest > this.#patience / 2);
    if (silent || late) this.#nextLook = now + this.#patience;
    if (states[0]?.keeper !== true || now < this.#nextLook) return;
    this.#nextLook = now + Math.min(LOOK_INTERVAL, this.#patience);
    for (let partition = 0; partition < JOURNAL_PARTITIONS; partition += 1) await this.#report(partition);
  }

  #watches(source: string): boolean {
    const ways = this.parts.sources.get(source)?.ways;
    return ways?.includes('fast') === true && ways.includes('durable');
  }

  /** The gap is open before the copies are forgotten. */
  async #report(partition: number): Promise<void> {
    const { client, openGap, metrics, logger } = this.parts;
    for (;;) {
      const reply = (await this.#run(SCRIPTS.readLone, partition, [this.#patience, PAGE])) as Buffer[];
      const members = reply.filter((_, index) => index % 2 === 0);
      if (members.length === 0) return;
      for (const [source, { since, buckets, copies }] of bySource(reply)) {
        await openGap(source, { reason: 'durable-copy-missing', since, buckets: [...buckets] });
        metrics.loneFastCopies.inc({ source }, copies);
        logger.warn({ source, copies }, 'fast copies of events that no durable copy followed');
      }
      await storage(() => client.zrem(this.#key(partition), ...members));
      if (members.length < PAGE) return;
    }
  }

  async #note(partition: number, copies: readonly Copy[]): Promise<void[]> {
    await this.#run(SCRIPTS.pair, partition, [MOST_COPIES, 2 * this.#patience, FORGET_AFTER, ...copies.flatMap(({ way, member }) => [way, member])]);
    return copies.map(() => undefined);
  }

  #key(partition: number): string {
    return `${journalKey(this.parts.deployment, partition)}:copies`;
  }

  #run(script: LuaScript, partition: number, args: readonly (string | number | Buffer)[]): Promise<unknown> {
    return storage(() => script.run(this.parts.client, [this.#key(partition)], args));
  }
}

interface LoneCopies {
  since: number;
  copies: number;
  readonly buckets: Set<string>;
}

function bySource(reply: readonly Buffer[]): Map<string, LoneCopies> {
  const sources = new Map<string, LoneCopies>();
  for (let at = 0; at < reply.length; at += 2) {
    const name = reply[at]!.toString('utf8', ID_BYTES);
    const source = name.slice(0, name.indexOf('/'));
    const lone = sources.get(source) ?? { since: Number(reply[at + 1]), copies: 0, buckets: new Set() };
    lone.since = Math.min(lone.since, Number(reply[at + 1]));
    lone.copies += 1;
    lone.buckets.add(name.slice(source.length + 1));
    sources.set(source, lone);
  }
  return sources;
}
