import type { RedisClient } from '#redis/redis-client.js';
import type { Logger } from '#runtime/log.js';

/** Milliseconds between two looks for changes that nobody announced. */
const LOOK_INTERVAL = 5_000;

export interface FollowedStateParts<T> {
  readonly subscriber: RedisClient;
  /** Where changes are announced. */
  readonly channel: string;
  /** Reads the state as it is when this is called, or later. */
  readonly read: () => Promise<T>;
  /** What changes, for the log. */
  readonly what: string;
  readonly logger: Logger;
}

/** Something kept in Redis that a process has to know: read when it changes, and whenever somebody must not work with an older state. */
export class FollowedState<T> {
  #looking: Promise<T> | undefined;
  #nextLook: Promise<T> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: FollowedStateParts<T>) {}

  /** Follows changes until `stop`. Does not wait for Redis. */
  start(): void {
    const { subscriber, channel, what, logger } = this.parts;
    subscriber.on('message', this.#onMessage);
    subscriber.on('ready', this.#look);
    this.#timer = setInterval(this.#look, LOOK_INTERVAL);
    subscriber.subscribe(channel).catch((error: unknown) => logger.warn({ reason: String(error) }, `no announcements of ${what} changes`));
    this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.parts.subscriber.off('message', this.#onMessage);
    this.parts.subscriber.off('ready', this.#look);
  }

  /**
   * The state as it was at the time of this call or later. Calls at the same time share one question to Redis.
   * @throws what `read` throws
   */
  current(): Promise<T> {
    // A question that is under way may have been answered before this call; the next one cannot.
    if (this.#looking === undefined) return this.#startLook();
    this.#nextLook ??= this.#looking.then(
      () => this.#startLook(),
      () => this.#startLook(),
    );
    return this.#nextLook;
  }

  #startLook(): Promise<T> {
    this.#nextLook = undefined;
    const looking = this.parts.read().finally(() => {
      if (this.#looking === looking) this.#looking = undefined;
    });
    this.#looking = looking;
    return looking;
  }

  readonly #look = (): void => {
    this.current().catch(() => undefined);
  };

  readonly #onMessage = (channel: string): void => {
    if (channel === this.parts.channel) this.#look();
  };
}
