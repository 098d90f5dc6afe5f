import { ReplyCode } from '#queue/reply-code.js';
import { LuaScript } from '#redis/lua-script.js';
import type { Drains } from './publisher.js';
import type { Subscription } from './subscription.js';
import { SubscriptionNotExist } from './topic-errors.js';
import type { TopicStore } from './topic-store.js';

const SCRIPTS = {
  read: new LuaScript(new URL('./commands/readSubscriptionState-1.lua', import.meta.url)),
  stop: new LuaScript(new URL('./commands/stopSubscription-1.lua', import.meta.url)),
  resume: new LuaScript(new URL('./commands/resumeSubscription-1.lua', import.meta.url)),
};

/** What a subscription is up to. Times in milliseconds since the epoch. */
export interface SubscriptionState {
  /** `disabled` by its endpoint, `paused` by its owner; no attempt is made then, and what it is owed waits until its retention ends. */
  readonly state: 'enabled' | 'paused' | 'disabled';
  /** Why it is not enabled. */
  readonly reason: string | null;
  readonly since: number | null;
  /** Deliveries that are still owed. */
  readonly pendingDeliveries: number;
  /** When the oldest of these was published; null when there is none, or when finding it would take long. */
  readonly oldestPublishTime: number | null;
  /** Deliveries that were given up and are kept, or on their way to the dead-letter queue. */
  readonly failedDeliveries: number;
  /** Those that were given up and are kept no longer: there were too many, or they were too old. */
  readonly droppedDeliveries: number;
  /** Deliveries that became too old before they could be made, and were given up. */
  readonly expiredDeliveries: number;
  /** Deliveries that were made and are kept. */
  readonly keptDeliveries: number;
}

type StateReply = [code: number, ...fields: Buffer[]];

/** Subscriptions at work: what they are owed, and stopping and resuming them. Their attributes are the topic store's. */
export class SubscriptionStore {
  constructor(
    private readonly topics: TopicStore,
    private readonly drains: Drains,
  ) {}

  /** @throws SubscriptionNotExist when it is gone meanwhile */
  async getState({ name, pendingQueue }: Subscription): Promise<SubscriptionState> {
    const [code, ...fields] = (await this.topics.run(SCRIPTS.read, pendingQueue.partition, [pendingQueue.id])) as StateReply;
    if (code === ReplyCode.GONE) throw new SubscriptionNotExist(name);
    const [state, reason, since, pending, oldest, failed, dropped, expired, kept] = fields.map(String);
    return {
      state: (state || 'enabled') as SubscriptionState['state'],
      reason: reason || null,
      since: Number(since) || null,
      pendingDeliveries: Number(pending),
      oldestPublishTime: Number(oldest) || null,
      failedDeliveries: Number(failed),
      droppedDeliveries: Number(dropped),
      expiredDeliveries: Number(expired),
      keptDeliveries: Number(kept),
    };
  }

  /** From now on no attempt is started, in whichever process; those under way end as they end. @throws SubscriptionNotExist */
  async pause({ name, pendingQueue }: Subscription, reason: string): Promise<void> {
    const code = await this.topics.run(SCRIPTS.stop, pendingQueue.partition, [pendingQueue.id, 'paused', reason]);
    if (code === ReplyCode.GONE) throw new SubscriptionNotExist(name);
  }

  /** Lets a paused or disabled subscription go on with what has gathered meanwhile. @throws SubscriptionNotExist */
  async resume({ name, pendingQueue }: Subscription): Promise<void> {
    const [code, epoch] = (await this.topics.run(SCRIPTS.resume, pendingQueue.partition, [pendingQueue.id])) as [number, number?];
    if (code === ReplyCode.GONE) throw new SubscriptionNotExist(name);
    // A wake-up that is lost is found by the sweep, as with a publish.
    if (epoch !== undefined && epoch > 0) void this.drains.wake([{ ...pendingQueue, epoch }]).catch(() => undefined);
  }
}
