import type { EventSourceStore } from '#event-source/event-source-store.js';
import type { EventSource } from '#event-source/event-source.js';
import type { RedisClient } from '#redis/redis-client.js';
import type { Logger } from '#runtime/log.js';
import { FollowedState } from '../followed-state.js';

/** One state of all registered sources. */
export interface KnownSources {
  /** As the store counts its changes. */
  readonly version: number;
  readonly byName: ReadonlyMap<string, EventSource>;
}

/**
 * The event sources that this process knows. The last known state stays while Redis is away; before the first one it is not known
 * which names are registered.
 */
export class SourceSnapshot {
  #known: KnownSources | undefined;
  readonly #followed: FollowedState<KnownSources>;
  readonly #listeners: ((sources: KnownSources) => void)[] = [];

  constructor(
    private readonly store: Pick<EventSourceStore, 'version' | 'all' | 'changes'>,
    subscriber: RedisClient,
    private readonly logger: Logger,
  ) {
    this.#followed = new FollowedState({ subscriber, channel: store.changes, read: () => this.#readCurrent(), what: 'event source', logger });
  }

  /** Follows changes until `stop`. Does not wait for Redis. */
  start(): void {
    this.#followed.start();
  }

  stop(): void {
    this.#followed.stop();
  }

  /** Told of the first state, at once when there is one, and of every other. */
  onChange(listener: (sources: KnownSources) => void): void {
    this.#listeners.push(listener);
    if (this.#known !== undefined) listener(this.#known);
  }

  /** The last known state; undefined: none was read since the start. */
  get known(): KnownSources | undefined {
    return this.#known;
  }

  /** Undefined: not registered, or not known yet. */
  get(name: string): EventSource | undefined {
    return this.#known?.byName.get(name);
  }

  /**
   * The sources as they were at the time of this call or later. Calls at the same time share one question to Redis.
   * @throws RedisUnavailable
   */
  current(): Promise<KnownSources> {
    return this.#followed.current();
  }

  async #readCurrent(): Promise<KnownSources> {
    const version = await this.store.version();
    if (this.#known?.version === version) return this.#known;
    const read = await this.store.all();
    if (read.unreadable.length > 0) {
      this.logger.error({ sources: read.unreadable }, 'event sources that cannot be decrypted: MAGPIE_SECRET_KEY is not the one that they were stored with');
    }
    this.#known = { version: read.version, byName: new Map(read.sources.map((source) => [source.name, source])) };
    this.logger.debug({ version: read.version, sources: read.sources.length }, 'event sources read');
    for (const listener of this.#listeners) listener(this.#known);
    return this.#known;
  }
}
