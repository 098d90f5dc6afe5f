import type { BucketEvent } from '#event-rule/bucket-event.js';
import { eventId } from '#event-rule/event-id.js';
import { TagsUnavailable, type Tags } from './store-tags.js';

/** Asks for the tags of an event's object. @throws TagsUnavailable */
export type TagsOf = (event: BucketEvent) => Promise<Tags>;

/** Events whose tags are remembered, so that the second copy of an event costs nothing. */
const REMEMBERED = 4_096;
/** Milliseconds for which they are. */
const REMEMBERED_FOR = 60_000;
/** Milliseconds until a store that did not answer is asked again: doubled from the first to the second. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 30_000;

interface Remembered {
  readonly tags: Promise<Tags>;
  readonly until: number;
}

/**
 * Completes events with the tags of their objects, for rules that ask for them. A store that does not answer is left alone for a while:
 * its events wait as those of a missing destination do, and hold up nobody else's.
 */
export class ObjectTags {
  readonly #remembered = new Map<string, Remembered>();
  readonly #failing = new Map<string, { readonly reason: string; readonly pause: number; readonly until: number }>();

  constructor(
    private readonly tagsOf: TagsOf,
    private readonly now: () => number = Date.now,
  ) {}

  /** The event with its tags, where they can be had. A removed object has none to ask for. @throws TagsUnavailable */
  async complete(event: BucketEvent): Promise<BucketEvent> {
    if (event.tags !== undefined || event.eventName?.startsWith('ObjectRemoved:') === true) return event;
    const failing = this.#failing.get(event.source);
    if (failing !== undefined && failing.until > this.now()) throw new TagsUnavailable(failing.reason);
    try {
      const tags = await this.#read(event);
      this.#failing.delete(event.source);
      return { ...event, ...(tags !== undefined && { tags }) };
    } catch (error) {
      if (error instanceof TagsUnavailable) this.#leaveAlone(event.source, error.message);
      throw error;
    }
  }

  /** Milliseconds since the epoch until which a store is left alone; 0 when it is not. */
  pausedUntil(source: string): number {
    return this.#failing.get(source)?.until ?? 0;
  }

  #read(event: BucketEvent): Promise<Tags> {
    const id = eventId(event).toString('base64');
    const known = this.#remembered.get(id);
    if (known !== undefined && known.until > this.now()) return known.tags;
    const tags = this.tagsOf(event);
    this.#remembered.delete(id);
    this.#remembered.set(id, { tags, until: this.now() + REMEMBERED_FOR });
    tags.catch(() => this.#remembered.delete(id));
    if (this.#remembered.size > REMEMBERED) this.#remembered.delete(this.#remembered.keys().next().value!);
    return tags;
  }

  #leaveAlone(source: string, reason: string): void {
    const before = this.#failing.get(source);
    // Questions that were asked at the same time fail together.
    if (before !== undefined && before.until > this.now()) return;
    const pause = Math.min(LONGEST_PAUSE, before === undefined ? FIRST_PAUSE : before.pause * 2);
    this.#failing.set(source, { reason, pause, until: this.now() + pause });
  }
}
