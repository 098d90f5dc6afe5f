import type { Deployment } from '#redis/deployment.js';

/** Every process of a deployment uses the same number. One more costs one Redis command per heartbeat and process. */
export const JOURNAL_PARTITIONS = 2;

/** Partitions of the journal are spread over those of the deployment, hence over the nodes of a cluster. */
export function journalKey(deployment: Deployment, partition: number): string {
  return `${deployment.base(deployment.partitionOf('journal', String(partition)))}:journal:${partition}`;
}
