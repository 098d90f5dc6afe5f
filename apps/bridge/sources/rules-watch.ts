import { setTimeout as sleep } from 'node:timers/promises';
import type { EventSource } from '#event-source/event-source.js';
import type { GapReason } from '#event-source/gap.js';
import type { BucketRulesStatus, SourceStatus } from '#event-source/source-status-store.js';
import type { Logger } from '#runtime/log.js';
import type { SourceTask } from './source-task.js';

/** Milliseconds between two looks at all buckets. */
const INTERVAL = 60_000;
/** Milliseconds that a stop waits. */
const GRACE = 200;
/** Milliseconds between two attempts to learn what was known before. */
const PAUSE = 1_000;

export interface RulesWatchParts {
  readonly source: EventSource;
  /** Whether the store's notification rules of a bucket have the entries that provisioning puts. Fails when the store does not answer, or not so. */
  readonly hasRules: (bucket: string) => Promise<boolean>;
  /** Puts them, beside what others have put. */
  readonly putRules: (bucket: string) => Promise<void>;
  readonly gaps: { report(reason: GapReason, since: number, buckets: readonly string[]): void };
  readonly status: { set(changes: SourceStatus): void };
  /** As the leader before left it. Fails while Redis is away. */
  readonly readStatus: () => Promise<SourceStatus>;
  readonly logger: Logger;
  readonly interval?: number;
}

/**
 * Looks every minute whether each bucket of a source still tells the hub of its changes: a bucket that is removed and made again
 * does not, and the store says nothing of it. What was there once and is gone is put again, and a gap covers the time between. Rules that never were there are left to `provision`: perhaps
 * they are not wanted.
 */
export class RulesWatch implements SourceTask {
  readonly #stopping = new AbortController();
  #rules: Record<string, BucketRulesStatus> = {};
  /** By bucket: when rules were last seen. */
  readonly #seenAt = new Map<string, number>();
  #wake = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(private readonly parts: RulesWatchParts) {}

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    // A request to the store that is under way may end as it likes.
    await Promise.race([this.#loop, sleep(GRACE)]);
  }

  /** The store has started again. */
  lookNow(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  async #run(): Promise<void> {
    const { rules = {}, lastProvenLive = Date.now() } = await this.#learn();
    // The leader before looked as often as this one does.
    for (const [bucket, { state }] of Object.entries(rules)) if (state !== 'missing') this.#seenAt.set(bucket, lastProvenLive - (this.parts.interval ?? INTERVAL));
    while (!this.#stopping.signal.aborted) {
      for (const bucket of this.parts.source.buckets) {
        if (this.#stopping.signal.aborted) return;
        await this.#look(bucket);
      }
      this.parts.status.set({ rules: this.#rules });
      await this.#wait(this.parts.interval ?? INTERVAL);
    }
  }

  async #learn(): Promise<SourceStatus> {
    while (!this.#stopping.signal.aborted) {
      try {
        return await this.parts.readStatus();
      } catch (error) {
        this.parts.logger.debug({ source: this.parts.source.name, reason: String(error) }, 'the status of an event source cannot be read');
        await this.#wait(PAUSE);
      }
    }
    return {};
  }

  async #look(bucket: string): Promise<void> {
    const at = Date.now();
    try {
      if (await this.parts.hasRules(bucket)) {
        this.#seenAt.set(bucket, at);
        this.#note(bucket, this.#rules[bucket]?.state === 'restored' ? 'restored' : 'present');
        return;
      }
      const seenAt = this.#seenAt.get(bucket);
      if (seenAt === undefined) return this.#note(bucket, 'missing', 'this hub has put none here: provision the source');
      await this.parts.putRules(bucket);
      // Only now: what happens before the rules are back is missed, too.
      this.parts.gaps.report('rules-missing', seenAt, [bucket]);
      this.#seenAt.set(bucket, Date.now());
      this.#note(bucket, 'restored');
    } catch (error) {
      const reason = error instanceof Error ? error.message.slice(0, 200) : String(error);
      this.#note(bucket, this.#seenAt.has(bucket) ? 'unknown' : 'missing', reason);
    }
  }

  #note(bucket: string, state: BucketRulesStatus['state'], reason?: string): void {
    const before = this.#rules[bucket];
    const same = before?.state === state;
    if (!same) this.parts.logger[state === 'present' ? 'info' : 'warn']({ source: this.parts.source.name, bucket, state, reason }, 'notification rules');
    this.#rules = { ...this.#rules, [bucket]: { state, since: same ? before.since : Date.now(), ...(reason !== undefined && { reason }) } };
  }

  async #wait(millis: number): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, this.#wake.signal]);
    await sleep(millis, undefined, { signal }).catch(() => undefined);
  }
}
