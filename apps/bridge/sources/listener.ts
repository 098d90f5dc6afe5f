import { setTimeout as sleep } from 'node:timers/promises';
import type { EventSource } from '#event-source/event-source.js';
import type { ListenStatus } from '#event-source/source-status-store.js';
import type { Logger } from '#runtime/log.js';
import type { BridgeMetrics } from '../bridge-metrics.js';
import type { GapReporter } from './gap-reporter.js';
import type { Body } from '../journal/journal-entry.js';
import { PING, readListenStream, type StreamEnd } from './listen-stream.js';
import { listenedBody } from './listened-body.js';
import type { SourceTask } from './source-task.js';

/** All in milliseconds. */
export interface ListenerTimes {
  /** Until the first byte of a stream must be there: with a ping each second it is, unless the store keeps it back. */
  readonly firstByte: number;
  readonly stall: number;
  /** Before a new connection: a random time between the first and twice the last one, up to the second. */
  readonly shortestPause: number;
  readonly longestPause: number;
  /** After a refusal: wrong credentials, no such bucket. */
  readonly refusedPause: number;
  /** Until a stream that was found unusable is tried again; a restart of the store does it at once. */
  readonly unusablePause: number;
  /** Without a stream for so long, a gap is opened before there is one again. */
  readonly patience: number;
}

const TIMES: ListenerTimes = {
  firstByte: 3_000,
  stall: PING * 3_000 + 2_000,
  shortestPause: 200,
  longestPause: 30_000,
  refusedPause: 60_000,
  unusablePause: 3_600_000,
  patience: 60_000,
};

/** What servers know that know but little. */
const BASIC_EVENTS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'];
/** Silent streams in a row after which one that has worked counts as unusable; one that never worked does at once. */
const MOST_SILENT = 3;
/** Bytes of events that are under way. More are dropped, with a gap where that matters: a store does not wait for a slow reader either. */
const MOST_WAITING = 32 * 1_048_576;

export interface ListenerParts {
  readonly source: EventSource;
  /** Names of events with `s3:`. */
  readonly events: readonly string[];
  /**
   * `memory`: to be handed over as it is, a durable copy follows. `journal`: to be stored before anything else. Called in the order of the stream; resolves when
   * that is done, fails when it cannot be.
   */
  readonly handOn: (body: Body, by: 'memory' | 'journal') => Promise<unknown>;
  readonly gaps: Pick<GapReporter, 'report'>;
  readonly onStatus: (status: ListenStatus) => void;
  /** Whether the store answers ordinary requests now. */
  readonly storeAnswers: (signal: AbortSignal) => Promise<boolean>;
  readonly metrics: Pick<BridgeMetrics, 'listened' | 'listenEnds'>;
  readonly logger: Logger;
  readonly times?: Partial<ListenerTimes>;
}

/** The stream of one bucket, or of all. */
interface Stream {
  readonly bucket?: string;
  status: ListenStatus;
  /** Milliseconds since the epoch: everything until then was read. */
  provenUntil: number;
  /** Whether the interruption that goes on has its gap already. */
  longGap: boolean;
  hasWorked: boolean;
  silent: number;
  attempts: number;
}

/**
 * Listens to a store: one stream for each bucket of the source, which needs no more than the right to listen to it, or, for a source
 * without buckets, one for all. Beside the durable way it makes events fast, and what it misses comes that way. Without
 * that way events are stored in the journal, and every interruption is a gap.
 */
export class Listener implements SourceTask {
  readonly #times: ListenerTimes;
  readonly #streams: readonly Stream[];
  readonly #durable: boolean;
  #events: readonly string[];
  #waitingBytes = 0;
  readonly #stopping = new AbortController();
  #retry = new AbortController();
  #loops: Promise<unknown> | undefined;

  constructor(private readonly parts: ListenerParts) {
    this.#times = { ...TIMES, ...parts.times };
    this.#durable = parts.source.ways.includes('durable');
    this.#events = parts.events;
    const buckets = parts.source.buckets.length === 0 ? [undefined] : parts.source.buckets;
    const now = Date.now();
    this.#streams = buckets.map((bucket) => ({
      ...(bucket !== undefined && { bucket }),
      status: { state: 'connecting', since: now },
      provenUntil: now,
      longGap: false,
      hasWorked: false,
      silent: 0,
      attempts: 0,
    }));
  }

  start(): void {
    this.#showStatus();
    this.#loops = Promise.all(this.#streams.map((stream) => this.#follow(stream)));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loops;
  }

  /** The store has started again: whatever it was that made a stream fail, it may be gone. */
  retryNow(): void {
    this.#retry.abort();
    this.#retry = new AbortController();
  }

  /** Milliseconds since the epoch until which nothing was missed by listening. */
  get provenUntil(): number {
    return Math.min(...this.#streams.map((stream) => stream.provenUntil));
  }

  async #follow(stream: Stream): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const end = await this.#read(stream);
      if (end.kind === 'stopped') return;
      this.parts.metrics.listenEnds.inc({ source: this.parts.source.name, kind: end.kind });
      if (end.status === 400 && this.#events !== BASIC_EVENTS) {
        this.#events = BASIC_EVENTS;
        continue;
      }
      const pause = await this.#judge(stream, end);
      const signal = AbortSignal.any([this.#stopping.signal, this.#retry.signal]);
      const patience = stream.longGap ? Infinity : this.#times.patience;
      await sleep(Math.min(pause, patience), undefined, { signal }).catch(() => undefined);
      this.#losePatience(stream);
      if (pause > patience && !signal.aborted) await sleep(pause - patience, undefined, { signal }).catch(() => undefined);
    }
  }

  #read(stream: Stream): Promise<StreamEnd> {
    const { endpoint, credentials, storeRegion, name } = this.parts.source;
    let upAt = 0;
    return readListenStream({
      endpoint: endpoint!,
      credentials: credentials!,
      region: storeRegion,
      ...(stream.bucket !== undefined && { bucket: stream.bucket }),
      events: this.#events,
      firstByte: this.#times.firstByte,
      stall: this.#times.stall,
      signal: this.#stopping.signal,
      onUp: () => {
        upAt = Date.now();
        this.#onUp(stream);
      },
      onAlive: () => {
        stream.provenUntil = Date.now();
        if (stream.provenUntil - upAt > this.#times.firstByte) stream.attempts = 0;
      },
      onRecord: (record) => this.#take(record, stream),
      onBadLine: (reason) => {
        this.parts.logger.warn({ source: name, bucket: stream.bucket, reason }, 'a line of the listen stream cannot be read');
        this.#openGap(stream, Date.now());
      },
    });
  }

  #onUp(stream: Stream): void {
    stream.hasWorked = true;
    stream.silent = 0;
    // What happened before the first byte may have been missed, at the very first connection as well.
    this.#openGap(stream, stream.provenUntil);
    stream.longGap = false;
    this.#setStatus(stream, { state: 'up', since: Date.now() });
  }

  /** @returns milliseconds until the next attempt */
  async #judge(stream: Stream, { kind, reason }: StreamEnd): Promise<number> {
    const since = Date.now();
    if (kind === 'refused') {
      this.#setStatus(stream, { state: 'refused', since, reason });
      return this.#times.refusedPause * (0.5 + Math.random() / 2);
    }
    if (kind === 'silent' && (await this.parts.storeAnswers(this.#stopping.signal))) {
      stream.silent += 1;
      if (stream.silent >= (stream.hasWorked ? MOST_SILENT : 1)) {
        this.#setStatus(stream, { state: 'unusable', since, reason: `${reason} of a store that answers other requests: it does not flush its listen stream` });
        return this.#times.unusablePause;
      }
    }
    this.#setStatus(stream, { state: 'connecting', since, reason });
    const { shortestPause, longestPause } = this.#times;
    stream.attempts += 1;
    return shortestPause + Math.random() * Math.max(0, Math.min(longestPause, shortestPause * 2 ** stream.attempts) - shortestPause);
  }

  #losePatience(stream: Stream): void {
    if (this.#stopping.signal.aborted || stream.longGap || Date.now() - stream.provenUntil < this.#times.patience) return;
    stream.longGap = true;
    this.#openGap(stream, stream.provenUntil);
  }

  #openGap({ bucket }: Stream, since: number): void {
    if (!this.#durable) this.parts.gaps.report('listen-interrupted', since, bucket === undefined ? undefined : [bucket]);
  }

  /** Nothing waits here for an event to be handed on: that would hold up the stream. */
  #take(record: object, stream: Stream): void {
    const { source, metrics, handOn } = this.parts;
    const bytes = listenedBody(record);
    if (bytes === undefined) return;
    const body = { source: source.name, receivedAt: Date.now(), bytes };
    const drop = (reason: string): void => {
      metrics.listened.inc({ source: source.name, result: 'dropped' });
      this.parts.logger.debug({ source: source.name, reason }, 'a listened event was dropped');
      this.#openGap(stream, body.receivedAt);
    };
    if (this.#waitingBytes > MOST_WAITING) return drop('too many events are under way');
    this.#waitingBytes += bytes.length;
    handOn(body, this.#durable ? 'memory' : 'journal')
      .then(
        () => metrics.listened.inc({ source: source.name, result: 'taken' }),
        (error: unknown) => drop(String(error)),
      )
      .finally(() => {
        this.#waitingBytes -= bytes.length;
      });
  }

  #setStatus(stream: Stream, status: ListenStatus): void {
    const before = stream.status;
    stream.status = before.state === status.state ? { ...status, since: before.since } : status;
    if (before.state !== status.state) {
      this.parts.logger.info({ source: this.parts.source.name, bucket: stream.bucket, state: status.state, reason: status.reason }, 'listening');
    }
    this.#showStatus();
  }

  /** The worst of all streams, with the name of its bucket. */
  #showStatus(): void {
    const worst = [...this.#streams].sort((one, other) => RANK.indexOf(one.status.state) - RANK.indexOf(other.status.state))[0]!;
    const { state, since, reason } = worst.status;
    const where = worst.bucket === undefined || reason === undefined ? reason : `${worst.bucket}: ${reason}`;
    this.parts.onStatus({ state, since, ...(where !== undefined && { reason: where }) });
  }
}

const RANK: readonly ListenStatus['state'][] = ['refused', 'unusable', 'connecting', 'up', 'off'];
