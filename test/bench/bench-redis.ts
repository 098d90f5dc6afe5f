import { rmSync } from 'node:fs';
import type { RedisClient } from '#redis/redis-client.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';

/** A rewrite of the append-only file would fall into one round and not into another, so there is none. */
const ARGS = ['--auto-aof-rewrite-percentage', '0'];

/** A Redis that fsyncs every write. It ends with this process and leaves nothing, also when a benchmark is interrupted. */
export async function startBenchRedis(): Promise<RedisServer> {
  const server = await startRedis({ appendOnly: true, args: ARGS });
  const end = (): void => {
    process.kill(server.pid, 'SIGKILL');
    rmSync(server.dir, { recursive: true, force: true });
  };
  process.once('exit', end);
  return {
    ...server,
    stop: () => {
      process.off('exit', end);
      return server.stop();
    },
  };
}

/** Commands since its start, those inside scripts and this one included. */
export async function commandsProcessed(redis: RedisClient): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(String(await redis.call('INFO', 'stats')))![1]);
}
