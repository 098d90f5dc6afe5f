import type { BucketEvent } from '#event-rule/bucket-event.js';
import { eventId } from '#event-rule/event-id.js';
import { removalRefOf, unversionedChangeOf, type UnversionedChange } from '#event-rule/state-id.js';
import { isReconciled, type EventSource } from '#event-source/event-source.js';
import { journalKey } from '#event-source/journal-key.js';
import { Gather } from '#queue/gather.js';
import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { changeArgs, contentOf, isKeptKey, keptSize, readEntry, type InventoryChange, type InventoryEntry } from './inventory-entry.js';
import type { Journal } from '../journal/journal.js';

const SCRIPTS = {
  begin: new LuaScript(new URL('../journal/commands/beginInventory-1.lua', import.meta.url)),
  note: new LuaScript(new URL('../journal/commands/noteInventory-1.lua', import.meta.url)),
  read: new LuaScript(new URL('../journal/commands/readInventory-1.lua', import.meta.url)),
  list: new LuaScript(new URL('../journal/commands/listInventory-1.lua', import.meta.url)),
  drop: new LuaScript(new URL('../journal/commands/dropInventory-1.lua', import.meta.url)),
};
/** Milliseconds after which a walk that said nothing is taken to have ended; so long removals are remembered for it. */
const WALK_LEASE = 600_000;
/** Entries that one call reads, more or less, and chunks that one call removes: Redis has others to serve. */
const SLICE = 1_000;
const DROPPED_AT_ONCE = 50;
/** By how much, in microseconds, the time of a removal may be behind the moment at which a `HEAD` found nothing. */
const MARGIN = 2_000_000;

export interface ObjectName {
  readonly source: string;
  readonly bucket: string;
  readonly key: string;
}

export type InventoryBucket = Pick<ObjectName, 'source' | 'bucket'>;

/** What an inventory says of an event. */
export interface InventoryJudgement {
  /** A listing told it already; or, where the event comes from a listing, it is not so. */
  readonly told: boolean;
  readonly formerSize?: number;
  /** To be made once the event is handed over, or left out. */
  readonly changes: readonly InventoryChange[];
}

export interface KeyRange {
  /** The first key or what is before it. */
  readonly from: string;
  /** End in the notation of ZRANGEBYLEX. */
  readonly end: string;
}

export interface ListedInventory {
  /** False: removals since the last call may have been forgotten. */
  readonly walking: boolean;
  readonly entries: ReadonlyMap<string, InventoryEntry>;
  /** Where the next slice begins; absent at the end. */
  readonly next?: string;
}

const NOTHING: InventoryJudgement = { told: false, changes: [] };

/**
 * What unversioned buckets hold, as far as events and listings told: of each key when it was put, how large it is and a hash of its
 * ETag. Kept in the journal's partition of the object, and changed in the step that settles what is told of it.
 *
 * An inventory exists from the first walk of its bucket on; before that nothing is kept.
 */
export class Inventory {
  readonly #read: Gather<ObjectName, Buffer>;
  readonly #note: Gather<InventoryChange, void>;

  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
    private readonly journal: Pick<Journal, 'partitionFor' | 'partitions'>,
    private readonly sources: { get(name: string): EventSource | undefined },
  ) {
    this.#read = new Gather((partition, names) => this.#readNames(partition, names), { items: 500, weight: 262_144, weigh: ({ key }) => key.length });
    this.#note = new Gather((partition, changes) => this.#noteChanges(partition, changes), { items: 200, weight: 131_072, weigh: ({ key }) => key.length });
  }

  /** Whether the bucket's keys are to be kept, unless it turns out to be versioned. */
  isWanted({ source, bucket }: InventoryBucket): boolean {
    const known = this.sources.get(source);
    return known?.inventory === true && isReconciled(known) && known.buckets.includes(bucket);
  }

  /** @throws RedisUnavailable */
  async judge(event: BucketEvent): Promise<InventoryJudgement> {
    const change = this.isWanted(event) && isKeptKey(event.key) ? unversionedChangeOf(event) : undefined;
    if (change === undefined) return NOTHING;
    const entry = await this.read(event);
    if (change.kind === 'put') return judgePut(event, change, entry);
    return event.listed === undefined ? judgeRemoval(event, change, entry) : judgeMissing(event, change, entry);
  }

  /** @throws RedisUnavailable */
  async read(name: ObjectName): Promise<InventoryEntry | undefined> {
    return readEntry(await this.#read.add(this.partitionOf(name), name));
  }

  /** @throws RedisUnavailable */
  async note(changes: readonly InventoryChange[]): Promise<void> {
    await Promise.all(changes.map((change) => this.#note.add(this.partitionOf(change), change)));
  }

  /** A walk begins, before its first listing: from now on changes are kept. @throws RedisUnavailable */
  async begin(of: InventoryBucket): Promise<void> {
    await Promise.all(this.partitions.map((partition) => this.#run(SCRIPTS.begin, partition, [nameOf(of), WALK_LEASE])));
  }

  /** About a thousand entries of one partition in the order of their keys; tells as well that the walk goes on. @throws RedisUnavailable */
  async list(of: InventoryBucket, partition: number, { from, end }: KeyRange): Promise<ListedInventory> {
    const [walking, more, members] = (await this.#run(SCRIPTS.list, partition, [nameOf(of), from, end, SLICE, WALK_LEASE])) as [number, number, Buffer[]];
    const entries = new Map<string, InventoryEntry>();
    let last = from;
    for (const member of members) {
      const at = member.indexOf(0);
      last = member.toString('utf8', 0, at);
      const entry = readEntry(member.subarray(at + 1));
      if (entry !== undefined) entries.set(last, entry);
    }
    return { walking: walking === 1, entries, ...(more === 1 && { next: `${last}\u0001` }) };
  }

  /** Removes a part of an inventory. @returns true when nothing is left · @throws RedisUnavailable */
  async drop(of: InventoryBucket): Promise<boolean> {
    const done = await Promise.all(this.partitions.map((partition) => this.#run(SCRIPTS.drop, partition, [nameOf(of), DROPPED_AT_ONCE])));
    return done.every((reply) => reply === 1);
  }

  partitionOf({ source, bucket, key }: ObjectName): number {
    return this.journal.partitionFor(`${source}/${bucket}/${key}`);
  }

  get partitions(): number[] {
    return Array.from({ length: this.journal.partitions }, (_, partition) => partition);
  }

  async #readNames(partition: number, names: readonly ObjectName[]): Promise<Buffer[]> {
    return (await this.#run(SCRIPTS.read, partition, names.flatMap((name) => [nameOf(name), name.key]))) as Buffer[];
  }

  async #noteChanges(partition: number, changes: readonly InventoryChange[]): Promise<void[]> {
    await this.#run(SCRIPTS.note, partition, changes.flatMap(changeArgs));
    return changes.map(() => undefined);
  }

  #run(script: LuaScript, partition: number, args: readonly (string | number | Buffer)[]): Promise<unknown> {
    return storage(() => script.run(this.client, [journalKey(this.deployment, partition)], args));
  }
}

function judgePut(event: BucketEvent, { time }: UnversionedChange, entry: InventoryEntry | undefined): InventoryJudgement {
  const { source, bucket, key, size, eTag } = event;
  const change: InventoryChange = { source, bucket, key, time, kind: 'put', size, eTag };
  const overwrites = entry?.state === 'there' && entry.time < time && !isSameObject(entry, event, time);
  return { told: false, ...(overwrites && { formerSize: entry.size }), changes: [change] };
}

/** Whether a listing, whose times are in milliseconds, has shown the object that the event tells. */
function isSameObject(entry: InventoryEntry, { size, eTag }: BucketEvent, time: number): boolean {
  return entry.time === time - (time % 1_000) && entry.size === keptSize(size) && entry.content === contentOf(eTag);
}

/** The first removal that comes after a listing told it is the one that was missing; another one is another change. */
function judgeRemoval(event: BucketEvent, { time }: UnversionedChange, entry: InventoryEntry | undefined): InventoryJudgement {
  const { source, bucket, key } = event;
  const own = eventId(event).subarray(0, 8);
  const changes: InventoryChange[] = [{ source, bucket, key, time, kind: 'removed', event: own }];
  if (entry?.state === 'there' && time >= entry.time) return { told: false, formerSize: entry.size, changes };
  const { until = -1, by } = entry?.told ?? {};
  return { told: time <= until && (by === undefined || by.equals(own)), changes };
}

/** Only what was there when it was missed, and is not known to be gone or another by now. */
function judgeMissing(event: BucketEvent, { time }: UnversionedChange, entry: InventoryEntry | undefined): InventoryJudgement {
  const { source, bucket, key, listed } = event;
  if (entry?.state !== 'there' || removalRefOf(source, bucket, key, entry.time).id !== listed![0]?.id) return { told: true, changes: [] };
  return { told: false, formerSize: entry.size, changes: [{ source, bucket, key, time: entry.time, kind: 'missing', until: time + MARGIN }] };
}

function nameOf({ source, bucket }: InventoryBucket): string {
  return `${source}:${bucket}`;
}
