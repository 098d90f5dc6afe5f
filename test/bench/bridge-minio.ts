import { setTimeout as sleep } from 'node:timers/promises';
import { ACCOUNT } from '../../apps/bridge/running-bridge.fixture.js';
import { minioProgram } from '../support/minio-server.js';
import { startBenchBridge, type BenchBridge } from './bench-bridge.js';
import { startBenchStore, type BenchStore } from './bench-store.js';
import { startEventSink } from './event-sink-process.js';
import { interleaved, percentile, perSecond, ratio, throughput, type Pace, type Result } from './measure.js';

const UPLOADS_PER_SECOND = 50;
const LANES = 8;
const CONTENT = Buffer.alloc(1_024, 'x');
const BOTH = ['DURABLE', 'FAST'];
/** Milliseconds that the last message of a run may take. */
const LAST_MESSAGE = 15_000;

/** From the answer of an upload to the receipt of its message, and what uploads a second a real MinIO reaches that tells the bridge. */
export async function measureMinio(pace: Pace): Promise<Result> {
  if (minioProgram === undefined) return { rows: [], notes: ['no MinIO: put it on PATH or set MINIO_BIN'] };
  const bench = await startBenchBridge();
  const [bridge, sink] = [await bench.startBridge(), await startEventSink()];
  const [telling, bare] = [await startBenchStore(bridge.port), await startBenchStore(sink.port)];
  try {
    await telling.bucket('quick', BOTH);
    await telling.bucket('slow', ['DURABLE']);
    await telling.bucket('load', BOTH);
    await bare.bucket('load', BOTH);
    for (const name of ['quick', 'slow', 'load']) await collect(bench, name);
    const quick = await latencies(bench, telling, 'quick', pace);
    const slow = await latencies(bench, telling, 'slow', pace);
    const rates = await interleaved(pace.rounds, { bridge: () => uploads(telling, pace), sink: () => uploads(bare, pace) });
    return {
      rows: [
        { what: `object PUT answered → message received, p99, ${UPLOADS_PER_SECOND} PUT/s, with the fast target`, value: `${percentile(quick, 0.99).toFixed(0)} ms`, goal: '≤ 100 ms' },
        { what: '  median', value: `${percentile(quick, 0.5).toFixed(1)} ms` },
        { what: '  the durable target alone, p99', value: `${(percentile(slow, 0.99) / 1_000).toFixed(1)} s`, goal: '≤ 4 s' },
        { what: `PUT/s of MinIO with both targets, ${LANES} at a time`, value: perSecond(rates.bridge), ratio: ratio(rates.bridge, rates.sink), goal: '≥ 0.9' },
        { what: '  with both targets on a bare HTTP sink', value: perSecond(rates.sink) },
      ],
    };
  } finally {
    await Promise.all([telling.server.stop(), bare.server.stop(), sink.stop()]);
    await bench.close();
  }
}

/** A queue that gets a bucket's events. */
async function collect({ engine }: BenchBridge, bucket: string): Promise<void> {
  await engine.queues.createQueue(ACCOUNT, bucket, {});
  await engine.putRule(bucket, { matchRules: [[{ name: bucket }]], endpoint: { endpointType: 'queue', endpointValue: bucket } });
}

/** Milliseconds of each upload, at an even rate whatever single ones take. */
async function latencies({ messages }: BenchBridge, { client }: BenchStore, bucket: string, { rounds, seconds }: Pace): Promise<number[]> {
  const count = Math.max(50, Math.round(rounds * seconds * UPLOADS_PER_SECOND));
  const [answered, received] = [new Map<string, number>(), new Map<string, number>()];
  const receiving = (async () => {
    const idleSince = { at: performance.now() };
    while (received.size < count && performance.now() - idleSince.at < LAST_MESSAGE) {
      const found = await messages.receiveMessages(ACCOUNT, bucket, { count: 16, waitSeconds: 2 });
      const now = performance.now();
      if (found.length === 0) continue;
      idleSince.at = now;
      for (const { body } of found) received.set(keyOf(body), now);
      await messages.deleteMessages(ACCOUNT, bucket, found.map(({ receiptHandle }) => receiptHandle));
    }
  })();
  const started = performance.now();
  const uploading: Promise<void>[] = [];
  for (let n = 0; n < count; n += 1) {
    await sleep(Math.max(0, started + (n * 1_000) / UPLOADS_PER_SECOND - performance.now()));
    uploading.push(client.putObject(bucket, `upload ${n}`, CONTENT).then(() => void answered.set(`upload ${n}`, performance.now())));
  }
  await Promise.all(uploading);
  await receiving;
  if (received.size < count) throw new Error(`${count - received.size} of ${count} messages did not come`);
  // A fast copy may be there before the upload is answered.
  return [...answered].map(([key, at]) => Math.max(0, received.get(key)! - at));
}

function keyOf(body: string): string {
  const document = JSON.parse(Buffer.from(body, 'base64').toString()) as { events: [{ oss: { object: { key: string } } }] };
  return document.events[0].oss.object.key;
}

let uploaded = 0;

function uploads({ client }: BenchStore, { seconds }: Pace): Promise<number> {
  return throughput(Array.from({ length: LANES }), seconds, async () => {
    uploaded += 1;
    await client.putObject('load', `object ${uploaded}`, CONTENT);
  });
}
