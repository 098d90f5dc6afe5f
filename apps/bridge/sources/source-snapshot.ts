import type { EventSourceStore } from '#event-source/event-source-store.js';
import type { EventSource } from '#event-source/event-source.js';
import type { RedisClient } from '#redis/redis-client.js';
import type { Logger } from '#runtime/log.js';

/** Milliseconds between two looks for changes that nobody announced. */
const LOOK_INTERVAL = 5_000;

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
  #looking: Promise<KnownSources> | undefined;
  #nextLook: Promise<KnownSources> | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #listeners: ((sources: KnownSources) => void)[] = [];

  constructor(
    private readonly store: Pick<EventSourceStore, 'version' | 'all' | 'changes'>,
    private readonly subscriber: RedisClient,
    private readonly logger: Logger,
  ) {}

  /** Follows changes until `stop`. Does not wait for Redis. */
  start(): void {
    this.subscriber.on('message', this.#onMessage);
    this.subscriber.on('ready', this.#look);
    this.#timer = setInterval(this.#look, LOOK_INTERVAL);
    this.subscriber
      .subscribe(this.store.changes)
      .catch((error: unknown) => this.logger.warn({ reason: String(error) }, 'no announcements of event source changes'));
    this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.subscriber.off('message', this.#onMessage);
    this.subscriber.off('ready', this.#look);
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
    // A question that is under way may have been answered before this call; the next one cannot.
    if (this.#looking === undefined) return this.#startLook();
    this.#nextLook ??= this.#looking.then(
      () => this.#startLook(),
      () => this.#startLook(),
    );
    return this.#nextLook;
  }

  #startLook(): Promise<KnownSources> {
    this.#nextLook = undefined;
    const looking = this.#readCurrent().finally(() => {
      if (this.#looking === looking) this.#looking = undefined;
    });
    this.#looking = looking;
    return looking;
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

  readonly #look = (): void => {
    this.current().catch(() => undefined);
  };

  readonly #onMessage = (channel: string): void => {
    if (channel === this.store.changes) this.#look();
  };
}
