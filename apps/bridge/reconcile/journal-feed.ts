import { setTimeout as sleep } from 'node:timers/promises';
import type { BucketEvent } from '#event-rule/bucket-event.js';
import type { Journal } from '../journal/journal.js';
import { Pace } from './pace.js';

/** Entries in the journal above which listed events wait: what a store tells now goes first, and the journal has a limit. */
const MOST_WAITING = 5_000;
/** Milliseconds between two looks at a journal that is too full. */
const FULL_PAUSE = 250;

/** Hands events that a listing showed to the journal, no faster than they are worked on. */
export class JournalFeed {
  readonly #pace: Pace | undefined;

  constructor(
    private readonly journal: Pick<Journal, 'append' | 'length'>,
    private readonly signal: AbortSignal,
    eventsPerSecond?: number,
  ) {
    this.#pace = eventsPerSecond === undefined ? undefined : new Pace(eventsPerSecond);
  }

  /** @throws RedisUnavailable · RedisFull · JournalFull: some of them may be stored; storing them again does no harm */
  async append(events: readonly BucketEvent[]): Promise<void> {
    await this.#pace?.take(events.length, this.signal);
    while (!this.signal.aborted && (await this.journal.length()) > MOST_WAITING) await sleep(FULL_PAUSE, undefined, { signal: this.signal });
    this.signal.throwIfAborted();
    await Promise.all(events.map((event) => this.#append(event)));
  }

  #append(event: BucketEvent): Promise<void> {
    const { source, bucket, key, receivedAt } = event;
    return this.journal.append({ source, receivedAt, bytes: Buffer.from(JSON.stringify(event)), listed: true }, `${source}/${bucket}/${key}`);
  }
}
