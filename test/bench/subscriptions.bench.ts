import { setTimeout as sleep } from 'node:timers/promises';
import { commandsProcessed } from './bench-redis.js';
import { startFanOutHub } from './fan-out-hub.js';
import { allArrived } from './fan-out-load.js';
import type { Result } from './measure.js';
import { PushSink } from './push-sink.js';

const TOPICS = 1_000;
const SUBSCRIPTIONS = 10;
/** Seconds that the hub is left alone: several rounds of its duties. */
const OBSERVED = 36;
/** Seconds after which what follows the last delivery is done. */
const SETTLED = 5;

export const title = `subscriptions: ${TOPICS * SUBSCRIPTIONS} HTTP subscriptions of ${TOPICS} topics, one message to each, then nothing`;

export async function run(): Promise<Result> {
  const sink = await PushSink.open();
  const hub = await startFanOutHub();
  try {
    for (let topic = 0; topic < TOPICS; topic++) {
      await hub.call('PUT', `/topics/t${topic}`);
      for (let n = 0; n < SUBSCRIPTIONS; n++) await hub.subscribe(`t${topic}`, `s${n}`, `${sink.url}/${topic}/${n}`);
    }
    const lanes = await hub.connect(16);
    const start = performance.now();
    await Promise.all(
      lanes.map(async (lane, first) => {
        for (let topic = first; topic < TOPICS; topic += lanes.length) await hub.publishTo(`t${topic}`)(lane, 'once');
        lane.close();
      }),
    );
    await allArrived(sink, TOPICS * SUBSCRIPTIONS);
    const delivered = (performance.now() - start) / 1_000;
    await sleep(SETTLED * 1_000);
    const before = await commandsProcessed(hub.redis);
    await sleep(OBSERVED * 1_000);
    const commands = ((await commandsProcessed(hub.redis)) - before - 1) / OBSERVED;
    return {
      rows: [
        { what: 'one message published to each topic: delivered to all subscriptions after', value: `${delivered.toFixed(1)} s` },
        { what: `Redis commands per second over ${OBSERVED} s afterwards, those inside scripts included`, value: commands.toFixed(1), goal: '< 20' },
      ],
    };
  } finally {
    await hub.close();
    await sink.close();
  }
}
