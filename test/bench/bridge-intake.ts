import { minioBody } from '#event-rule/minio-body.fixture.js';
import { eventually } from '../support/eventually.js';
import { ACCOUNT, TOKEN } from '../../apps/bridge/running-bridge.fixture.js';
import { startBenchBridge } from './bench-bridge.js';
import { CpuUse } from './cpu-use.js';
import { startEventSink } from './event-sink-process.js';
import { interleaved, median, perSecond, ratio, throughput, type Pace, type Result } from './measure.js';
import { RawConnection } from './raw-connection.js';

/** Each sends one body at a time, as a node of MinIO does. */
const CONNECTIONS = 64;

/**
 * The durable way, with a rule that wants every event: bodies a second that are stored before they are answered. The bridge puts hand-over
 * off while a burst lasts, so what it does later is timed, too: the second figure goes on until the last event is in its queue.
 */
export async function measureIntake(pace: Pace): Promise<Result> {
  const bench = await startBenchBridge();
  const sink = await startEventSink();
  try {
    await bench.engine.queues.createQueue(ACCOUNT, 'events', {});
    await bench.engine.putRule('all');
    const bridge = await bench.startBridge();
    const cpu = new CpuUse({ 'load generator': process.pid, bridge: bridge.pid, Redis: bench.redisPid });
    const connect = (port: number) => Promise.all(Array.from({ length: CONNECTIONS }, () => RawConnection.open('127.0.0.1', port)));
    const [toBridge, toSink] = [await connect(bridge.port), await connect(sink.port)];
    const wholes: number[] = [];
    const rates = await interleaved(pace.rounds, {
      bridge: async () => {
        const started = performance.now();
        const rate = await cpu.during(() => throughput(toBridge, pace.seconds, post));
        await eventually('the journal is empty', async () => (await bench.journalLength()) === 0, { within: 60_000, every: 50 });
        wholes.push((rate * pace.seconds) / ((performance.now() - started) / 1_000));
        return rate;
      },
      sink: () => throughput(toSink, pace.seconds, post),
    });
    for (const connection of [...toBridge, ...toSink]) connection.close();
    return {
      rows: [
        { what: `events taken in by the durable way in ${pace.seconds} s, ${CONNECTIONS} connections`, value: perSecond(rates.bridge), ratio: ratio(rates.bridge, rates.sink), goal: '≥ 0.8' },
        { what: '  the same, until they are handed over', value: perSecond(median(wholes.slice(1))) },
        { what: '  a bare HTTP sink that syncs each body', value: perSecond(rates.sink) },
      ],
      notes: [`cores while events were taken in: ${cpu.toString()}`],
    };
  } finally {
    await sink.stop();
    await bench.close();
  }
}

let posted = 0;

async function post(connection: RawConnection): Promise<void> {
  posted += 1;
  const body = minioBody({ key: `folder ${posted % 100}/object ${posted}.jpg` });
  const head = `POST /intake/s3/store HTTP/1.1\r\nHost: bridge\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const { status } = await connection.request(head + body);
  if (status !== 200) throw new Error(`answered ${status}`);
}
