import { startBenchHub } from './bench-hub.js';
import { interleaved, perSecond, ratio, throughput, type Pace, type Result } from './measure.js';
import { createQueues, cycleOnAny } from './mns-load.js';

const CONNECTIONS = 64;
const QUEUES = 10_000;

export const title = `spread: send + receive + delete on one of ${QUEUES} queues at random, 64 connections; medians of interleaved rounds`;

export async function run({ rounds, seconds }: Pace): Promise<Result> {
  const hub = await startBenchHub();
  try {
    const queues = await createQueues(hub, 'spread', QUEUES);
    const lanes = await hub.connect(CONNECTIONS);
    const { one, all } = await interleaved(rounds, {
      one: () => throughput(lanes, seconds, cycleOnAny(hub, queues.slice(0, 1))),
      all: () => throughput(lanes, seconds, cycleOnAny(hub, queues)),
    });
    for (const lane of lanes) lane.close();
    return {
      rows: [
        { what: 'cycle on one queue', value: perSecond(one), ratio: '1' },
        { what: `cycle spread over ${QUEUES} queues / over one`, value: perSecond(all), ratio: ratio(all, one), goal: '≥ 0.9' },
      ],
    };
  } finally {
    await hub.close();
  }
}
