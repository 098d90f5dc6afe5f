import { setTimeout as sleep } from 'node:timers/promises';
import type { Gap, GapReason } from '#event-source/gap.js';
import type { Logger } from '#runtime/log.js';

export interface GapReporterParts {
  readonly source: string;
  /** Fails while Redis is away. */
  readonly openGap: (source: string, gap: Gap) => Promise<void>;
  readonly onGap?: (reason: GapReason) => void;
  readonly logger: Logger;
  /** Milliseconds before a gap that could not be recorded is tried again. */
  readonly pause?: number;
}

const PAUSE = 1_000;

/** Opens gaps of one source, however long that takes. While one is `pending`, nobody may say that continuity is proven. */
export class GapReporter {
  readonly #waiting = new Map<string, Gap>();
  #recording: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(private readonly parts: GapReporterParts) {}

  get pending(): boolean {
    return this.#waiting.size > 0;
  }

  /** Those of the same reason that wait become one. @param since milliseconds since the epoch */
  report(reason: GapReason, since: number, buckets?: readonly string[]): void {
    const name = [reason, ...(buckets ?? [])].join(' ');
    const earlier = this.#waiting.get(name);
    this.#waiting.set(name, { reason, since: Math.min(since, earlier?.since ?? since), ...(buckets && { buckets }) });
    if (earlier !== undefined) return;
    this.parts.logger.warn({ source: this.parts.source, reason, since: new Date(since).toISOString(), buckets }, 'events of a source may have been missed: a gap opens');
    this.parts.onGap?.(reason);
    this.#recording ??= this.#record().finally(() => {
      this.#recording = undefined;
    });
  }

  /** What is still pending is found by the next leader, which opens a gap from the last proof on. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#recording;
  }

  async #record(): Promise<void> {
    for (const [name, gap] of this.#waiting) {
      try {
        await this.parts.openGap(this.parts.source, gap);
        // It may have been widened meanwhile: then once more.
        if (this.#waiting.get(name) === gap) this.#waiting.delete(name);
      } catch (error) {
        this.parts.logger.debug({ source: this.parts.source, reason: String(error) }, 'a gap could not be recorded yet');
        if (this.#stopping.signal.aborted) return;
        await sleep(this.parts.pause ?? PAUSE, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
    if (this.#waiting.size > 0) await this.#record();
  }
}
