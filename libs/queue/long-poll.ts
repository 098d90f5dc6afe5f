import type { Deployment } from '#redis/deployment.js';
import type { RedisClient } from '#redis/redis-client.js';

/** Why a waiting poll goes on. */
export type WaitEnd = 'look' | 'timeout' | 'aborted';

/** Longest delay that a Node timer can hold; a later due time is simply looked at earlier. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Waiting polls of this process, without a Redis connection per poller. A script that makes messages available publishes
 * "queue id, how many, next due time" on its partition's channel; as many local waiters as there are messages look again. A timer wakes
 * one waiter when the next delayed or leased message becomes due. A lost connection to the channel makes all look again when it is
 * back. Waking one waiter too many costs a script call, one too few would cost a message its latency: when in doubt, wake.
 */
export class LongPoll {
  readonly #rooms = new Map<string, Room>();
  #closed = false;

  constructor(
    private readonly subscriber: RedisClient,
    private readonly deployment: Deployment,
  ) {
    subscriber.on('message', (_channel: string, text: string) => this.#onMessage(text));
    subscriber.on('ready', () => this.#wakeAll());
  }

  /** Subscribes to the channels of all partitions; the client library subscribes again by itself after a lost connection. */
  async start(): Promise<void> {
    const channels = Array.from({ length: this.deployment.partitions }, (_, partition) => `${this.deployment.base(partition)}:wake`);
    await this.subscriber.subscribe(...channels);
  }

  /** Polls that wait now; for metrics. */
  get waiting(): number {
    let count = 0;
    for (const room of this.#rooms.values()) count += room.tickets.size;
    return count;
  }

  /**
   * Registers a poll *before* it looks for messages, so that a wake-up that arrives while the look is under way is not lost.
   * Must be released.
   */
  enter(queueId: string): Ticket {
    let room = this.#rooms.get(queueId);
    if (room === undefined) {
      room = { tickets: new Set() };
      this.#rooms.set(queueId, room);
    }
    const ticket = new Ticket(this, queueId);
    room.tickets.add(ticket);
    return ticket;
  }

  /** Lets up to `count` waiting polls of a queue look again. */
  wake(queueId: string, count: number): void {
    const room = this.#rooms.get(queueId);
    if (room === undefined) return;
    let left = count;
    for (const ticket of room.tickets) {
      if (left === 0) return;
      if (ticket.wake()) left -= 1;
    }
  }

  /** Wakes one poll of the queue in `delay` milliseconds, unless a timer does so earlier. */
  wakeIn(queueId: string, delay: number): void {
    const room = this.#rooms.get(queueId);
    if (room === undefined) return;
    const at = performance.now() + delay;
    if (room.timer !== undefined && room.timerAt !== undefined && room.timerAt <= at) return;
    clearTimeout(room.timer);
    room.timerAt = at;
    room.timer = setTimeout(() => {
      delete room.timer;
      delete room.timerAt;
      this.wake(queueId, 1);
    }, Math.min(Math.max(Math.ceil(delay), 1), LONGEST_TIMER));
  }

  /** @internal */
  leave(queueId: string, ticket: Ticket): void {
    const room = this.#rooms.get(queueId);
    if (room === undefined || !room.tickets.delete(ticket)) return;
    if (room.tickets.size === 0) {
      clearTimeout(room.timer);
      this.#rooms.delete(queueId);
    }
  }

  /** Ends every wait with nothing, for shutdown. Polls that come later do not wait. */
  close(): void {
    this.#closed = true;
    for (const room of this.#rooms.values()) for (const ticket of room.tickets) ticket.end('timeout');
  }

  get closed(): boolean {
    return this.#closed;
  }

  #onMessage(text: string): void {
    const [queueId = '', available, due] = text.split(' ');
    if (!this.#rooms.has(queueId)) return;
    this.wake(queueId, Number(available));
    const dueTime = Number(due);
    if (dueTime > 0) this.wakeIn(queueId, dueTime - Date.now());
  }

  #wakeAll(): void {
    for (const room of this.#rooms.values()) for (const ticket of room.tickets) ticket.wake();
  }
}

interface Room {
  /** In the order of arrival: the poll that waits longest is served first. */
  readonly tickets: Set<Ticket>;
  timer?: NodeJS.Timeout;
  timerAt?: number;
}

/** One poll's place among those that wait for a queue. */
export class Ticket {
  #woken = false;
  #resolve: ((end: WaitEnd) => void) | undefined;

  constructor(
    private readonly polls: LongPoll,
    private readonly queueId: string,
  ) {}

  /** Waits at most `millis`; at once when a wake-up came since the last wait. */
  async wait(millis: number, signal: AbortSignal | undefined): Promise<WaitEnd> {
    if (signal?.aborted === true) return 'aborted';
    if (this.#woken) {
      this.#woken = false;
      return 'look';
    }
    if (millis <= 0 || this.polls.closed) return 'timeout';
    const onAbort = (): void => this.end('aborted');
    const timer = setTimeout(() => this.end('timeout'), millis);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Promise<WaitEnd>((resolve) => {
        this.#resolve = resolve;
      });
    } finally {
      this.#resolve = undefined;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** false when this poll has a wake-up already, so that the next one gets this. */
  wake(): boolean {
    if (this.#woken) return false;
    if (this.#resolve === undefined) {
      this.#woken = true;
      return true;
    }
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve('look');
    return true;
  }

  end(reason: 'timeout' | 'aborted'): void {
    this.#resolve?.(reason);
    this.#resolve = undefined;
  }

  /** Gives up the place. A wake-up that was not used goes to the next poll. */
  release(): void {
    this.polls.leave(this.queueId, this);
    if (this.#woken) this.polls.wake(this.queueId, 1);
  }

  /** Passes a wake-up on that this poll was given and cannot use. */
  pass(): void {
    this.polls.wake(this.queueId, 1);
  }
}
