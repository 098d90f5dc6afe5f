import { setTimeout as sleep } from 'node:timers/promises';
import { RedisUnavailable } from '#redis/redis-unavailable.js';
import type { Logger } from '#runtime/log.js';
import type { BridgeMetrics } from '../bridge-metrics.js';
import { journalOrderOf, type EventPipeline } from '../journal/event-pipeline.js';
import { isBackPressure, type Journal } from '../journal/journal.js';
import type { Body } from '../journal/journal-entry.js';
import type { WriteAheadLog } from './write-ahead-log.js';

/** Milliseconds before Redis is tried again: doubled from the first to the second. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 2_000;
/** Bodies that go to the journal together. A file with no more means that the backlog is worked off: the journal is used directly again. */
const FEW = 256;
/** Milliseconds in which a refusal says something about the present: a store that was refused comes again after 3 s. */
const REFUSAL_COUNTS = 10_000;
/** What a damaged file lacks is no older than this before it is read (ms), or than the oldest body in it. */
const LONGEST_AWAY = 86_400_000;
/** Milliseconds between two looks for files of processes that died. */
const ADOPT_INTERVAL = 30_000;

/** Where a body was stored; `unreadable`: beside the journal, with those that nobody can read. */
export type Place = 'journal' | 'file' | 'unreadable';

/**
 * Takes bodies in. `store` returns once a body is safe: in the journal, or, while Redis is away, in the write-ahead log on this
 * machine. From there it goes to the journal, in order, as soon as Redis is back; bodies that come meanwhile queue up behind it.
 */
export class Intake {
  #journal: Journal | undefined;
  #pipeline: EventPipeline | undefined;
  #onDamage: (since: number) => Promise<void> = () => Promise.resolve();
  /** Bodies go to the files: Redis is away, or older bodies are still there. */
  #detour = true;
  #draining: Promise<void> | undefined;
  #drainAgain = false;
  /** Why the last body was refused, and when; undefined when it was not. */
  #refusal: { readonly reason: string; readonly at: number } | undefined;
  #adopting: NodeJS.Timeout | undefined;
  readonly #stopping = new AbortController();

  constructor(
    private readonly log: WriteAheadLog,
    private readonly metrics: BridgeMetrics,
    private readonly logger: Logger,
  ) {}

  /**
   * Redis is there: what lies in files goes to the journal from now on.
   *
   * @param onDamage is told of events that were stored and cannot be read back, with the time (ms since the epoch) since which they may have come
   */
  attach(journal: Journal, pipeline: EventPipeline, onDamage: (since: number) => Promise<void>): void {
    this.#journal = journal;
    this.#pipeline = pipeline;
    this.#onDamage = onDamage;
    this.#drain();
    this.#adopting = setInterval(() => {
      if (!this.#detour) this.#drain();
    }, ADOPT_INTERVAL);
  }

  /**
   * @throws JournalFull · RedisFull · WriteAheadLogFull, or what the file system says: the sender must keep the body and try again
   */
  async store(body: Body): Promise<Place> {
    try {
      const place = await this.#store(body);
      this.#refusal = undefined;
      return place;
    } catch (error) {
      const name = error instanceof Error ? error.name : 'Error';
      this.metrics.refused.inc({ reason: name === 'Error' ? ((error as NodeJS.ErrnoException).code ?? name) : name });
      this.#refusal = { reason: String(error), at: performance.now() };
      throw error;
    }
  }

  /** Why bodies are refused at present; undefined when they are not, or none came lately. */
  get refusing(): string | undefined {
    return this.#refusal !== undefined && performance.now() - this.#refusal.at < REFUSAL_COUNTS ? this.#refusal.reason : undefined;
  }

  async #store(body: Body): Promise<Place> {
    if (this.#journal !== undefined && !this.#detour) {
      try {
        await this.#append(this.#journal, body);
        return 'journal';
      } catch (error) {
        if (isBackPressure(error)) throw error;
        this.#leaveRoad(error);
      }
    }
    await this.log.append(body);
    // The detour may have ended while the body was written.
    if (!this.#detour) this.#drain();
    return 'file';
  }

  /** Hands a body on in memory; resolves when that is done, or the body is stored. */
  async takeFast(body: Body): Promise<void> {
    if (this.#pipeline === undefined) this.metrics.fastDropped.inc();
    else await this.#pipeline.takeFast(body);
  }

  /**
   * Keeps the beginning of a body that is longer than any event, for the operator to look at.
   * @throws RedisUnavailable · RedisFull
   */
  async keepTooLong(body: Body, length: number): Promise<Place> {
    if (this.#journal === undefined) throw new RedisUnavailable('Redis was not reached yet');
    await this.#journal.keepUnreadable({ ...body, length, problems: [`too long: ${length} bytes, of which the first ${body.bytes.length} were kept`] });
    this.metrics.unreadable.inc({ source: body.source });
    return 'unreadable';
  }

  /** Waits for what is under way, for so many milliseconds. Files that are left belong to the next bridge. */
  async stop(millis: number): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#adopting);
    const waited = new AbortController();
    const closed = (this.#draining ?? Promise.resolve()).then(() => this.log.close());
    await Promise.race([closed, sleep(millis, undefined, { signal: waited.signal }).catch(() => undefined)]);
    waited.abort();
  }

  #append(journal: Journal, body: Body): Promise<void> {
    return journal.append(body, journalOrderOf(body));
  }

  #leaveRoad(error: unknown): void {
    if (this.#detour) return;
    this.#detour = true;
    this.logger.warn({ reason: String(error) }, 'journal not available: events go to the write-ahead log');
    this.#drain();
  }

  #drain(): void {
    this.#drainAgain = this.#draining !== undefined;
    if (this.#drainAgain) return;
    this.#draining = this.#drainUntilDone().finally(() => {
      this.#draining = undefined;
      if (this.#drainAgain) this.#drain();
    });
  }

  async #drainUntilDone(): Promise<void> {
    const journal = this.#journal!;
    // Without files there is no write that could show whether Redis is back.
    await this.#untilDone(() => journal.probe());
    await this.log.adopt(Date.now()).catch((error: unknown) => this.logger.error({ reason: String(error) }, 'the directory of the write-ahead log cannot be read'));
    let drained = 0;
    for (;;) {
      const file = await this.#untilDone(() => this.log.takeOldest());
      if (this.#stopping.signal.aborted) return;
      if (file === undefined) break;
      if (file.damaged > 0) {
        this.logger.error({ records: file.damaged }, 'damaged records in the write-ahead log were skipped');
        const since = Math.min(Date.now() - LONGEST_AWAY, ...file.bodies.map(({ receivedAt }) => receivedAt));
        await this.#untilDone(() => this.#onDamage(since));
      }
      this.metrics.fileDamaged.inc(file.damaged);
      for (let at = 0; at < file.bodies.length; at += FEW) {
        const some = file.bodies.slice(at, at + FEW);
        await this.#untilDone(() => Promise.all(some.map((body) => this.#append(journal, body))));
      }
      if (this.#stopping.signal.aborted) return;
      await this.#untilDone(() => file.drop());
      drained += file.bodies.length;
      if (file.bodies.length <= FEW) this.#detour = false;
    }
    this.#detour = false;
    if (drained > 0) this.logger.info({ bodies: drained }, 'write-ahead log drained into the journal');
  }

  /** Repeats a step until it succeeds; undefined when the bridge stops first. Bodies that were stored twice do no harm. */
  async #untilDone<T>(step: () => Promise<T>): Promise<T | undefined> {
    for (let pause = FIRST_PAUSE; !this.#stopping.signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        return await step();
      } catch (error) {
        this.logger.debug({ reason: String(error) }, 'write-ahead log cannot be drained now');
        await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
    return undefined;
  }
}
