import type { Deployment } from '#redis/deployment.js';
import type { RedisClient } from '#redis/redis-client.js';

/** What duties may have to do in a partition now. */
export interface PartitionActivity {
  readonly partition: number;
  /** Pending queues are armed or wait for a timer: wake-ups may have been lost. */
  readonly sweep: boolean;
  /** A queue is due for a visit, or a deleted one left something to free. */
  readonly upkeep: boolean;
}

/**
 * Looks at all partitions with one cheap command each, and closer at those that hold anything. The duties' own scripts would cost ten
 * times that, and in a hub at rest there is nothing for them to do. Key names as in `docs/redis-keys.md`.
 *
 * @param now milliseconds since the epoch
 */
export async function findActivePartitions(client: RedisClient, deployment: Deployment, now: number): Promise<PartitionActivity[]> {
  const all = await Promise.all(Array.from({ length: deployment.partitions }, (_, partition) => look(client, deployment, partition, now)));
  return all.filter(({ sweep, upkeep }) => sweep || upkeep);
}

async function look(client: RedisClient, deployment: Deployment, partition: number, now: number): Promise<PartitionActivity> {
  const base = deployment.base(partition);
  const signs = [`${base}:armed`, `${base}:timers`, `${base}:trash`];
  if ((await client.exists(...signs, `${base}:due`)) === 0) return { partition, sweep: false, upkeep: false };
  const [waiting, [head]] = await Promise.all([
    client.exists(...signs),
    client.zrangebyscore(`${base}:due`, '-inf', now, 'LIMIT', 0, 1),
  ]);
  return { partition, sweep: waiting > 0, upkeep: waiting > 0 || head !== undefined };
}
