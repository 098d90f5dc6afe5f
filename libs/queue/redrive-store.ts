import { LuaScript } from '#redis/lua-script.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { LIMITS } from './limits.js';
import { isWholeWithin } from './queue-attributes.js';
import { checkQueueName } from './queue-name.js';
import type { QueueStore } from './queue-store.js';
import { STALE } from './record-cache.js';
import { ReplyCode } from './reply-code.js';

const SCRIPTS = {
  start: new LuaScript(new URL('./commands/startRedrive-1.lua', import.meta.url)),
  read: new LuaScript(new URL('./commands/readRedrive-1.lua', import.meta.url)),
  take: new LuaScript(new URL('./commands/takeRedrive-1.lua', import.meta.url)),
  settle: new LuaScript(new URL('./commands/settleRedrive-1.lua', import.meta.url)),
};

const DEFAULT_MAX_PER_SECOND = 500;

export interface RedriveOptions {
  /** Queue of the same account; the queue that each message came from when absent. */
  readonly target?: string;
  /** 1 to 1,000; 500 when absent. */
  readonly maxPerSecond?: number;
}

/** A redrive as its owner sees it. Times in milliseconds since the epoch. */
export interface Redrive {
  readonly state: 'running' | 'completed' | 'cancelled';
  readonly target: string | null;
  readonly maxPerSecond: number;
  readonly startTime: number;
  readonly endTime: number | null;
  /** Messages that could be received when it started. */
  readonly totalMessages: number;
  readonly movedMessages: number;
  /** Messages that could not be moved and stay where they are. */
  readonly skippedMessages: number;
  /** Why the last of these could not. */
  readonly problem: string | null;
}

/** Messages that are leased to be moved. */
export interface RedrivePortion {
  readonly queueId: string;
  /** Milliseconds since the epoch; tells the portion from others. */
  readonly leaseEnd: number;
  readonly account: string;
  readonly queue: string;
  readonly target: string | null;
  readonly messages: readonly LeasedForMove[];
}

export interface LeasedForMove {
  readonly member: Buffer;
  readonly delivery: number;
  readonly packed: Buffer;
}

/**
 * Redrives: orders, kept in Redis, to move what a dead-letter queue holds back to where it came from. Starting one only writes the order;
 * upkeep carries it out (`RedriveMover`).
 */
export class RedriveStore {
  constructor(private readonly queues: QueueStore) {}

  /**
   * @returns false when a redrive of this queue is under way already
   * @throws QueueNotExist, also for the target · InvalidArgument · InvalidQueueName · QueueNameLengthError
   */
  async start(account: string, name: string, { target, maxPerSecond = DEFAULT_MAX_PER_SECOND }: RedriveOptions): Promise<boolean> {
    const [low, high] = LIMITS.redrivePerSecond;
    if (!isWholeWithin(maxPerSecond, low, high)) throw InvalidArgument.outOfRange('maxPerSecond', low, high, 'messages');
    if (target !== undefined) {
      checkQueueName(target);
      if (target === name) throw new InvalidArgument('target', 'The target of a redrive is another queue.');
      await this.queues.getQueue(account, target);
    }
    return this.queues.withQueue(account, name, async (queue) => {
      const args = [queue.id, queue.version, target ?? '', maxPerSecond];
      const [code] = (await this.queues.run(SCRIPTS.start, queue.partition, args)) as [number];
      return code === ReplyCode.STALE ? STALE : code === ReplyCode.OK;
    });
  }

  /** @returns the redrive under way, or the last one for a day after its end. @throws QueueNotExist */
  get(account: string, name: string): Promise<Redrive | undefined> {
    return this.#read(account, name, 0);
  }

  /** Ends a redrive; a portion that is on its way still arrives. @throws QueueNotExist */
  cancel(account: string, name: string): Promise<Redrive | undefined> {
    return this.#read(account, name, 1);
  }

  /**
   * The next portion of some redrive of the partition, leased for `lease` milliseconds.
   * @returns `again` when there may be more at once, `nothing` when none is due
   */
  async take(partition: number, most: number, lease: number): Promise<RedrivePortion | 'again' | 'nothing'> {
    const reply = (await this.queues.run(SCRIPTS.take, partition, [most, lease])) as TakeReply;
    const [code, id, leaseEnd, field, target, ...rows] = reply;
    if (code !== ReplyCode.OK) return code === ReplyCode.AGAIN ? 'again' : 'nothing';
    const [account = '', queue = ''] = field!.toString().split('/');
    return {
      queueId: id!.toString(),
      leaseEnd: Number(leaseEnd),
      account,
      queue,
      target: target!.length === 0 ? null : target!.toString(),
      messages: rows.map(([member, delivery, packed]) => ({ member, delivery, packed })),
    };
  }

  /** Removes what was moved and gives back the rest. */
  async settle(partition: number, portion: RedrivePortion, problems: ReadonlyMap<LeasedForMove, string>): Promise<void> {
    const messages = portion.messages.flatMap((message) => [message.member, message.delivery, problems.has(message) ? 0 : 1]);
    const problem = [...problems.values()].at(-1) ?? '';
    await this.queues.run(SCRIPTS.settle, partition, [portion.queueId, portion.leaseEnd, problem, ...messages]);
  }

  #read(account: string, name: string, cancel: 0 | 1): Promise<Redrive | undefined> {
    return this.queues.withQueue(account, name, async (queue) => {
      const args = [queue.id, queue.version, cancel];
      const [code, ...fields] = (await this.queues.run(SCRIPTS.read, queue.partition, args)) as [number, ...Buffer[]];
      if (code === ReplyCode.STALE) return STALE;
      return code === ReplyCode.OK ? readRedrive(fields.map(String)) : undefined;
    });
  }
}

type TakeReply = [
  code: number,
  id?: Buffer,
  leaseEnd?: Buffer,
  field?: Buffer,
  target?: Buffer,
  ...rows: [member: Buffer, delivery: number, packed: Buffer][],
];

function readRedrive(fields: readonly string[]): Redrive {
  const [state, target, rate, start, end, total, moved, skipped, problem] = fields;
  return {
    state: state as Redrive['state'],
    target: target || null,
    maxPerSecond: Number(rate),
    startTime: Number(start),
    endTime: Number(end) || null,
    totalMessages: Number(total),
    movedMessages: Number(moved),
    skippedMessages: Number(skipped),
    problem: problem || null,
  };
}
