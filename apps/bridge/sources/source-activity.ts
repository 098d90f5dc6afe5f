import type { BucketEvent } from '#event-rule/bucket-event.js';
import { readIntakeBody } from '#event-rule/intake-body.js';
import { canaryId, CANARY_PREFIX } from '#event-source/canary.js';
import type { CanaryDeed, CanaryStore } from '#event-source/canary-store.js';
import type { EventSource, EventWay } from '#event-source/event-source.js';
import type { SourceFiguresStore } from '#event-source/source-figures-store.js';
import type { FiguresChange, LastEvent, SourceCount } from '#event-source/source-figures.js';
import type { BridgeMetrics } from '../bridge-metrics.js';
import type { JournalState } from '../journal/journal.js';
import type { Body } from '../journal/journal-entry.js';

/** Milliseconds after a change until it is written. */
const FLUSH_AFTER = 3_000;
/** Nodes of one store that are told apart; a store whose `x-amz-id-2` names a request and no node must not fill memory. */
const MOST_NODES = 64;
/** Characters of a key that are shown. */
const SHOWN_KEY = 256;
/** The part of a canary's key that no encoding changes. */
const CANARY_MARK = Buffer.from(CANARY_PREFIX.slice(0, -1));
/** Bytes: no event of a canary is longer. */
const LONGEST_CANARY = 16_384;

export interface SourceActivityParts {
  readonly figures: Pick<SourceFiguresStore, 'add' | 'setJournal'>;
  readonly canaries: Pick<CanaryStore, 'noteArrival' | 'noteMatched'>;
  readonly sources: { get(name: string): EventSource | undefined };
  readonly metrics: BridgeMetrics;
  /** Milliseconds; 3 s when absent. */
  readonly flushAfter?: number;
}

/** Changes of one source that were not written yet. */
interface Pending extends FiguresChange {
  readonly counts: Map<SourceCount, number>;
  readonly last: Map<SourceCount, number>;
  readonly nodes: Map<string, number>;
  lastEvent?: LastEvent;
}

/**
 * What this process sees of each registered source: counted in memory, written to Redis a few seconds after a change, and at once for
 * canaries. A source that is idle costs nothing. What was counted in the last seconds before a crash is lost.
 */
export class SourceActivity {
  #pending = new Map<string, Pending>();
  readonly #nodes = new Map<string, Set<string>>();
  #timer: NodeJS.Timeout | undefined;
  #journal = '';

  constructor(private readonly parts: SourceActivityParts) {}

  /** A body that was taken in; call it for each, by whatever way it came. */
  taken(body: Body, way: EventWay): void {
    const { sources, canaries, metrics } = this.parts;
    if (sources.get(body.source) === undefined) return;
    this.#count(body.source, way, body.receivedAt);
    metrics.sourceBodies.inc({ source: body.source, way });
    if (body.bytes.length > LONGEST_CANARY || !body.bytes.includes(CANARY_MARK)) return;
    for (const event of readIntakeBody(body.bytes, body).events) {
      const canary = canaryId(event.key);
      if (canary !== undefined) canaries.noteArrival(canary, deedOf(event), way).catch(() => undefined);
    }
  }

  /** A request that no store sends by itself: the mark of a redirect on the way. */
  wrongMethod(source: string, now = Date.now()): void {
    this.#count(source, 'wrongMethod', now);
  }

  /** A body that was turned away because there was no room for it. */
  refused(source: string, now = Date.now()): void {
    this.#count(source, 'refused', now);
  }

  unreadable(source: string, now = Date.now()): void {
    this.#count(source, 'unreadable', now);
  }

  /** An event that was matched and handed over, or parked. @param repeated another copy of it had come before */
  told(event: BucketEvent, repeated: boolean, now = Date.now()): void {
    const { source, eventName, s3EventName, bucket, key, receivedAt } = event;
    const pending = this.#count(source, 'events', now);
    if (pending === undefined) return;
    const { metrics } = this.parts;
    metrics.sourceEvents.inc({ source, repeated: String(repeated) });
    metrics.sourceLastEvent.set({ source }, now / 1_000);
    if (repeated) {
      this.#count(source, 'duplicates', now);
      return;
    }
    const lag = now - Date.parse(event.eventTime);
    pending.lastEvent = {
      eventName: eventName ?? s3EventName,
      bucket,
      key: key.slice(0, SHOWN_KEY),
      receivedAt,
      ...(Number.isFinite(lag) && { lagMillis: lag }),
    };
    if (Number.isFinite(lag)) metrics.sourceLag.set({ source }, lag / 1_000);
  }

  /** Which node of the store wrote an event. */
  node({ source, dialect, hostId }: BucketEvent, now = Date.now()): void {
    // Elsewhere this names the request.
    if (dialect !== 'minio' || hostId === '') return;
    const known = this.#nodes.get(source) ?? new Set();
    if (!known.has(hostId) && known.size >= MOST_NODES) return;
    const pending = this.#change(source);
    if (pending === undefined) return;
    this.#nodes.set(source, known.add(hostId));
    pending.nodes.set(hostId, now);
  }

  /** @returns whether the event is a canary's: it never becomes a message */
  canary(event: BucketEvent, matching: () => readonly string[]): boolean {
    const canary = canaryId(event.key);
    if (canary === undefined) return false;
    this.parts.canaries.noteMatched(canary, deedOf(event), matching()).catch(() => undefined);
    return true;
  }

  /** The journal as its keeper sees it; written when it is another than before. @throws RedisUnavailable */
  async noteJournal(states: readonly JournalState[]): Promise<void> {
    if (states[0]?.keeper !== true) {
      this.#journal = '';
      return;
    }
    const oldest = Math.min(...states.map((state) => state.oldest ?? Infinity));
    const parked = states.flatMap(({ backlogs }) => backlogs).reduce((sum, { events }) => sum + events, 0);
    const figures = { entries: states.reduce((sum, { entries }) => sum + entries, 0), parked, ...(oldest !== Infinity && { oldest }) };
    const text = JSON.stringify(figures);
    if (text === this.#journal) return;
    await this.parts.figures.setJournal(figures);
    this.#journal = text;
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    await this.#flush();
    clearTimeout(this.#timer);
  }

  #count(source: string, count: SourceCount, now: number): Pending | undefined {
    const pending = this.#change(source);
    pending?.counts.set(count, (pending.counts.get(count) ?? 0) + 1);
    pending?.last.set(count, now);
    return pending;
  }

  /** Undefined for a source that nobody registered: names are free for whoever knows the token of the hub. */
  #change(source: string): Pending | undefined {
    let pending = this.#pending.get(source);
    if (pending !== undefined) return pending;
    if (this.parts.sources.get(source) === undefined) return undefined;
    pending = { counts: new Map(), last: new Map(), nodes: new Map() };
    this.#pending.set(source, pending);
    this.#timer ??= setTimeout(() => void this.#flush(), this.parts.flushAfter ?? FLUSH_AFTER);
    return pending;
  }

  async #flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = new Map();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // Figures that cannot be written now are lost: they are worth no memory while Redis is away.
    await Promise.all([...pending].map(([source, change]) => this.parts.figures.add(source, change).catch(() => undefined)));
  }
}

function deedOf({ s3EventName }: BucketEvent): CanaryDeed {
  return s3EventName.startsWith('ObjectRemoved:') ? 'delete' : 'put';
}
