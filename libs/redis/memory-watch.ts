import type { HighWater } from '#runtime/high-water.js';
import type { Logger } from '#runtime/log.js';
import { setAdmission, type Admission } from './admission.js';
import { LuaScript } from './lua-script.js';
import type { RedisClient } from './redis-client.js';
import { RedisFull, RedisUnavailable, toStorageError } from './redis-unavailable.js';

/**
 * What is left above it must take what is not refused: leases, attempt logs and the jobs of drains, which BullMQ cannot add once Redis
 * itself refuses writes, and what is sent until the next reading. At the smallest limit of the embedded Redis (64 MB) that is 10 MB.
 */
export const DEFAULT_HIGH_WATER: HighWater = { percent: 85 };

/** Memory must fall to this share of the mark before new messages are taken again, so that they are not by turns. */
const LOW_WATER = 0.95;
/** Milliseconds between two readings of a node; at rest there are none. The less room is left, the shorter. */
const INTERVAL = { shortest: 50, longest: 1_000 };
/** Bytes a millisecond: faster than a node is filled by one process. */
const FASTEST_GROWTH = 50_000;

const READ = new LuaScript(new URL('./commands/readMemory-1.lua', import.meta.url));

/** Memory of one node; bytes. */
export interface NodeMemory {
  /** `redis`, or in a cluster the hash tag of a partition that the node holds. */
  readonly node: string;
  readonly used: number;
  /** 0: there is none. */
  readonly limit: number;
  /** 0: there is none. */
  readonly mark: number;
  readonly refusing: boolean;
}

export interface MemoryWatchOptions {
  readonly logger: Logger;
  /** `DEFAULT_HIGH_WATER` when absent. */
  readonly highWater?: HighWater | undefined;
  /** Called when refusing begins or ends. */
  readonly onTurn?: () => void;
}

/**
 * Refuses what would be stored once the memory of Redis is above its high-water mark, so that it never becomes so full that nothing
 * works any more. Scripts that receive, delete or purge are not asked for: they bring it down again.
 *
 * Memory is read while something is being stored, once a second or more often near the mark; while a node is above the mark, a timer looks when it is
 * below again. A process at rest reads nothing. In a cluster each partition is judged by its own node.
 */
export class MemoryWatch implements Admission {
  readonly #nodes = new Map<string, Node>();
  readonly #only: Node | undefined;
  #lastFailure = '';
  #stopped = false;
  /** Script calls that were refused since the start, those of Redis itself included. */
  refused = 0;

  /** @param prefix of the deployment's keys */
  constructor(
    private readonly client: RedisClient,
    private readonly prefix: string,
    private readonly options: MemoryWatchOptions,
  ) {
    this.#only = client.isCluster ? undefined : this.#add('redis', `${prefix}:meta`);
    setAdmission(client, this);
  }

  /** Reads once, and warns of settings of Redis with which it cannot protect what is stored. */
  async start(): Promise<void> {
    const node = this.#only ?? this.#nodeOf(`${this.prefix}:{p:0}`);
    await this.#read(node);
    const { logger, highWater = DEFAULT_HIGH_WATER } = this.options;
    const { limit, policy } = node;
    if (policy === '') return;
    if (limit === 0 && 'percent' in highWater) {
      logger.warn('Redis has no memory limit, so nothing is refused before the machine runs out of memory: set maxmemory, or MAGPIE_REDIS_HIGH_WATER in bytes');
    }
    if (limit > 0 && policy !== 'noeviction') {
      logger.warn({ policy }, 'Redis may drop what was stored when its memory is full: set maxmemory-policy noeviction');
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const node of this.#nodes.values()) clearInterval(node.timer);
  }

  admit(key: string): void {
    const node = this.#only ?? this.#nodeOf(key);
    if (performance.now() >= node.nextReading) void this.#read(node);
    if (!node.refusing) return;
    this.refused += 1;
    throw new RedisFull(describe(node));
  }

  refusedByRedis(key: string): void {
    const node = this.#only ?? this.#nodeOf(key);
    this.refused += 1;
    this.#turn(node, true);
  }

  /** Nodes as they were last read; those not needed so far are missing. */
  get nodes(): NodeMemory[] {
    return [...this.#nodes.values()].map(({ name, used, limit, mark, refusing }) => ({
      node: name,
      used,
      limit,
      mark: mark === Infinity ? 0 : mark,
      refusing,
    }));
  }

  /** Why new messages are refused; undefined when they are not. */
  get refusing(): string | undefined {
    const node = [...this.#nodes.values()].find(({ refusing }) => refusing);
    return node && describe(node);
  }

  /** Reads again what is older than the shortest interval; for metrics. */
  async refresh(): Promise<void> {
    const old = [...this.#nodes.values()].filter(({ readAt }) => performance.now() - readAt > INTERVAL.shortest);
    await Promise.all(old.map((node) => this.#read(node)));
  }

  #nodeOf(key: string): Node {
    const tag = key.slice(key.indexOf('{') + 1, key.indexOf('}'));
    return this.#nodes.get(tag) ?? this.#add(tag, key);
  }

  #add(name: string, key: string): Node {
    const node: Node = { name, key, used: 0, limit: 0, mark: Infinity, policy: '', refusing: false, reading: undefined, readAt: -Infinity, nextReading: 0, timer: undefined };
    this.#nodes.set(name, node);
    return node;
  }

  /** Those who ask at the same time share one reading. */
  #read(node: Node): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    node.reading ??= this.#readNow(node).finally(() => (node.reading = undefined));
    return node.reading;
  }

  async #readNow(node: Node): Promise<void> {
    node.nextReading = Infinity;
    try {
      const [used, limit, policy] = (await READ.run(this.client, [node.key], [])) as [Buffer, Buffer, Buffer];
      node.used = Number(used);
      node.limit = Number(limit);
      node.policy = policy.toString();
      node.mark = markOf(this.options.highWater ?? DEFAULT_HIGH_WATER, node.limit);
      this.#judge(node);
    } catch (error) {
      this.#failed(error);
    } finally {
      node.readAt = performance.now();
      node.nextReading = node.readAt + intervalUntil(node.mark - node.used);
    }
  }

  #judge(node: Node): void {
    if (node.used >= node.mark) this.#turn(node, true);
    else if (node.used <= node.mark * LOW_WATER) this.#turn(node, false);
  }

  #turn(node: Node, refusing: boolean): void {
    if (node.refusing === refusing || this.#stopped) return;
    node.refusing = refusing;
    this.options.onTurn?.();
    const { name, used, mark, limit } = node;
    const facts = { node: name, used, ...(mark !== Infinity && { mark }), limit };
    if (refusing) {
      this.options.logger.warn(facts, 'memory of Redis is above the high-water mark: new messages are refused');
      node.timer = setInterval(() => void this.#read(node), INTERVAL.longest).unref();
    } else {
      this.options.logger.info(facts, 'memory of Redis is below the high-water mark again: new messages are taken');
      clearInterval(node.timer);
    }
  }

  /** A Redis that is away is everybody's trouble; one that does not let itself be asked is ours alone. */
  #failed(error: unknown): void {
    if (this.#stopped || toStorageError(error) instanceof RedisUnavailable) return;
    const reason = String(error);
    if (reason !== this.#lastFailure) this.options.logger.warn({ reason }, 'memory of Redis cannot be read: nothing is refused before it is full');
    this.#lastFailure = reason;
  }
}

interface Node {
  readonly name: string;
  /** Leads to the node. */
  readonly key: string;
  used: number;
  limit: number;
  /** Infinity: there is none. */
  mark: number;
  /** Empty before the first reading. */
  policy: string;
  refusing: boolean;
  reading: Promise<void> | undefined;
  /** Of `performance.now()`. */
  readAt: number;
  nextReading: number;
  timer: NodeJS.Timeout | undefined;
}

function intervalUntil(room: number): number {
  return Math.min(INTERVAL.longest, Math.max(INTERVAL.shortest, room / FASTEST_GROWTH));
}

function markOf(highWater: HighWater, limit: number): number {
  if ('bytes' in highWater) return limit === 0 ? highWater.bytes : Math.min(highWater.bytes, limit);
  return limit === 0 ? Infinity : (limit * highWater.percent) / 100;
}

function describe({ used, mark, limit }: Node): string {
  if (used < mark && limit > 0) return `Redis uses ${megabytes(used)} of ${megabytes(limit)} MB; new messages are taken below ${megabytes(mark * LOW_WATER)} MB`;
  const of = limit > 0 ? ` of ${megabytes(limit)}` : '';
  return `Redis uses ${megabytes(used)}${of} MB, more than its high-water mark of ${megabytes(mark)} MB`;
}

function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}
