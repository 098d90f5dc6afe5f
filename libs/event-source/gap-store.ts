import { randomBytes } from 'node:crypto';
import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import type { Gap } from './gap.js';
import { addSpan, type BackfillRates, type ClosedGap, type GapOutcome, type GapProgress, type GapSpan, type OpenGap } from './open-gap.js';

/** Gaps of a source that history keeps. */
const HISTORY = 100;
/** Back-fills of a source that are open at a time. */
export const MOST_BACKFILLS = 10;
/** Changes of one source that collide are rare; so many in a row are a defect. */
const MOST_ATTEMPTS = 50;

/** Fast enough for a night, and no burden for a store that is in use. */
export const DEFAULT_BACKFILL_RATES: BackfillRates = { pagesPerSecond: 10, eventsPerSecond: 200 };

/** A further back-fill would not start before long: answered as a conflict. */
export class TooManyBackfills extends Error {
  override readonly name = 'TooManyBackfills';
}

export interface BackfillRequest {
  /** Absent: all buckets of the source. */
  readonly buckets?: readonly string[];
  readonly prefix?: string;
  readonly rates?: Partial<BackfillRates>;
}

const REPLACE = new LuaScript(new URL('./commands/replaceGaps-1.lua', import.meta.url));

/** What a change makes of the open gaps; undefined: leave them. */
type Change<Reply> = (open: readonly OpenGap[]) => { readonly open: readonly OpenGap[]; readonly closed?: readonly ClosedGap[]; readonly reply: Reply } | undefined;

/**
 * The gaps of event sources, in three keys per source:
 *
 * - `<prefix>:{event-sources}:gaps:<source>` string: the open ones, JSON
 * - `…:closed` list: the last 100 that were closed, newest first
 * - `…:proven` string: when the last listing of all buckets began
 *
 * Every change is made to what was read, or not at all, so that nobody's change is lost. All methods throw RedisUnavailable while Redis is away: a change is
 * then either made or not, and making it again does no harm. Whoever opens a gap repeats the call until it returns; what
 * is opened twice joins itself.
 */
export class GapStore {
  constructor(
    private readonly client: RedisClient,
    private readonly deployment: Deployment,
    private readonly now: () => number = Date.now,
  ) {}

  /** It joins a gap of the source whose repair has not begun. @throws RedisUnavailable: repeat */
  async openGap(source: string, gap: Gap): Promise<void> {
    const span = { since: gap.since, ...(gap.buckets && { buckets: gap.buckets }) };
    await this.#change(source, (open) => {
      const waiting = open.find(({ state, backfill }) => state === 'waiting' && backfill === undefined);
      const before = waiting ?? this.#newGap();
      const reasons = before.reasons.includes(gap.reason) ? before.reasons : [...before.reasons, gap.reason];
      const joined: OpenGap = { ...before, reasons, spans: addSpan(before.spans, span), changedAt: this.now(), notBefore: 0 };
      return { open: waiting === undefined ? [...open, joined] : replaced(open, joined), reply: undefined };
    });
  }

  /** Asks for everything that buckets hold to be told, save what was told in the last days. @throws TooManyBackfills */
  async openBackfill(source: string, { buckets, prefix, rates }: BackfillRequest): Promise<OpenGap> {
    const gap: OpenGap = {
      ...this.#newGap(),
      reasons: ['requested'],
      spans: [{ since: 0, ...(buckets && { buckets }), ...(prefix !== undefined && prefix !== '' && { prefix }) }],
      backfill: { ...DEFAULT_BACKFILL_RATES, ...rates },
    };
    await this.#change(source, (open) => {
      if (open.some(({ id }) => id === gap.id)) return undefined;
      if (open.filter(({ backfill }) => backfill !== undefined).length >= MOST_BACKFILLS) throw new TooManyBackfills(`${source} has ${MOST_BACKFILLS} back-fills already`);
      return { open: [...open, gap], reply: undefined };
    });
    return gap;
  }

  /** Open gaps, oldest first. */
  list(source: string): Promise<OpenGap[]> {
    return storage(async () => parse(await this.client.get(this.#key(source))));
  }

  /** Gaps that were closed, newest first; at most 100. */
  closed(source: string, count = HISTORY): Promise<ClosedGap[]> {
    return storage(async () => {
      const texts = await this.client.lrange(`${this.#key(source)}:closed`, 0, count - 1);
      return texts.map((text) => JSON.parse(text) as ClosedGap);
    });
  }

  /** Ends the time in which others join. @returns false when the gap is gone, or paused */
  begin(source: string, id: string): Promise<boolean> {
    return this.#update(source, id, (gap) => (gap.state === 'paused' ? undefined : { ...gap, state: 'running' }));
  }

  /** @returns false when the gap was cancelled or paused: whoever repairs it stops */
  progress(source: string, id: string, progress: GapProgress): Promise<boolean> {
    return this.#update(source, id, (gap) => (gap.state === 'running' ? { ...gap, progress } : undefined));
  }

  /** Lets a gap whose other buckets are done wait until its last ones may be listed. @returns false when the gap is gone, or paused */
  putBack(source: string, id: string, { spans, notBefore, progress }: { spans: readonly GapSpan[]; notBefore: number; progress: GapProgress }): Promise<boolean> {
    return this.#update(source, id, (gap) => (gap.state === 'running' ? { ...gap, state: 'waiting', spans, notBefore, progress } : undefined));
  }

  /** @returns false when there is no such gap */
  close(source: string, id: string, progress: GapProgress): Promise<boolean> {
    return this.#close(source, id, 'repaired', progress);
  }

  /** What it has told stays told. @returns false when there is no such gap */
  cancel(source: string, id: string): Promise<boolean> {
    return this.#close(source, id, 'cancelled');
  }

  /** @returns false when there is no such gap */
  pause(source: string, id: string): Promise<boolean> {
    return this.#update(source, id, (gap) => ({ ...gap, state: 'paused' }));
  }

  /** It goes on where it was. @returns false when there is no such gap */
  resume(source: string, id: string): Promise<boolean> {
    return this.#update(source, id, (gap) => (gap.state !== 'paused' ? gap : { ...gap, state: gap.progress === undefined && gap.backfill ? 'waiting' : 'running' }));
  }

  /** Up to when it is known that nothing of the source is missing, but for what open gaps say; undefined before the first time. */
  async provenUntil(source: string): Promise<number | undefined> {
    const time = await storage(() => this.client.get(`${this.#key(source)}:proven`));
    return time === null ? undefined : Number(time);
  }

  /** @param time milliseconds since the epoch: when a listing of all buckets began */
  async prove(source: string, time: number): Promise<void> {
    await storage(() => this.client.set(`${this.#key(source)}:proven`, time));
  }

  /** Forgets everything of a source that was deleted. */
  async delete(source: string): Promise<void> {
    await storage(() => this.client.unlink(this.#key(source), `${this.#key(source)}:closed`, `${this.#key(source)}:proven`));
  }

  #newGap(): OpenGap {
    return { id: randomBytes(8).toString('hex'), state: 'waiting', reasons: [], spans: [], openedAt: this.now(), changedAt: this.now(), notBefore: 0 };
  }

  #close(source: string, id: string, outcome: GapOutcome, progress?: GapProgress): Promise<boolean> {
    return this.#change(source, (open) => {
      const gap = open.find((other) => other.id === id);
      if (gap === undefined) return undefined;
      const closed: ClosedGap = { ...gap, ...(progress && { progress }), closedAt: this.now(), outcome };
      return { open: open.filter((other) => other !== gap), closed: [closed], reply: true };
    }, false);
  }

  #update(source: string, id: string, update: (gap: OpenGap) => OpenGap | undefined): Promise<boolean> {
    return this.#change(source, (open) => {
      const gap = open.find((other) => other.id === id);
      const updated = gap && update(gap);
      return updated && { open: replaced(open, updated), reply: true };
    }, false);
  }

  #change(source: string, change: Change<undefined>): Promise<undefined>;
  #change<Reply>(source: string, change: Change<Reply>, unchanged: Reply): Promise<Reply>;
  #change<Reply>(source: string, change: Change<Reply>, unchanged?: Reply): Promise<Reply | undefined> {
    return storage(async () => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        const seen = (await this.client.get(this.#key(source))) ?? '';
        const changed = change(parse(seen));
        if (changed === undefined) return unchanged;
        const wanted = changed.open.length === 0 ? '' : JSON.stringify(changed.open);
        const closed = (changed.closed ?? []).map((gap) => JSON.stringify(gap));
        if (wanted === seen && closed.length === 0) return changed.reply;
        if ((await REPLACE.run(this.client, [this.#key(source)], [seen, wanted, HISTORY, ...closed])) === 1) return changed.reply;
      }
      throw new Error(`gaps of ${source}: changed by others ${MOST_ATTEMPTS} times in a row`);
    });
  }

  #key(source: string): string {
    return `${this.deployment.prefix}:{event-sources}:gaps:${source}`;
  }
}

function parse(text: string | null): OpenGap[] {
  return text === null || text === '' ? [] : (JSON.parse(text) as OpenGap[]);
}

function replaced(open: readonly OpenGap[], gap: OpenGap): OpenGap[] {
  return open.map((other) => (other.id === gap.id ? gap : other));
}
