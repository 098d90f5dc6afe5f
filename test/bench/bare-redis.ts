import { redisCommand, type RedisConnection } from './redis-connection.js';

/**
 * What a queue in Redis cannot do without, as three scripts: nothing is checked, nothing expires, nothing is counted, nobody waits.
 * Scripts have an `EVALSHA` each, as ours have.
 */
const SCRIPTS = {
  send: `redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
    return redis.call('ZADD', KEYS[2], ARGV[1], ARGV[1])`,
  receive: `local id = redis.call('ZPOPMIN', KEYS[2])[1]
    if not id then return false end
    redis.call('ZADD', KEYS[3], ARGV[1], id)
    return { id, redis.call('HGET', KEYS[1], id) }`,
  delete: `redis.call('ZREM', KEYS[3], ARGV[1])
    return redis.call('HDEL', KEYS[1], ARGV[1])`,
};

const KEYS = ['bare:{q}:bodies', 'bare:{q}:ready', 'bare:{q}:leased'];

/** The queue that a bare Redis would be: what the hub's cycle is measured against. */
export class BareQueue {
  #sent = 0;

  private constructor(
    private readonly body: string,
    private readonly scripts: Record<keyof typeof SCRIPTS, string>,
  ) {}

  /** Loads the scripts. */
  static async open(connection: RedisConnection, body: string): Promise<BareQueue> {
    const load = async (script: string): Promise<string> => String(await connection.request(redisCommand('SCRIPT', 'LOAD', script)));
    const [send, receive, del] = [await load(SCRIPTS.send), await load(SCRIPTS.receive), await load(SCRIPTS.delete)];
    return new BareQueue(body, { send, receive, delete: del });
  }

  /** Send, receive and delete, each a round trip of its own. */
  async cycle(lane: RedisConnection): Promise<void> {
    const stored = await this.#call(lane, 'send', String(++this.#sent), this.body);
    const received = await this.#call(lane, 'receive', String(Date.now() + 30_000));
    if (stored !== 1 || !Array.isArray(received) || received[1] !== this.body) throw new Error('bare Redis did not hand out what was stored');
    const deleted = await this.#call(lane, 'delete', String(received[0]));
    if (deleted !== 1) throw new Error('bare Redis did not delete');
  }

  #call(lane: RedisConnection, script: keyof typeof SCRIPTS, ...args: string[]) {
    return lane.request(redisCommand('EVALSHA', this.scripts[script], String(KEYS.length), ...KEYS, ...args));
  }
}
