import { startBenchHub, type BenchHub } from './bench-hub.js';
import { atRest } from './cpu-use.js';
import { IdlePolls } from './idle-polls.js';
import { interleaved, percentile, perSecond, ratio, throughput, type Pace, type Result, type Row } from './measure.js';
import { createQueues, MESSAGE, sendTo } from './mns-load.js';
import { signedRequest } from './signed-request.js';

const CONNECTIONS = 64;
const POLLS = 5_000;
const QUEUES = 1_000;
const SAMPLES = 500;
const WARM_UP = 500;

export const title = `polls: ${POLLS} idle long polls on ${QUEUES} queues, a connection each, ended and repeated every 30 s`;

export async function run(pace: Pace): Promise<Result> {
  const hub = await startBenchHub();
  try {
    const queues = await createQueues(hub, 'idle', QUEUES);
    await hub.call('PUT', '/queues/sends');
    await hub.call('PUT', '/queues/watched');
    // Memory first: what other loads leave on the heap would take polls in without growing.
    const memory = await memoryEach(hub, queues);
    return { rows: [memory, ...(await sends(hub, queues, pace)), ...(await wakeUps(hub, queues))] };
  } finally {
    await hub.close();
  }
}

async function memoryEach(hub: BenchHub, queues: readonly string[]): Promise<Row> {
  await whilePolling(hub, queues, WARM_UP, () => hub.apiMemory());
  const before = await hub.apiMemory();
  const bytes = (await whilePolling(hub, queues, POLLS, () => hub.apiMemory())) - before;
  return { what: 'memory (RSS) of the API for each poll', value: `${(bytes / POLLS / 1_024).toFixed(1)} KB`, goal: '≤ 20 KB' };
}

async function sends(hub: BenchHub, queues: readonly string[], { rounds, seconds }: Pace): Promise<Row[]> {
  const lanes = await hub.connect(CONNECTIONS);
  const send = (): Promise<number> => throughput(lanes, seconds, sendTo(hub, 'sends'));
  const { without, during } = await interleaved(rounds, { without: send, during: () => whilePolling(hub, queues, POLLS, send) });
  for (const lane of lanes) lane.close();
  return [
    { what: 'SendMessage, 64 connections, no polls', value: perSecond(without), ratio: '1' },
    { what: 'SendMessage with the polls / without', value: perSecond(during), ratio: ratio(during, without), goal: '≥ 0.9' },
  ];
}

/** How long after a send's answer the poll that waits for the message is answered. */
async function wakeUps(hub: BenchHub, queues: readonly string[]): Promise<Row[]> {
  const delays = await whilePolling(hub, queues, POLLS, async () => {
    const found: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) found.push(await wakeUp(hub));
    return found;
  });
  return [
    { what: 'send answered → waiting poll answered, with the polls, p50', value: `${percentile(delays, 0.5).toFixed(1)} ms` },
    { what: 'the same, p99', value: `${percentile(delays, 0.99).toFixed(1)} ms`, goal: '≤ 10 ms' },
  ];
}

/** Milliseconds; 0 when the poll was answered first. */
async function wakeUp(hub: BenchHub): Promise<number> {
  const [receiver] = await hub.connect(1);
  const answer = receiver!.request(signedRequest(hub.credentials, 'GET', '/queues/watched/messages?waitseconds=30')).then((response) => ({ response, at: performance.now() }));
  await new Promise((resolve) => setTimeout(resolve, 10));
  const { status } = await hub.call('POST', '/queues/watched/messages', MESSAGE);
  const sent = performance.now();
  const { response, at } = await answer;
  const handle = /<ReceiptHandle>([^<]+)</.exec(response.body)?.[1];
  if (status !== 201 || handle === undefined) throw new Error(`the send was answered ${status}, the poll ${response.status}: ${response.body}`);
  await receiver!.request(signedRequest(hub.credentials, 'DELETE', `/queues/watched/messages?ReceiptHandle=${handle}`));
  receiver!.close();
  return Math.max(0, at - sent);
}

/** Runs something once the polls are waiting, and ends them after it. */
async function whilePolling<T>(hub: BenchHub, queues: readonly string[], count: number, action: () => Promise<T>): Promise<T> {
  const polls = await IdlePolls.open(hub, queues, count);
  try {
    await atRest(hub.pids.API);
    return await action();
  } finally {
    polls.close();
    await atRest(hub.pids.API);
  }
}
