import { startBenchHub, type BenchHub } from './bench-hub.js';
import { interleaved, perSecond, ratio, throughput, type Pace, type Result, type Row } from './measure.js';
import { batchCycleOn, BODY, cycleOn } from './mns-load.js';
import { startGoAws, type GoAws } from './peers/goaws.js';
import { startNats, type Nats } from './peers/nats.js';
import { orNote } from './peers/peer-process.js';

const CONNECTIONS = 64;
const BATCH = 10;

export const title =
  'peers: send + receive + delete, 1 KB bodies, 64 connections; ours signed and with fsync on every write; medians of interleaved rounds';

export async function run(pace: Pace): Promise<Result> {
  const notes: string[] = [];
  const hub = await startBenchHub();
  const goAws = await orNote(notes, 'GoAWS', startGoAws(BODY));
  const nats = await orNote(notes, 'NATS', startNats(BODY));
  try {
    await hub.call('PUT', '/queues/cycles');
    await goAws?.createQueue('cycles');
    return { rows: await compare(hub, goAws, nats, pace), notes };
  } finally {
    await Promise.all([goAws?.stop(), nats?.stop(), hub.close()]);
  }
}

async function compare(hub: BenchHub, goAws: GoAws | undefined, nats: Nats | undefined, { rounds, seconds }: Pace): Promise<Row[]> {
  const lanes = await hub.connect(CONNECTIONS);
  const goAwsLanes = (await goAws?.connect(CONNECTIONS)) ?? [];
  const natsLanes = (await nats?.connect(CONNECTIONS)) ?? [];
  const absent = async (): Promise<number> => Number.NaN;
  const rates = await interleaved(rounds, {
    cycle: () => throughput(lanes, seconds, cycleOn(hub, 'cycles')),
    goAws: goAws === undefined ? absent : () => throughput(goAwsLanes, seconds, goAws.cycleOn('cycles')),
    nats: nats === undefined ? absent : () => throughput(natsLanes, seconds, nats.cycle),
    batch: () => throughput(lanes, seconds, batchCycleOn(hub, 'cycles', BATCH)),
    goAwsBatch: goAws === undefined ? absent : () => throughput(goAwsLanes, seconds, goAws.batchCycleOn('cycles', BATCH)),
  });
  for (const lane of [...lanes, ...goAwsLanes, ...natsLanes.map(({ socket }) => socket)]) lane.close();
  return [
    { what: 'cycle of one message', value: perSecond(rates.cycle), ratio: '1' },
    ...comparison(goAws, `cycle / that of ${goAws?.name} (in memory, no authentication)`, rates.cycle, rates.goAws, '≥ 0.5'),
    ...comparison(nats, `cycle / that of ${nats?.name} (work queue in files, sync_interval always)`, rates.cycle, rates.nats, '≥ 1.5'),
    { what: `cycle of ${BATCH} messages`, value: perSecond(rates.batch), ratio: '1' },
    ...comparison(goAws, `batch-${BATCH} cycle / that of ${goAws?.name}`, rates.batch, rates.goAwsBatch, '≥ 0.55'),
  ];
}

/** The value is the peer's, the ratio is ours to it. */
function comparison(peer: object | undefined, what: string, ours: number, theirs: number, goal: string): Row[] {
  return peer === undefined ? [] : [{ what, value: perSecond(theirs), ratio: ratio(ours, theirs), goal }];
}
