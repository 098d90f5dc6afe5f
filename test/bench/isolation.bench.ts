import { CpuUse } from './cpu-use.js';
import { startFanOutHub, type FanOutHub } from './fan-out-hub.js';
import { arrivalTimes, millis, p99, type Fan } from './fan-out-load.js';
import { interleaved, ratio, type Pace, type Result } from './measure.js';
import { PushSink, type SinkAnswer } from './push-sink.js';

const CONNECTIONS = 16;
const DEAD = 50;
const WAYS_TO_BE_DEAD: readonly SinkAnswer[] = ['hang', 'reset', '500'];
/** Publishes a second, to both topics alike. */
const RATE = 50;

export const title = `isolation: ${RATE} publishes/s to a topic with one healthy HTTP endpoint, and to one with ${DEAD} dead ones beside it that hang, reset and answer 500`;

export async function run({ rounds, seconds }: Pace): Promise<Result> {
  const healthy = await PushSink.open();
  const dead = await Promise.all(WAYS_TO_BE_DEAD.map((way) => PushSink.open(way)));
  const hub = await startFanOutHub();
  try {
    const [alone, among] = [await topicWith(hub, 'alone', healthy, []), await topicWith(hub, 'among', healthy, dead)];
    const cpu = new CpuUse(hub.pids);
    const times = await interleaved(rounds, {
      alone: async () => p99(await arrivalTimes(alone, RATE, seconds, 1)),
      among: () => cpu.during(async () => p99(await arrivalTimes(among, RATE, seconds, 1))),
    });
    const attempts = dead.reduce((sum, { count }) => sum + count, 0);
    return {
      rows: [
        { what: 'publish → arrival at the healthy endpoint, alone, p99', value: millis(times.alone), ratio: '1' },
        { what: `the same with ${DEAD} dead neighbours`, value: millis(times.among), ratio: ratio(times.among, times.alone), goal: '≤ 1.5' },
      ],
      notes: [`attempts that the dead endpoints saw: ${attempts}; cores used beside them: ${cpu.toString()}`],
    };
  } finally {
    await hub.close();
    await Promise.all([healthy, ...dead].map((sink) => sink.close()));
  }
}

async function topicWith(hub: FanOutHub, topic: string, healthy: PushSink, dead: readonly PushSink[]): Promise<Fan> {
  await hub.call('PUT', `/topics/${topic}`);
  await hub.subscribe(topic, 'healthy', `${healthy.url}/${topic}`);
  for (let n = 0; dead.length > 0 && n < DEAD; n++) await hub.subscribe(topic, `dead-${n}`, `${dead[n % dead.length]!.url}/${n}`);
  return { lanes: await hub.connect(CONNECTIONS), publish: hub.publishTo(topic), sink: healthy };
}
