import { randomBytes } from 'node:crypto';
import { Queue, type JobsOptions } from 'bullmq';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import type { Logger } from '#runtime/log.js';
import type { TestPushRequest } from './test-push.js';

/** A pending queue, found by its partition and id. */
export interface DrainAddress {
  readonly partition: number;
  readonly id: string;
}

/** The jobs of the drain queue: what their names mean and what they carry. */
export type DrainJob =
  /** Drain the pending queue while `epoch` is its current one. `pause` is how long (ms) the endpoint was left alone before, when it was. */
  | { readonly name: 'drain'; readonly data: DrainAddress & { readonly epoch: number; readonly pause?: number } }
  /** Something becomes due at `due` (milliseconds since the epoch) in a pending queue that no drain is armed for. */
  | { readonly name: 'timer'; readonly data: DrainAddress & { readonly due: number } }
  /** Push once and tell what came of it. */
  | { readonly name: 'test'; readonly data: TestPushRequest }
  /** Look for lost wake-ups, expired messages and the like. */
  | { readonly name: 'duty'; readonly data: Record<string, never> };

export interface DrainQueueOptions {
  readonly url: string;
  /** The deployment's key prefix. */
  readonly prefix: string;
  readonly logger: Logger;
}

export const DRAIN_QUEUE = 'drain';

/** The braces make all keys of the BullMQ queue share one slot of a cluster, which its scripts need. */
export function drainKeyPrefix(prefix: string): string {
  return `{${prefix}:drains}`;
}

/** A job that fails (Redis was away) is tried again until it succeeds; one that is done leaves nothing behind. */
const JOB: JobsOptions = {
  removeOnComplete: true,
  removeOnFail: true,
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'fixed', delay: 1_000 },
  stackTraceLimit: 0,
};
const DUTY: JobsOptions = { removeOnComplete: true, removeOnFail: true, attempts: 1, stackTraceLimit: 0 };

/** Milliseconds that a publisher waits at the most. What is not added by then is found by the sweep. */
const WAKE_LIMIT = 2_000;

/**
 * The adding side of the BullMQ queue that schedules drains; nothing else adds jobs. The backlog is not in it: at most one drain per
 * pending queue that has something due.
 *
 * Every job has an id of its own (`s<id>.<epoch>`, `s<id>.<epoch>+<random>` for one that goes on, `s<id>@<due>` for timers): BullMQ
 * ignores an `add` whose id exists, and the id of a drain that is just ending still exists when the next wake-up comes.
 */
export class DrainQueue {
  readonly #client: RedisClient;
  readonly #options: DrainQueueOptions;
  #queue: Promise<Queue> | undefined;

  constructor(options: DrainQueueOptions) {
    this.#options = options;
    this.#client = connectRedis(options.url, { role: 'commands', logger: options.logger });
  }

  /** Starts a drain for each. Never fails and never takes longer than two seconds: a wake-up that is lost is found by the sweep. */
  async wake(wakeups: readonly (DrainAddress & { readonly epoch: number })[]): Promise<void> {
    if (wakeups.length === 0) return;
    const jobs = wakeups.map(({ partition, id, epoch }) => ({
      name: 'drain',
      data: { partition, id, epoch },
      opts: { ...JOB, jobId: `s${id}.${epoch}` },
    }));
    try {
      await withinLimit(this.#add(jobs));
    } catch (error) {
      const facts = { drains: wakeups.length, reason: reasonOf(error) };
      this.#options.logger.warn(facts, 'drains could not be started; the sweep will find them');
    }
  }

  /**
   * Looks at a pending queue again at `due` (milliseconds since the epoch).
   *
   * @throws Error when Redis is away
   */
  async addTimer({ partition, id }: DrainAddress, due: number): Promise<void> {
    await this.#add([{ name: 'timer', data: { partition, id, due }, opts: { ...JOB, jobId: `s${id}@${due}`, delay: delayUntil(due) } }]);
  }

  /**
   * Goes on with a drain that stays armed and ends only for now: its endpoint is left alone for a while, or its worker stops.
   *
   * @param pause milliseconds that the endpoint is left alone; whoever goes on lets it grow from there
   * @throws Error when Redis is away
   */
  async resume({ partition, id }: DrainAddress, epoch: number, due: number, pause = 0): Promise<void> {
    const data = { partition, id, epoch, ...(pause > 0 && { pause }) };
    const jobId = `s${id}.${epoch}+${randomBytes(6).toString('base64url')}`;
    await this.#add([{ name: 'drain', data, opts: { ...JOB, jobId, delay: delayUntil(due) } }]);
  }

  /** Lets a worker make a push that somebody waits for. Not repeated: whoever asked asks again. @throws Error when Redis is away */
  async addTest(request: TestPushRequest): Promise<void> {
    await this.#add([{ name: 'test', data: request, opts: { ...DUTY, jobId: `t${request.id}` } }]);
  }

  /** Makes the duties run every `every` milliseconds, in one worker at a time. May be called by every worker, again and again. */
  async scheduleDuties(every: number): Promise<void> {
    const queue = await this.#open();
    await queue.upsertJobScheduler('duties', { every }, { name: 'duty', data: {}, opts: DUTY });
  }

  async close(): Promise<void> {
    await this.#queue?.then((queue) => queue.close()).catch(() => undefined);
    this.#client.disconnect();
  }

  async #add(jobs: { name: string; data: object; opts: JobsOptions }[]): Promise<void> {
    const queue = await this.#open();
    const [first, ...others] = jobs;
    if (first !== undefined && others.length === 0) await queue.add(first.name, first.data, first.opts);
    else await queue.addBulk(jobs);
  }

  /** BullMQ waits for ever for a connection that was never up, and a queue whose first command failed stays broken. */
  async #open(): Promise<Queue> {
    if (this.#queue === undefined) {
      const opening = this.#connect();
      this.#queue = opening;
      opening.catch(() => {
        if (this.#queue === opening) this.#queue = undefined;
      });
    }
    return this.#queue;
  }

  async #connect(): Promise<Queue> {
    await connected(this.#client);
    await this.#client.ping();
    const queue = new Queue(DRAIN_QUEUE, {
      connection: this.#client,
      prefix: drainKeyPrefix(this.#options.prefix),
      streams: { events: { maxLen: 0 } },
    });
    // Told by the connection itself; without a listener an 'error' event would end the process.
    queue.on('error', () => undefined);
    try {
      await queue.waitUntilReady();
    } catch (error) {
      await queue.close().catch(() => undefined);
      throw error;
    }
    return queue;
  }
}

/** A connection that is just being made is waited for; one that was lost is not. */
async function connected(client: RedisClient): Promise<void> {
  if (client.status !== 'connecting' && client.status !== 'connect') return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      client.off('ready', done);
      client.off('close', done);
      resolve();
    };
    client.on('ready', done);
    client.on('close', done);
  });
}

function delayUntil(due: number): number {
  return Math.max(0, Math.ceil(due - Date.now()));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function withinLimit(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${WAKE_LIMIT} ms`)), WAKE_LIMIT);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
