import { decodeMessage } from '#queue/message-codec.js';
import { readRecord } from '#queue/record.js';
import { ReplyCode } from '#queue/reply-code.js';
import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { PartitionScripts } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import type { Clock } from '#runtime/clock.js';
import type { DrainRun, LeaseReply, PendingDelivery, Settlement, SettleReply, Wakeup } from './pending-delivery.js';
import type { PendingQueueAddress, Subscription, SubscriptionAttributes } from './subscription.js';
import { toSubscription } from './topic-store.js';

const SCRIPTS = {
  lease: new LuaScript(new URL('./commands/leaseDeliveries-1.lua', import.meta.url)),
  entrust: new LuaScript(new URL('./commands/entrustDrain-1.lua', import.meta.url)),
  settle: new LuaScript(new URL('./commands/settleDeliveries-1.lua', import.meta.url)),
  fireTimer: new LuaScript(new URL('./commands/fireTimer-1.lua', import.meta.url)),
  sweep: new LuaScript(new URL('./commands/sweepDrains-1.lua', import.meta.url)),
};

const OUTCOMES = { delivered: 0, retry: 1, failed: 2, returned: 3, gone: 4 } as const;
const CLAIMS = { held: 0, 'if-free': 1, 'take-over': 2 } as const;

/** Milliseconds that a line of the attempt log lives. */
const ATTEMPT_LIFE = 72 * 3_600_000;
/** How late (ms) a timer may be before the sweep takes it for lost. */
const TIMER_GRACE = 5_000;
/** Pending queues that one sweep of a partition wakes at the most; the next sweep takes the rest. */
const SWEPT = 200;

export interface LeaseOptions {
  readonly count: number;
  readonly leaseMillis: number;
  /** Nothing of this drain is in flight: when nothing is due either, the queue is disarmed in the same step. */
  readonly lastLook: boolean;
}

/** What subscriptions are still owed, as the drains of the worker see it. The protocol is described in `docs/delivery.md`. */
export class PendingDeliveries {
  readonly #scripts: PartitionScripts;

  constructor(client: RedisClient, deployment: Deployment, clock?: Clock) {
    this.#scripts = new PartitionScripts(client, deployment, clock);
  }

  /** Takes what is due, first attempts before retries. @throws RedisUnavailable */
  async lease(address: PendingQueueAddress, { epoch, name, claim }: DrainRun, { count, leaseMillis, lastLook }: LeaseOptions): Promise<LeaseReply> {
    for (;;) {
      const args = [address.id, epoch, count, leaseMillis, lastLook ? 1 : 0, name, CLAIMS[claim]];
      const reply = (await this.#scripts.run(SCRIPTS.lease, address.partition, args)) as [number, ...unknown[]];
      if (reply[0] === ReplyCode.GONE) return { state: 'ended' };
      if (reply[0] === ReplyCode.OK) return readLease(address, reply as unknown as LeasedReply);
      const [, timer, again, limited] = reply as [number, Buffer, number, number?];
      if (limited !== undefined) return { state: 'limited', millis: limited };
      if (again === 1) continue;
      return Number(timer) > 0 ? { state: 'idle', timer: Number(timer) } : { state: 'idle' };
    }
  }

  /** Leaves a queue that stays armed to a job that was added for it. @throws RedisUnavailable */
  async entrust(address: PendingQueueAddress, { epoch, name }: DrainRun): Promise<void> {
    await this.#scripts.run(SCRIPTS.entrust, address.partition, [address.id, epoch, name]);
  }

  /** @param lastLook a run that has nothing else in flight: it ends in the same step when nothing is due. @throws RedisUnavailable */
  async settle(address: PendingQueueAddress, settlements: readonly Settlement[], lastLook?: DrainRun): Promise<SettleReply> {
    const rows = settlements.flatMap((settlement) => [
      ...settlement.handle.split('.'),
      OUTCOMES[settlement.outcome],
      detailOf(settlement),
      settlement.attempt ?? '',
    ]);
    const run = lastLook === undefined ? '' : `${lastLook.epoch} ${lastLook.name}`;
    const replies = (await this.#scripts.run(SCRIPTS.settle, address.partition, [address.id, ATTEMPT_LIFE, run, ...rows])) as [...number[], Buffer];
    const end = (replies.pop() as Buffer).toString();
    const counted = replies.map((code) => code === ReplyCode.OK);
    return end === '' ? { counted } : { counted, end: end === '0' ? {} : { timer: Number(end) } };
  }

  /** A timer job asks whether to drain. @returns the epoch to drain with, undefined when there is nothing to do */
  async fireTimer(address: PendingQueueAddress, due: number): Promise<number | undefined> {
    const epoch = (await this.#scripts.run(SCRIPTS.fireTimer, address.partition, [address.id, due])) as number;
    return epoch === 0 ? undefined : epoch;
  }

  /**
   * Finds wake-ups that were lost: queues armed and not seen at work for `staleMillis`, and timers that should have fired.
   * @returns drains and timers that must be added
   */
  async sweep(partition: number, staleMillis: number): Promise<{ wakeups: Wakeup[]; timers: { address: PendingQueueAddress; due: number }[] }> {
    const args = [staleMillis, TIMER_GRACE, SWEPT];
    const [armed, due] = (await this.#scripts.run(SCRIPTS.sweep, partition, args)) as [(Buffer | number)[], (Buffer | number)[]];
    return {
      wakeups: pairs(armed).map(([id, epoch]) => ({ partition, id, epoch })),
      timers: pairs(due).map(([id, time]) => ({ address: { partition, id }, due: time })),
    };
  }
}

type LeasedReply = [code: number, name: Buffer, record: Buffer, owner: Buffer, ...deliveries: DeliveryReply[]];
type DeliveryReply = [member: Buffer, number: number, attempts: number, published: Buffer, expires: Buffer, body: Buffer];

function readLease(address: PendingQueueAddress, [, name, record, owner, ...rows]: LeasedReply): LeaseReply {
  const [account = '', topic = ''] = owner.toString().split('/');
  const stored = { ...readRecord<SubscriptionAttributes>(record), name: name.toString() };
  const subscription: Subscription = toSubscription(account, topic, address.partition, stored);
  return { state: 'leased', subscription, deliveries: rows.map(readDelivery) };
}

function readDelivery([member, number, attempts, published, expires, body]: DeliveryReply): PendingDelivery {
  const { messageId, content } = decodeMessage(body);
  return {
    handle: `${member.toString()}.${number}`,
    messageId,
    publishTime: Number(published),
    expireTime: Number(expires),
    message: content,
    attempts,
  };
}

function detailOf(settlement: Settlement): string | number {
  if (settlement.outcome === 'retry') return settlement.notBefore;
  return settlement.outcome === 'failed' || settlement.outcome === 'gone' ? (settlement.reason ?? '') : '';
}

function pairs(flat: readonly (Buffer | number)[]): [id: string, value: number][] {
  const result: [string, number][] = [];
  for (let i = 0; i < flat.length; i += 2) result.push([String(flat[i]), Number(flat[i + 1])]);
  return result;
}
