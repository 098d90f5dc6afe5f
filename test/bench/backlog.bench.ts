import { startBenchHub, type BenchHub } from './bench-hub.js';
import { fill } from './filling.js';
import { interleaved, perSecond, ratio, throughput, type Pace, type Result } from './measure.js';
import { BODY, cycleOn } from './mns-load.js';
import { startGoAws, type GoAws } from './peers/goaws.js';
import { orNote } from './peers/peer-process.js';

const CONNECTIONS = 64;
const LARGE = 200_000;
const HUGE = 1_000_000;

export const title = `backlog: send + receive + delete while 0, ${LARGE} or ${HUGE} messages of 1 KB are ready, 64 connections; medians of interleaved rounds`;

export async function run(pace: Pace): Promise<Result> {
  const notes: string[] = [];
  const hub = await startBenchHub();
  const goAws = await orNote(notes, 'GoAWS', startGoAws(BODY));
  try {
    for (const queue of ['empty', 'large', 'huge']) await hub.call('PUT', `/queues/${queue}`);
    const start = performance.now();
    await fill(hub, 'large', LARGE);
    await fill(hub, 'huge', HUGE);
    await goAws?.createQueue('huge');
    await goAws?.fill('huge', HUGE);
    notes.push(`filling took ${Math.round((performance.now() - start) / 1_000)} s; Redis uses ${Math.round((await hub.usedMemory()) / 2 ** 20)} MB`);
    return { ...(await compare(hub, goAws, pace)), notes };
  } finally {
    await Promise.all([goAws?.stop(), hub.close()]);
  }
}

async function compare(hub: BenchHub, goAws: GoAws | undefined, { rounds, seconds }: Pace): Promise<Result> {
  const lanes = await hub.connect(CONNECTIONS);
  const goAwsLanes = (await goAws?.connect(CONNECTIONS)) ?? [];
  const { empty, large, huge, peer } = await interleaved(rounds, {
    empty: () => throughput(lanes, seconds, cycleOn(hub, 'empty')),
    large: () => throughput(lanes, seconds, cycleOn(hub, 'large')),
    huge: () => throughput(lanes, seconds, cycleOn(hub, 'huge')),
    peer: async () => (goAws === undefined ? Number.NaN : throughput(goAwsLanes, seconds, goAws.cycleOn('huge'))),
  });
  for (const lane of [...lanes, ...goAwsLanes]) lane.close();
  const rows = [
    { what: 'cycle, empty queue', value: perSecond(empty), ratio: '1' },
    { what: `with ${LARGE} ready messages / empty`, value: perSecond(large), ratio: ratio(large, empty), goal: '≥ 0.9' },
    { what: `with ${HUGE} ready messages / empty`, value: perSecond(huge), ratio: ratio(huge, empty), goal: '≥ 0.9' },
  ];
  if (goAws !== undefined) rows.push({ what: `with ${HUGE} ready messages / ${goAws.name}'s`, value: perSecond(peer), ratio: ratio(huge, peer), goal: '≥ 50' });
  return { rows };
}
