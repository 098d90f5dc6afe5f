import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CpuUse } from './cpu-use.js';
import { startFanOutHub, type FanOutHub } from './fan-out-hub.js';
import { arrivalRate, arrivalTimes, COPIES, millis, p99, type Fan } from './fan-out-load.js';
import { interleaved, perSecond, ratio, type Pace, type Result, type Row } from './measure.js';
import { startAlertmanager, type Alertmanager } from './peers/alertmanager.js';
import { startGoAwsTopic, type GoAwsTopic } from './peers/goaws-topic.js';
import { orNote } from './peers/peer-process.js';
import { PushSink } from './push-sink.js';
import { rsaSigningRate } from './rsa-signing.js';
import { signedRequest } from './signed-request.js';

const CONNECTIONS = 32;
/** Publishes a second of a quiet topic. */
const QUIET_RATE = 50;
const QUEUE_ROUNDS = 200;
const QUEUE_WARM_UP = 20;
/** Milliseconds. */
const QUEUE_PAUSE = 25;

export const title =
  `fan-out: one topic to ${COPIES} HTTP endpoints, 1 KB bodies as XML, the whole hub with fsync on every write, attempts logged, endpoints on the same machine; medians of interleaved rounds`;

interface Contenders {
  readonly hub: FanOutHub;
  readonly goAws: GoAwsTopic | undefined;
  readonly alertmanager: Alertmanager | undefined;
  readonly sink: PushSink;
}

export async function run(pace: Pace): Promise<Result> {
  const notes: string[] = [];
  const sink = await PushSink.open();
  const hub = await startFanOutHub();
  const endpoints = Array.from({ length: COPIES }, (_, n) => `${sink.url}/endpoint-${n}`);
  const goAws = await orNote(notes, 'GoAWS', startGoAwsTopic(endpoints));
  const alertmanager = await orNote(notes, 'Alertmanager', startAlertmanager(endpoints));
  try {
    await furnish(hub, 'rsa', endpoints, {});
    await furnish(hub, 'hmac', endpoints, { signature: 'hmac', signingSecrets: [`whsec_${randomBytes(32).toString('base64')}`] });
    return await compare({ hub, goAws, alertmanager, sink }, pace, notes);
  } finally {
    await Promise.all([goAws?.stop(), alertmanager?.stop(), hub.close()]);
    await sink.close();
  }
}

async function furnish(hub: FanOutHub, topic: string, endpoints: readonly string[], options: object): Promise<void> {
  await hub.call('PUT', `/topics/${topic}`);
  for (const [n, endpoint] of endpoints.entries()) {
    await hub.subscribe(topic, `endpoint-${n}`, endpoint);
    await hub.setOptions(topic, `endpoint-${n}`, options);
  }
}

async function compare(contenders: Contenders, { rounds, seconds }: Pace, notes: string[]): Promise<Result> {
  const { hub, goAws, alertmanager, sink } = contenders;
  const lanes = await hub.connect(CONNECTIONS);
  const [rsa, hmac] = ['rsa', 'hmac'].map((topic): Fan => ({ lanes, publish: hub.publishTo(topic), sink }));
  const theirs = async (peer: GoAwsTopic | Alertmanager | undefined): Promise<Fan | undefined> =>
    peer === undefined ? undefined : { lanes: await peer.connect(CONNECTIONS), publish: peer.publish, sink };
  const [goAwsFan, alertFan] = [await theirs(goAws), await theirs(alertmanager)];
  const [hmacCpu, rsaCpu] = [new CpuUse(hub.pids), new CpuUse(hub.pids)];
  const rateOf = (fan: Fan | undefined) => (): Promise<number> => (fan === undefined ? Promise.resolve(Number.NaN) : arrivalRate(fan, seconds));
  const rates = await interleaved(rounds, {
    hmac: () => hmacCpu.during(rateOf(hmac)),
    goAws: rateOf(goAwsFan),
    alertmanager: rateOf(alertFan),
    rsa: () => rsaCpu.during(rateOf(rsa)),
    signing: () => rsaSigningRate(seconds),
  });
  notes.push(`cores used, HMAC: ${hmacCpu.toString()}; RSA: ${rsaCpu.toString()}`);
  const rows: Row[] = [
    { what: 'deliveries, HMAC signatures', value: perSecond(rates.hmac), ratio: '1' },
    ...peerRow(goAws, rates.hmac, rates.goAws, '≥ 5'),
    ...peerRow(alertmanager, rates.hmac, rates.alertmanager, '≥ 1.2'),
    { what: 'deliveries, RSA-2048 signatures', value: perSecond(rates.rsa), ratio: '1' },
    { what: 'these / RSA-2048 signatures that both cores make, doing nothing else', value: perSecond(rates.signing), ratio: ratio(rates.rsa, rates.signing), goal: '≥ 0.6' },
    ...(await latencies(hmac!, alertFan, rates.hmac, { rounds, seconds })),
    { what: 'publish → receive from a subscribed queue, idle hub, p99', value: millis(await queueTime(hub)), goal: '≤ 15 ms' },
  ];
  for (const lane of [...lanes, ...(goAwsFan?.lanes ?? []), ...(alertFan?.lanes ?? [])]) lane.close();
  return { rows, notes };
}

/** The value is the peer's, the ratio is ours to it. */
function peerRow(peer: { readonly name: string } | undefined, ours: number, theirs: number, goal: string): Row[] {
  return peer === undefined ? [] : [{ what: `these / ${peer.name}`, value: perSecond(theirs), ratio: ratio(ours, theirs), goal }];
}

async function latencies(ours: Fan, alertFan: Fan | undefined, rate: number, { rounds, seconds }: Pace): Promise<Row[]> {
  const p99Of = async (fan: Fan | undefined, publishes: number): Promise<number> => (fan === undefined ? Number.NaN : p99(await arrivalTimes(fan, publishes, seconds)));
  const times = await interleaved(rounds, {
    half: () => p99Of(ours, rate / 2 / COPIES),
    quiet: () => p99Of(ours, QUIET_RATE),
    alertmanager: () => p99Of(alertFan, QUIET_RATE),
  });
  return [
    { what: 'publish → arrival at half of the HMAC rate, p99', value: millis(times.half), goal: '≤ 50 ms' },
    { what: `publish → arrival at ${QUIET_RATE} publishes/s, p99`, value: millis(times.quiet), goal: '≤ 10 ms' },
    ...(alertFan === undefined ? [] : [{ what: 'the same with Alertmanager', value: millis(times.alertmanager) }]),
  ];
}

/** Milliseconds (p99) from a publish to the answer of a long poll on the queue that has subscribed, one message at a time. */
async function queueTime(hub: FanOutHub): Promise<number> {
  await hub.call('PUT', '/queues/subscribed');
  await hub.call('PUT', '/topics/to-queue');
  await hub.subscribe('to-queue', 'queue', `acs:mns:cn-hangzhou:${hub.hub.credentials.accountId}:queues/subscribed`);
  const [publisher, consumer] = await hub.connect(2);
  const publish = hub.publishTo('to-queue');
  const times: number[] = [];
  for (let round = -QUEUE_WARM_UP; round < QUEUE_ROUNDS; round++) {
    const polled = consumer!.request(signedRequest(hub.hub.credentials, 'GET', '/queues/subscribed/messages?waitseconds=10'));
    // The poll waits and the drain of the message before has ended: nothing is awake.
    await sleep(QUEUE_PAUSE);
    const start = performance.now();
    await publish(publisher!, 'once');
    const { status, body } = await polled;
    if (round >= 0) times.push(performance.now() - start);
    const handle = /<ReceiptHandle>([^<]+)</.exec(body)?.[1];
    if (status !== 200 || handle === undefined) throw new Error(`ReceiveMessage answered ${status}: ${body}`);
    await hub.call('DELETE', `/queues/subscribed/messages?ReceiptHandle=${handle}`);
  }
  publisher!.close();
  consumer!.close();
  return p99(times);
}
