import { randomBytes } from 'node:crypto';
import { parseEndpoint, type Endpoint } from '#delivery/endpoint.js';
import type { DrainRun, PendingDelivery } from '#topic/pending-delivery.js';
import type { Subscription } from '#topic/subscription.js';
import type { NewTopicMessage } from '#topic/topic.js';
import type { Delivery } from '../../apps/worker/channels/channel.js';

export const ACCOUNT = '1234567890123456';

export function sampleSubscription(changes: Partial<Subscription> = {}): Subscription {
  return {
    topicOwner: ACCOUNT,
    topicName: 't1',
    name: 's1',
    endpoint: 'http://127.0.0.1:1/hook',
    notifyStrategy: 'BACKOFF_RETRY',
    notifyContentFormat: 'SIMPLIFIED',
    createTime: 1_790_000_000_000,
    lastModifyTime: 1_790_000_000_000,
    pendingQueue: { partition: 17, id: randomBytes(8).toString('base64url') },
    ...changes,
  };
}

export function samplePending(message: Partial<NewTopicMessage> = {}, changes: Partial<PendingDelivery> = {}): PendingDelivery {
  const publishTime = Date.now();
  return {
    handle: '16.1',
    messageId: randomBytes(16).toString('hex').toUpperCase(),
    publishTime,
    expireTime: publishTime + 86_400_000,
    message: { body: 'hello', ...message },
    attempts: 0,
    ...changes,
  };
}

/** A message `body` on its way to `endpoint`. */
export function sampleDelivery<To extends Endpoint>(
  endpoint: string,
  message: Partial<NewTopicMessage> = {},
  changes: Partial<Subscription> = {},
): Delivery<To> {
  const subscription = sampleSubscription({ endpoint, ...changes });
  return { endpoint: parseEndpoint(endpoint) as To, subscription, pending: samplePending(message) };
}

/** A run that a job has started, as one that takes over from whoever is in charge. */
export function drainRun(epoch: number): DrainRun & { readonly claim: 'take-over' } {
  return { epoch, name: 'j1', claim: 'take-over' };
}
