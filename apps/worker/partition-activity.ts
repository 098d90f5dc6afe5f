import type { Deployment } from '#redis/deployment.js';
import type { RedisClient } from '#redis/redis-client.js';

/** What duties may have to do in a partition now. */
export interface PartitionActivity {
  readonly partition: number;
  /** Pending queues are armed or wait for a timer: wake-ups may have been lost. */
  readonly sweep: boolean;
  /** A queue is due for a visit, or a redrive or replay goes on, or a deleted queue left something to free. */
  readonly upkeep: boolean;
}

/**
 * Looks at all partitions with as few commands as can be, and closer at those where something is to be done: in a hub at rest the
 * duties' own scripts would cost ten times that. Key names as in `docs/redis-keys.md`.
 *
 * @param now milliseconds since the epoch
 */
export async function findActivePartitions(client: RedisClient, deployment: Deployment, now: number): Promise<PartitionActivity[]> {
  const bases = Array.from({ length: deployment.partitions }, (_, partition) => deployment.base(partition));
  const [waiting, due] = await Promise.all([
    findWaiting(client, bases),
    Promise.all(bases.map((base) => client.zcount(`${base}:due`, '-inf', now))),
  ]);
  return bases
    .map((_, partition) => ({ partition, sweep: waiting[partition]!, upkeep: waiting[partition]! || due[partition]! > 0 }))
    .filter(({ sweep, upkeep }) => sweep || upkeep);
}

/** Whether each partition has drains, timers, trash, redrives or replays. One command for all at rest; a cluster wants one for each slot. */
async function findWaiting(client: RedisClient, bases: readonly string[]): Promise<boolean[]> {
  const signs = bases.map((base) => [`${base}:armed`, `${base}:timers`, `${base}:trash`, `${base}:redrives`, `${base}:replays`]);
  if (!client.isCluster && (await client.exists(...signs.flat())) === 0) return bases.map(() => false);
  return await Promise.all(signs.map(async (keys) => (await client.exists(...keys)) > 0));
}
