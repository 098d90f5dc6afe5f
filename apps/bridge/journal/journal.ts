import { crc32 } from 'node:zlib';
import { JOURNAL_PARTITIONS, journalKey } from '#event-source/journal-key.js';
import { Gather } from '#queue/gather.js';
import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { RedisFull } from '#redis/redis-unavailable.js';
import type { BucketEvent, StateRef } from '#event-rule/bucket-event.js';
import { BurstHold } from './burst-hold.js';
import { changeArgs, type InventoryChange } from '../inventory/inventory-entry.js';
import { decodeHead, encodeHead, encodeUnreadable, type Body, type UnreadableBody } from './journal-entry.js';

/** More entries that nobody has settled, per partition, and the intake answers 503: the store's own queue then holds events. */
const JOURNAL_LIMIT = 100_000;
/** More parked events per partition, and the intake answers 503 as well: whoever can no longer be reached may not fill Redis. */
const PARKED_LIMIT = 500_000;
/** Bytes of bodies after which a script takes no more; see `readEntries.lua`. */
const LARGE_REPLY = 8 * 1_048_576;
const GROUP = 'bridge';
/** Milliseconds between two heartbeats. */
export const HEARTBEAT = 3_000;
const KEEPER_LEASE = 4 * HEARTBEAT;
/** Consumers of processes that are gone are looked for every so many heartbeats, and forgotten after so many milliseconds. */
const FORGET_EVERY = 200;
const FORGET_AFTER = 3_600_000;
const MARKER_DAYS = 4;
const UNREADABLE_KEPT = 500;

/** Too many events wait already: answered 503, and the sender tries again. */
export class JournalFull extends Error {
  override readonly name = 'JournalFull';
}

/** A stored body that this process has taken and must settle. */
export interface JournalEntry extends Body {
  readonly partition: number;
  readonly id: string;
}

/** An event that a rule wants and whose destination cannot take it now. */
export interface ParkedEvent {
  /** `account/name`. */
  readonly rule: string;
  readonly event: BucketEvent;
}

export interface ParkedRow {
  readonly id: string;
  readonly event: BucketEvent;
}

/** A state of an object that is told now. */
export interface StateNote extends StateRef {
  /** `e`: by an event; `r`: because of a listing; `r` and 8 bytes: by this event, after it was told because of a listing. */
  readonly mark: string | Buffer;
}

/** What became of an entry. */
export interface Settlement {
  readonly entry: JournalEntry;
  readonly parked: readonly ParkedEvent[];
  readonly unreadable?: UnreadableBody;
  /** States in the entry's partition. */
  readonly states?: readonly StateNote[];
  /** Of objects in the entry's partition. */
  readonly inventory?: readonly InventoryChange[];
}

export interface ParkedBacklog {
  readonly rule: string;
  readonly events: number;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** One look at a partition. */
export interface JournalState {
  readonly entries: number;
  /** Milliseconds since the epoch; absent when the journal is empty. */
  readonly oldest?: number;
  readonly backlogs: readonly ParkedBacklog[];
  /** Whether it is this process that looks after parked events; only the first partition says so. */
  readonly keeper: boolean;
}

export interface JournalOptions {
  /** Names this process among the bridges. */
  readonly consumer: string;
  /** Takes entries; called before `append` returns. */
  readonly onEntries: (entries: readonly JournalEntry[]) => void;
  /** How many more entries this process can take now. */
  readonly room: () => number;
  /** Milliseconds after which an entry that its taker did not settle is taken by another. */
  readonly claimIdle?: number;
  readonly limit?: number;
  readonly parkedLimit?: number;
  readonly partitions?: number;
}

const SCRIPTS = {
  append: new LuaScript(new URL('./commands/appendJournal-1.lua', import.meta.url)),
  keep: new LuaScript(new URL('./commands/keepJournal-1.lua', import.meta.url)),
  settle: new LuaScript(new URL('./commands/settleJournal-1.lua', import.meta.url)),
  unpark: new LuaScript(new URL('./commands/unparkEvents-1.lua', import.meta.url)),
  noteStates: new LuaScript(new URL('./commands/noteStates-1.lua', import.meta.url)),
  readStates: new LuaScript(new URL('./commands/readStates-1.lua', import.meta.url)),
  noteMarker: new LuaScript(new URL('./commands/noteDeleteMarker-1.lua', import.meta.url)),
};

type ScriptItem = readonly (string | number | Buffer)[];
type EntryReply = [id: Buffer, head: Buffer, body: Buffer];

/**
 * What stores told us and is not yet handed over, in Redis streams. An entry is in exactly one state: untaken, taken by a process
 * (pending in the consumer group), or gone. A taker that dies leaves it pending; after `claimIdle` another takes it.
 *
 * Nobody blocks on the streams: an append takes what it appended, and what is left over (the appender had no room, or died) is found by
 * the heartbeat, `keep`. In a burst appends go first and take nothing.
 */
export class Journal {
  readonly #append: Gather<Body, boolean>;
  readonly #settle: Gather<ScriptItem, void>;
  readonly #noteStates: Gather<ScriptItem, void>;
  readonly #readStates: Gather<readonly StateRef[], Buffer[]>;
  readonly #cursors = new Map<number, string>();
  /** Partitions in which entries may lie that nobody has taken. */
  readonly #untaken = new Set<number>();
  readonly #burst = new BurstHold(() => void this.takeUntaken().catch(() => undefined));
  /** Parked events by partition, as the last heartbeat saw them. */
  readonly #parked = new Map<number, number>();
  readonly partitions: number;
  #beats = 0;
  #taking = false;

  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
    private readonly options: JournalOptions,
  ) {
    this.partitions = options.partitions ?? JOURNAL_PARTITIONS;
    this.#append = new Gather((partition, bodies) => this.#appendBodies(partition, bodies), {
      items: 256,
      weight: 1_048_576,
      weigh: ({ bytes }) => bytes.length,
    });
    this.#settle = new Gather((partition, items) => this.#settleItems(partition, items), { items: 256, weight: 2_000, weigh: (item) => item.length });
    this.#noteStates = new Gather((partition, items) => this.#noteItems(partition, items), { items: 1_000, weight: 3_000, weigh: (item) => item.length });
    this.#readStates = new Gather((partition, items) => this.#readItems(partition, items), { items: 1_000, weight: 1_000, weigh: (item) => item.length });
  }

  /**
   * Stores a body; when this returns it is in Redis (on disk, where Redis is set so).
   * `order` keeps bodies in order that have it in common: they share a partition.
   *
   * @throws JournalFull · RedisFull · RedisUnavailable (then it may be stored nevertheless)
   */
  async append(body: Body, order: string): Promise<void> {
    const partition = this.partitionFor(order);
    if ((this.#parked.get(partition) ?? 0) >= (this.options.parkedLimit ?? PARKED_LIMIT)) throw new JournalFull('too many events wait for their destination');
    const stored = await this.#append.add(partition, body);
    if (!stored) throw new JournalFull('too many events wait to be matched');
  }

  partitionFor(order: string): number {
    return this.partitions === 1 ? 0 : crc32(order) % this.partitions;
  }

  /** Takes left-over entries while there is room for them; called when room comes free. */
  async takeUntaken(): Promise<void> {
    if (this.#taking) return;
    this.#taking = true;
    try {
      for (const partition of this.#untaken) if (this.#room() > 0) await this.keep(partition);
    } finally {
      this.#taking = false;
    }
  }

  /** The heartbeat of one partition; see `keepJournal-1.lua`. @throws RedisUnavailable */
  keep(partition: number): Promise<JournalState> {
    return this.#keep(partition, partition === 0 ? KEEPER_LEASE : 0);
  }

  /** Lets another process be the keeper at once. @throws RedisUnavailable */
  async resign(): Promise<void> {
    await this.#keep(0, -1);
  }

  async #keep(partition: number, lease: number): Promise<JournalState> {
    const { consumer, claimIdle = 10_000 } = this.options;
    const most = Math.max(0, Math.min(this.#room(), 256));
    const forget = this.#beats++ % FORGET_EVERY < this.partitions ? FORGET_AFTER : 0;
    const args = [GROUP, consumer, most, claimIdle, this.#cursors.get(partition) ?? '0-0', lease, forget];
    const reply = await this.#run(SCRIPTS.keep, partition, args);
    const [keeper, entries, oldest, cursor, taken, parked] = reply as [number, number, Buffer, Buffer, EntryReply[], (Buffer | number)[]];
    this.#cursors.set(partition, String(cursor));
    this.#take(partition, taken, most);
    const backlogs = readBacklogs(parked);
    this.#parked.set(partition, backlogs.reduce((sum, { events }) => sum + events, 0));
    return { entries, ...(oldest.length > 0 && { oldest: millisOf(String(oldest)) }), backlogs, keeper: keeper === 1 };
  }

  /** Ends an entry; its parked events, its unreadable body, the states it told and what it changed in inventories are kept in the same step. @throws RedisUnavailable */
  async settle({ entry, parked, unreadable, states = [], inventory = [] }: Settlement): Promise<void> {
    const rows = parked.flatMap(({ rule, event }) => [rule, JSON.stringify(event)]);
    const kept = unreadable === undefined ? '' : encodeUnreadable(unreadable);
    const notes = [states.length, ...states.flatMap(stateArgs), inventory.length, ...inventory.flatMap(changeArgs)];
    await this.#settle.add(entry.partition, [entry.id, kept, parked.length, ...rows, ...notes]);
  }

  /** Marks of states, which all belong to this partition, in their order; empty for none. @throws RedisUnavailable */
  async readStates(partition: number, refs: readonly StateRef[]): Promise<readonly Buffer[]> {
    return refs.length === 0 ? [] : this.#readStates.add(partition, refs);
  }

  /** Marks states of this partition as told, where no entry is settled with it. @throws RedisUnavailable */
  async noteStates(partition: number, states: readonly StateNote[]): Promise<void> {
    if (states.length > 0) await this.#noteStates.add(partition, states.flatMap(stateArgs));
  }

  /** Parked events of a rule, oldest first, behind the one with id `after`. */
  async readParked(partition: number, rule: string, after: string, count: number): Promise<ParkedRow[]> {
    const key = `${this.#key(partition)}:parked:${rule}`;
    const rows = await storage(() => this.client.xrange(key, after === '' ? '-' : `(${after}`, '+', 'COUNT', count));
    return rows.map(([id, fields]) => ({ id, event: JSON.parse(fields[1]!) as BucketEvent }));
  }

  /** Removes parked events; without ids all of the rule. @returns how many there were */
  async unpark(partition: number, rule: string, ids?: readonly string[]): Promise<number> {
    return (await this.#run(SCRIPTS.unpark, partition, [rule, ...(ids ?? [])])) as number;
  }

  /**
   * @param marker 16 bytes that name a delete marker
   * @param request 8 bytes that name the request that made or removed it
   * @returns true when another request made the marker, so that this one removed it
   */
  async isMarkerRemoval(partition: number, marker: Buffer, request: Buffer, now: number): Promise<boolean> {
    return (await this.#run(SCRIPTS.noteMarker, partition, [marker, request, Math.floor(now / 86_400_000), MARKER_DAYS])) === 1;
  }

  /** Keeps a body that is not worth a try. @throws RedisUnavailable · RedisFull */
  async keepUnreadable(body: UnreadableBody): Promise<void> {
    const key = `${this.#key(this.partitionFor(body.source))}:unreadable`;
    await storage(() => this.client.xadd(key, 'MAXLEN', UNREADABLE_KEPT, '*', 'u', encodeUnreadable(body)));
  }

  /** Entries that are not settled, in all partitions. @throws RedisUnavailable */
  async length(): Promise<number> {
    const lengths = await Promise.all(Array.from({ length: this.partitions }, (_, partition) => storage(() => this.client.xlen(this.#key(partition)))));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  /** A write like those that count. @throws RedisUnavailable · RedisFull */
  async probe(): Promise<void> {
    await storage(() => this.client.set(`${this.deployment.prefix}:ready:bridge`, String(Date.now()), 'PX', 60_000));
  }

  async #appendBodies(partition: number, bodies: readonly Body[]): Promise<boolean[]> {
    const { consumer, limit = JOURNAL_LIMIT } = this.options;
    this.#burst.note(bodies.length);
    const most = Math.max(0, Math.min(this.#room(), bodies.length + 32));
    const args = bodies.flatMap((body) => [encodeHead(body), body.bytes]);
    const reply = await this.#run(SCRIPTS.append, partition, [GROUP, consumer, most, limit, ...args]);
    const [stored, taken] = reply as [number, EntryReply[]];
    this.#take(partition, taken, most);
    // The burst was over before the answer came.
    if (most === 0 && !this.#burst.holding) void this.takeUntaken().catch(() => undefined);
    return bodies.map(() => stored >= 0);
  }

  async #settleItems(partition: number, items: readonly ScriptItem[]): Promise<void[]> {
    await this.#run(SCRIPTS.settle, partition, [GROUP, UNREADABLE_KEPT, ...items.flat()]);
    return items.map(() => undefined);
  }

  async #noteItems(partition: number, items: readonly ScriptItem[]): Promise<void[]> {
    await this.#run(SCRIPTS.noteStates, partition, items.flat());
    return items.map(() => undefined);
  }

  async #readItems(partition: number, items: readonly (readonly StateRef[])[]): Promise<Buffer[][]> {
    const marks = (await this.#run(SCRIPTS.readStates, partition, items.flat().flatMap(({ id, day }) => [Buffer.from(id, 'hex'), day]))) as Buffer[];
    let at = 0;
    return items.map(({ length }) => marks.slice(at, (at += length)));
  }

  #take(partition: number, taken: readonly EntryReply[], most: number): void {
    // A call takes fewer than asked for when bodies are large.
    const bytes = taken.reduce((sum, [, , body]) => sum + body.length, 0);
    if (taken.length < most && bytes < LARGE_REPLY) this.#untaken.delete(partition);
    else this.#untaken.add(partition);
    if (this.#untaken.size === 0) this.#burst.caughtUp();
    const entries = taken.flatMap(([id, headBytes, bytes]): JournalEntry[] => {
      const head = decodeHead(headBytes);
      return head === undefined ? [] : [{ ...head, bytes, partition, id: String(id) }];
    });
    if (entries.length > 0) this.options.onEntries(entries);
  }

  #room(): number {
    return this.#burst.holding ? 0 : this.options.room();
  }

  #key(partition: number): string {
    return journalKey(this.deployment, partition);
  }

  #run(script: LuaScript, partition: number, args: readonly (string | number | Buffer)[]): Promise<unknown> {
    return storage(() => script.run(this.client, [this.#key(partition)], args));
  }
}

/** True for what goes away by waiting: the sender, or we, shall try again. */
export function isBackPressure(error: unknown): boolean {
  return error instanceof JournalFull || error instanceof RedisFull;
}

function stateArgs({ id, day, mark }: StateNote): (string | number | Buffer)[] {
  return [Buffer.from(id, 'hex'), day, mark];
}

function readBacklogs(parked: readonly (Buffer | number)[]): ParkedBacklog[] {
  const backlogs: ParkedBacklog[] = [];
  for (let at = 0; at < parked.length; at += 3) {
    const [rule, events, oldest] = parked.slice(at, at + 3);
    backlogs.push({ rule: String(rule), events: Number(events), since: millisOf(String(oldest)) });
  }
  return backlogs;
}

function millisOf(streamId: string): number {
  return Number(streamId.split('-')[0]);
}
