import { LIMITS } from '#queue/limits.js';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { Deployment } from '#redis/deployment.js';
import type { BenchHub } from './bench-hub.js';
import { BODY } from './mns-load.js';

const [, BATCH] = LIMITS.batch;
/** Batches under way: enough for the engine to gather as many into one script call as it takes. */
const CONCURRENCY = 32;

/**
 * Stores at least `count` messages through the engine, as the API would have: without HTTP, and with a sync a second as long as it
 * lasts, for what is only there to be in the way need not be measured.
 */
export async function fill({ redis, keyPrefix, credentials: { accountId } }: BenchHub, queue: string, count: number, body = BODY): Promise<void> {
  const deployment = await Deployment.open(redis, keyPrefix);
  const messages = new MessageStore(new QueueStore(redis, deployment), new LongPoll(redis, deployment));
  const batch = Array.from({ length: BATCH }, () => ({ body }));
  let left = Math.ceil(count / BATCH);
  await redis.call('CONFIG', 'SET', 'appendfsync', 'everysec');
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (left-- > 0) await messages.sendMessages(accountId, queue, batch);
    }),
  );
  await redis.call('CONFIG', 'SET', 'appendfsync', 'always');
}
