import { DrainQueue } from '#delivery/drain-queue.js';
import { Deployment } from '#redis/deployment.js';
import { silentLogger } from '#runtime/log.js';
import { Publisher } from '#topic/publisher.js';
import { TopicStore } from '#topic/topic-store.js';
import { startFanOutHub, type FanOutHub } from './fan-out-hub.js';
import { usedMemory } from './bench-hub.js';
import { BODY } from './mns-load.js';
import type { Result } from './measure.js';
import { PushSink } from './push-sink.js';

const MESSAGES = 1_000_000;
const AT_A_TIME = 64;
const KEY_PREFIX = 'magpie';
/** Share of the messages for which the shared bodies alone are weighed. */
const WEIGHED = 0.1;

export const title = `dead-endpoint: what Redis keeps for ${MESSAGES} deliveries that wait for one HTTP endpoint which answers 500, beside the body that all subscriptions share`;

/**
 * The same messages go to a topic with one dead endpoint and to one with two: what the second adds to a message is one delivery and
 * nothing else.
 */
export async function run(): Promise<Result> {
  const dead = await PushSink.open('500');
  const hub = await startFanOutHub();
  try {
    const one = await bytesPerMessage(hub, 'one', [dead], MESSAGES * WEIGHED);
    const two = await bytesPerMessage(hub, 'two', [dead, dead], MESSAGES * WEIGHED);
    const all = await bytesPerMessage(hub, 'all', [dead], MESSAGES);
    const shared = one - (two - one);
    return {
      rows: [
        { what: `bytes of a waiting message of ${BODY.length} characters and its only delivery`, value: all.toFixed(0) },
        { what: 'bytes of a delivery beyond the shared body', value: (all - shared).toFixed(0), goal: '≤ 300' },
      ],
      notes: [`with ${MESSAGES * WEIGHED} messages: ${one.toFixed(0)} bytes with one delivery, ${two.toFixed(0)} with two; attempts made meanwhile: ${dead.count}`],
    };
  } finally {
    await hub.close();
    await dead.close();
  }
}

async function bytesPerMessage(hub: FanOutHub, topic: string, sinks: readonly PushSink[], messages: number): Promise<number> {
  await hub.call('PUT', `/topics/${topic}`);
  const strategy = '<NotifyStrategy>EXPONENTIAL_DECAY_RETRY</NotifyStrategy>';
  for (const [n, sink] of sinks.entries()) await hub.subscribe(topic, `dead-${n}`, `${sink.url}/${n}`, strategy);
  const before = await usedMemory(hub.redis);
  await fill(hub, topic, messages);
  return ((await usedMemory(hub.redis)) - before) / messages;
}

/** As the API does it, but in this process: a million signed requests would say nothing more. */
async function fill(hub: FanOutHub, topic: string, messages: number): Promise<void> {
  const deployment = await Deployment.open(hub.redis, KEY_PREFIX);
  const drains = new DrainQueue({ url: hub.redisUrl, prefix: KEY_PREFIX, logger: silentLogger });
  const publisher = new Publisher(new TopicStore(hub.redis, deployment), drains);
  let left = messages;
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      while (left-- > 0) await publisher.publish(hub.hub.credentials.accountId, topic, { body: BODY });
    }),
  );
  await drains.close();
}
