import { ownEntries } from '#event-source/bucket-notification.js';
import type { EventSource } from '#event-source/event-source.js';
import { Provisioning } from '#event-source/provisioning.js';
import { StoreClient } from '#event-source/store-client.js';
import type { RulesWatchParts } from './rules-watch.js';

/**
 * The entries of a source in the notification rules of its buckets. The entry of the durable target is looked for, or of the fast one where there is no other: a fast entry
 * that is missing beside a durable one loses nothing, and the store may not know its target.
 *
 * @param events names with `s3:` that are asked for when rules are put
 */
export function bucketRules(source: EventSource, events: () => Promise<readonly string[]>): Pick<RulesWatchParts, 'hasRules' | 'putRules'> {
  const target = source.ways.includes('durable') ? source.durableTarget : source.fastTarget;
  let opened: Promise<StoreClient> | undefined;
  const client = (): Promise<StoreClient> => (opened ??= StoreClient.open(source));
  return {
    hasRules: async (bucket) => {
      const request = { method: 'GET', bucket, query: 'notification', action: `s3:GetBucketNotification for ${bucket}` } as const;
      const { text } = await (await client()).request(request);
      // arn:minio:sqs:<region>:<target>:webhook
      return ownEntries(text, source.name).some(({ arn }) => arn.split(':')[4] === target);
    },
    putRules: async (bucket) => {
      const provisioning = new Provisioning({ ...source, buckets: [bucket] }, await client(), { events: await events(), createBuckets: false });
      const { buckets } = await provisioning.run();
      if (buckets[0]?.targets.includes(target) !== true) throw new Error(`the store has no webhook target ${target}: see the environment of its server`);
    },
  };
}
