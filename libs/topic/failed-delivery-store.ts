import { DEFAULT_RETENTION } from '#delivery/delivery-options.js';
import { isWholeWithin } from '#queue/queue-attributes.js';
import { ReplyCode } from '#queue/reply-code.js';
import { LuaScript } from '#redis/lua-script.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { KeptOutcome } from './kept-delivery-list.js';
import type { Drains } from './publisher.js';
import type { Subscription } from './subscription.js';
import { SubscriptionNotExist } from './topic-errors.js';
import type { TopicStore } from './topic-store.js';

const SCRIPTS = {
  read: new LuaScript(new URL('./commands/readFailed-1.lua', import.meta.url)),
  forget: new LuaScript(new URL('./commands/forgetFailed-1.lua', import.meta.url)),
  replay: new LuaScript(new URL('./commands/replayDelivery-1.lua', import.meta.url)),
  startReplay: new LuaScript(new URL('./commands/startReplay-1.lua', import.meta.url)),
  readReplay: new LuaScript(new URL('./commands/readReplay-1.lua', import.meta.url)),
  advanceReplay: new LuaScript(new URL('./commands/advanceReplay-1.lua', import.meta.url)),
};

const PER_SECOND = [1, 1_000] as const;
const DEFAULT_PER_SECOND = 500;
/** Deliveries that one step makes again at the most, so that it does not hold up Redis. */
const PORTION = 128;
/** Steps of one call, so that huge replays in one partition do not keep a duty from the others. */
const STEPS = 512;

export interface ReplayOptions {
  /** What was given up when absent. `delivered` is there for subscriptions that keep what was delivered. */
  readonly outcome?: KeptOutcome;
  /** Of the time at which the deliveries were given up or delivered, milliseconds since the epoch, both included; all when absent. */
  readonly from?: number;
  readonly to?: number;
  /** Deliveries at the most, the oldest first; all when absent. */
  readonly limit?: number;
  /** 1 to 1,000; 500 when absent. */
  readonly maxPerSecond?: number;
}

/** A replay as its owner sees it. Times in milliseconds since the epoch. */
export interface Replay {
  readonly state: 'running' | 'completed' | 'cancelled';
  readonly outcome: KeptOutcome;
  readonly from: number;
  readonly to: number;
  readonly maxPerSecond: number;
  readonly startTime: number;
  readonly endTime: number | null;
  /** Deliveries that took part when it started. */
  readonly totalDeliveries: number;
  readonly replayedDeliveries: number;
}

/** A delivery that was given up, on its way to the dead-letter queue. */
export interface FailedDelivery {
  /** 16 bytes. */
  readonly messageId: Buffer;
  readonly attempts: number;
  readonly reason: string;
  /** The published message as it is stored; empty when it is gone. */
  readonly packed: Buffer;
}

export interface FailedDeliveries {
  readonly account: string;
  readonly topic: string;
  readonly subscription: string;
  readonly deadLetterQueue: string;
  readonly deliveries: readonly FailedDelivery[];
}

type FailedReply = [
  owner?: Buffer,
  subscription?: Buffer,
  target?: Buffer,
  ...rows: [messageId: Buffer, attempts: number, reason: Buffer, packed: Buffer][],
];

/** What subscriptions have given up: bringing it to their dead-letter queues; and making it, and what they keep of the delivered, again. */
export class FailedDeliveryStore {
  constructor(
    private readonly topics: TopicStore,
    private readonly drains: Drains,
  ) {}

  /** The oldest that a dead-letter queue waits for; undefined when the subscription is gone or has none. */
  async readForDeadLetterQueue(partition: number, id: string, most: number): Promise<FailedDeliveries | undefined> {
    const [owner, subscription, target, ...rows] = (await this.topics.run(SCRIPTS.read, partition, [id, most])) as FailedReply;
    if (owner === undefined || subscription === undefined || target === undefined) return undefined;
    const [account = '', topic = ''] = owner.toString().split('/');
    return {
      account,
      topic,
      subscription: subscription.toString(),
      deadLetterQueue: target.toString(),
      deliveries: rows.map(([messageId, attempts, reason, packed]) => ({ messageId, attempts, reason: reason.toString(), packed })),
    };
  }

  async forget(partition: number, id: string, deliveries: readonly FailedDelivery[]): Promise<void> {
    await this.topics.run(SCRIPTS.forget, partition, [id, ...deliveries.map(({ messageId }) => messageId)]);
  }

  /**
   * Makes one delivery again, with its whole schedule.
   * @returns false when nothing of this message is kept: it was neither given up nor delivered, or too long ago
   */
  async replay({ pendingQueue, options }: Subscription, messageId: string): Promise<boolean> {
    const { partition, id } = pendingQueue;
    const args = [id, retentionOf(options), Buffer.from(messageId, 'hex')];
    const [code, epoch = 0] = (await this.topics.run(SCRIPTS.replay, partition, args)) as [number, number?];
    if (code !== ReplyCode.OK) return false;
    this.#wake(partition, id, epoch);
    return true;
  }

  /**
   * Orders that what was given up, or delivered and kept, in a span of time be made again. Upkeep carries it out (`advance`); the first second's worth goes at once.
   * @returns false when a replay of this subscription is under way already
   * @throws SubscriptionNotExist · InvalidArgument
   */
  async startReplay({ name, pendingQueue, options }: Subscription, order: ReplayOptions): Promise<boolean> {
    const { outcome = 'failed', from = 0, to = Number.MAX_SAFE_INTEGER, limit = Number.MAX_SAFE_INTEGER, maxPerSecond = DEFAULT_PER_SECOND } = order;
    const [low, high] = PER_SECOND;
    if (!isWholeWithin(maxPerSecond, low, high)) throw InvalidArgument.outOfRange('maxPerSecond', low, high, 'deliveries');
    if (!isWholeWithin(from, 0, Number.MAX_SAFE_INTEGER)) throw new InvalidArgument('from', 'from is a time in milliseconds.');
    if (!isWholeWithin(to, from, Number.MAX_SAFE_INTEGER)) throw new InvalidArgument('to', 'to is a time in milliseconds, not before from.');
    if (!isWholeWithin(limit, 1, Number.MAX_SAFE_INTEGER)) throw new InvalidArgument('limit', 'limit is a whole number, 1 or more.');
    const { partition, id } = pendingQueue;
    const args = [id, retentionOf(options), from, to, limit, maxPerSecond, outcome];
    const [code] = (await this.topics.run(SCRIPTS.startReplay, partition, args)) as [number];
    if (code === ReplyCode.GONE) throw new SubscriptionNotExist(name);
    if (code === ReplyCode.EXISTS) return false;
    await this.advance(partition);
    return true;
  }

  /** @returns the replay under way, or the last one for a day after its end */
  getReplay(subscription: Subscription): Promise<Replay | undefined> {
    return this.#readReplay(subscription, 0);
  }

  /** Ends a replay; what was replayed stays owed. */
  cancelReplay(subscription: Subscription): Promise<Replay | undefined> {
    return this.#readReplay(subscription, 1);
  }

  /** Goes on with the replays of a partition as far as their rates allow now. */
  async advance(partition: number): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      const reply = (await this.topics.run(SCRIPTS.advanceReplay, partition, [PORTION])) as [number, Buffer?, number?];
      const [code, id, epoch] = reply;
      if (code === ReplyCode.GONE) return;
      if (code === ReplyCode.OK) this.#wake(partition, String(id), epoch ?? 0);
    }
  }

  /** A wake-up that is lost is found by the sweep, as with a publish. */
  #wake(partition: number, id: string, epoch: number): void {
    if (epoch > 0) void this.drains.wake([{ partition, id, epoch }]).catch(() => undefined);
  }

  async #readReplay({ pendingQueue }: Subscription, cancel: 0 | 1): Promise<Replay | undefined> {
    const reply = (await this.topics.run(SCRIPTS.readReplay, pendingQueue.partition, [pendingQueue.id, cancel])) as [number, ...Buffer[]];
    const [code, ...fields] = reply;
    if (code !== ReplyCode.OK) return undefined;
    const [state, from, to, rate, start, end, total, replayed, outcome] = fields.map(String);
    return {
      state: state as Replay['state'],
      outcome: outcome as KeptOutcome,
      from: Number(from),
      to: Number(to),
      maxPerSecond: Number(rate),
      startTime: Number(start),
      endTime: Number(end) || null,
      totalDeliveries: Number(total),
      replayedDeliveries: Number(replayed),
    };
  }
}

/** Milliseconds. */
function retentionOf(options: Subscription['options']): number {
  return (options?.retentionSeconds ?? DEFAULT_RETENTION) * 1_000;
}
