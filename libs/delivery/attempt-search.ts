import { createHash } from 'node:crypto';
import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { ATTEMPT_LIFE_MILLIS, attemptLogKey, ATTEMPT_OUTCOMES, decodeAttempt, namesOfRecord, timeOfRecord, type Attempt } from './attempt-log.js';

const SEARCH = new LuaScript(new URL('./commands/searchAttempts-1.lua', import.meta.url));

const HOUR = 3_600_000;
/** Records that one script call looks at, so that it does not hold up Redis: a millisecond. */
const SLICE = 1_000;
/** Records after which a search begins no other hour; a partition keeps no more than that, so one request sees a partition at the most. */
const LOOKS = 20_000;
const LATEST = 0xffff_ffff_ffff;
const TIE_BYTES = 8;
const MARKER_BYTES = 4 + 6 + TIE_BYTES;

export interface AttemptFilter {
  readonly topic: string;
  /** All of the topic's when absent, those that are gone included. */
  readonly subscription?: string;
  readonly outcome?: Attempt['outcome'];
  /** Milliseconds since the epoch, both included. */
  readonly since?: number;
  readonly until?: number;
}

export interface AttemptPage {
  /** Newest first. */
  readonly attempts: readonly Attempt[];
  /** Where to go on; absent when there is nothing more. A page may be short, or empty, and still have one: the search had looked at enough. */
  readonly nextMarker?: string;
}

/** How far a search has come: everything in later hours, and in this one what is newer or, in the same millisecond, has a greater tie. */
interface Position {
  readonly hour: number;
  readonly time: number;
  readonly tie: string;
}

interface Found extends Position {
  readonly record: Buffer;
}

/**
 * Finds attempts by topic, subscription, outcome and time.
 *
 * There is no index: it would cost every attempt a second entry. A topic's attempts lie in one partition, whose log is bounded, so a
 * request goes through the hours from the newest to the oldest and Redis answers what matches.
 */
export class AttemptSearch {
  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
    private readonly looks = LOOKS,
  ) {}

  /** @throws InvalidArgument for a marker that is none · RedisUnavailable */
  async find(account: string, filter: AttemptFilter, page: { readonly limit: number; readonly marker?: string }): Promise<AttemptPage> {
    const now = Date.now();
    const { since = 0, until = LATEST } = filter;
    // The set of an attempt is chosen by the clock of Redis when it is recorded, its time is the worker's: they may be an hour apart.
    const newest = Math.floor(Math.min(until, now) / HOUR) + 1;
    const start = page.marker === undefined ? endOf(newest) : readMarker(page.marker);
    const oldest = Math.floor(Math.max(since, now - ATTEMPT_LIFE_MILLIS) / HOUR) - 2;
    const hours = await this.#filledHours(this.deployment.partitionOf(account, filter.topic), start.hour, oldest);
    const found: Found[] = [];
    let looked = 0;
    for (const { hour, key, size } of hours) {
      if (looked > 0 && looked + size > this.looks) return pageOf(found, writeMarker(endOf(hour)));
      looked += size;
      const before = hour === start.hour ? start : endOf(hour);
      found.push(...(await this.#searchHour(key, account, filter, before, page.limit + 1 - found.length)));
      if (found.length > page.limit) return pageOf(found.slice(0, page.limit), writeMarker(found[page.limit - 1]!));
    }
    return pageOf(found);
  }

  async #filledHours(partition: number, first: number, last: number): Promise<{ hour: number; key: string; size: number }[]> {
    const hours = Array.from({ length: Math.max(0, first - last + 1) }, (_, index) => first - index);
    const keys = hours.map((hour) => attemptLogKey(this.deployment, partition, hour));
    const sizes = await storage(() => Promise.all(keys.map((key) => this.client.zcard(key))));
    return hours.map((hour, index) => ({ hour, key: keys[index]!, size: sizes[index]! })).filter(({ size }) => size > 0);
  }

  /** The newest attempts of an hour behind a position. Its records are in the order of publishing, so all of them have to be looked at. */
  async #searchHour(key: string, account: string, filter: AttemptFilter, before: Position, wanted: number): Promise<Found[]> {
    const names = namesOfRecord(account, filter.topic, filter.subscription);
    const outcome = filter.outcome === undefined ? '' : ATTEMPT_OUTCOMES.indexOf(filter.outcome);
    const until = Math.min(before.time, filter.until ?? LATEST);
    let newest: Found[] = [];
    let last: Buffer | string = '';
    do {
      const since = newest.length === wanted ? newest.at(-1)!.time : (filter.since ?? 0);
      const args = [last, SLICE, names, outcome, since, until];
      const [next, ...records] = (await storage(() => SEARCH.run(this.client, [key], args))) as [Buffer, ...Buffer[]];
      const found = records.map((record) => ({ record, hour: before.hour, time: timeOfRecord(record), tie: tieOf(record) }));
      newest = [...newest, ...found.filter((each) => newestFirst(before, each) < 0)].sort(newestFirst).slice(0, wanted);
      last = next;
    } while (last.length > 0);
    return newest;
  }
}

function pageOf(found: readonly Found[], nextMarker?: string): AttemptPage {
  const attempts = found.map(({ record }) => decodeAttempt(record)).filter((attempt) => attempt !== undefined);
  return { attempts, ...(nextMarker !== undefined && { nextMarker }) };
}

/** The order of attempts inside an hour. */
function newestFirst(one: Position, other: Position): number {
  if (one.time !== other.time) return other.time - one.time;
  return one.tie === other.tie ? 0 : one.tie > other.tie ? -1 : 1;
}

/** Tells apart what was recorded in the same millisecond. */
function tieOf(record: Buffer): string {
  return createHash('sha1').update(record).digest('hex').slice(0, 2 * TIE_BYTES);
}

/** In front of everything in an hour. */
function endOf(hour: number): Position {
  return { hour, time: LATEST, tie: 'f'.repeat(2 * TIE_BYTES) };
}

function writeMarker({ hour, time, tie }: Position): string {
  const marker = Buffer.alloc(MARKER_BYTES);
  marker.writeUInt32BE(hour, 0);
  marker.writeUIntBE(time, 4, 6);
  marker.write(tie, 10, 'hex');
  return marker.toString('base64url');
}

/** @throws InvalidArgument */
function readMarker(text: string): Position {
  const marker = Buffer.from(text, 'base64url');
  if (marker.length !== MARKER_BYTES) throw new InvalidArgument('marker', 'marker is the nextMarker of the page before.');
  // A marker that was made up must not name an hour so far away that thousands of keys were looked for.
  const hour = Math.min(marker.readUInt32BE(0), Math.floor(Date.now() / HOUR) + 1);
  return { hour, time: marker.readUIntBE(4, 6), tie: marker.toString('hex', 10) };
}
