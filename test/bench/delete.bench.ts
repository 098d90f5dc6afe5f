import { setTimeout as sleep } from 'node:timers/promises';
import { startBenchHub, type BenchHub } from './bench-hub.js';
import { fill } from './filling.js';
import { percentile, type Result, type Row } from './measure.js';
import { signedRequest } from './signed-request.js';

const MESSAGES = 1_000_000;
const BODY = 'x'.repeat(200);
/** Milliseconds for which latencies are observed, before and from the call on. */
const OBSERVED = 5_000;

export const title = `delete: a queue with ${MESSAGES} messages goes while others work; fsync on every write; a PING of Redis and a send to another queue every few ms`;

export async function run(): Promise<Result> {
  const hub = await startBenchHub();
  try {
    await hub.call('PUT', '/queues/other');
    const quiet = await observe(hub, () => Promise.resolve());
    const rows = [
      { what: 'nothing happens: slowest PING', value: millis(quiet.ping) },
      { what: 'nothing happens: slowest send, and p50', value: `${millis(quiet.send)}, ${millis(quiet.medianSend)}` },
    ];
    rows.push(...(await measure(hub, 'DeleteQueue', 'DELETE', '/queues/large', 204)));
    rows.push(...(await measure(hub, 'purge', 'POST', '/api/v1/queues/large/purge', 200)));
    return { rows };
  } finally {
    await hub.close();
  }
}

async function measure(hub: BenchHub, what: string, method: string, target: string, expected: number): Promise<Row[]> {
  await hub.call('PUT', '/queues/large');
  const before = { bytes: await usedMemory(hub), keys: await hub.redis.dbsize() };
  await fill(hub, 'large', MESSAGES, BODY);
  const filled = await usedMemory(hub);
  await waitForRest(hub);
  await hub.redis.config('SET', 'slowlog-log-slower-than', 1_000, 'slowlog-max-len', 1_000);
  await hub.redis.call('SLOWLOG', 'RESET');
  let answered = 0;
  let freed = 0;
  const seen = await observe(hub, async () => {
    const start = performance.now();
    const { status, body } = await hub.call(method, target);
    if (status !== expected) throw new Error(`${what} answered ${status}: ${body}`);
    answered = performance.now() - start;
    // What goes is freed in the background; a hundredth is what the sends of the observation leave.
    while ((await usedMemory(hub)) > before.bytes + (filled - before.bytes) / 100) await sleep(20);
    freed = performance.now() - start;
  });
  return [
    { what: `${what}: answered after`, value: millis(answered) },
    { what: `${what}: slowest command, as Redis itself saw it`, value: millis(await slowestCommand(hub)), goal: '≤ 20 ms' },
    { what: `${what}: slowest PING`, value: millis(seen.ping) },
    { what: `${what}: slowest send to another queue, and p50`, value: `${millis(seen.send)}, ${millis(seen.medianSend)}` },
    { what: `${what}: ${Math.round((filled - before.bytes) / 1_048_576)} MB freed after`, value: millis(freed) },
    { what: `${what}: keys left, those of the queue itself and of sends included`, value: String((await hub.redis.dbsize()) - before.keys) },
  ];
}

/** Runs a step and answers the slowest PING and send while it ran and for some seconds at least. */
async function observe(hub: BenchHub, step: () => Promise<void>): Promise<{ ping: number; send: number; medianSend: number }> {
  const end = performance.now() + OBSERVED;
  let running = true;
  const repeat = async (action: () => Promise<unknown>): Promise<number[]> => {
    const times: number[] = [];
    while (running || performance.now() < end) {
      const start = performance.now();
      await action();
      times.push(performance.now() - start);
      await sleep(2);
    }
    return times;
  };
  const [lane] = await hub.connect(1);
  const message = `<Message><MessageBody>${BODY}</MessageBody></Message>`;
  const pings = repeat(() => hub.redis.ping());
  const sends = repeat(() => lane!.request(signedRequest(hub.credentials, 'POST', '/queues/other/messages', message)));
  await sleep(500);
  await step().finally(() => (running = false));
  const [pingTimes, sendTimes] = await Promise.all([pings, sends]);
  lane!.close();
  return { ping: Math.max(...pingTimes), send: Math.max(...sendTimes), medianSend: percentile(sendTimes, 0.5) };
}

/** Until the append-only file is not being rewritten, which costs latency of its own. */
async function waitForRest(hub: BenchHub): Promise<void> {
  await sleep(1_000);
  while (!/aof_rewrite_in_progress:0/.test(String(await hub.redis.call('INFO', 'persistence')))) await sleep(200);
}

/** Milliseconds; unlike a PING it does not count the time in which the machine was busy with others. */
async function slowestCommand(hub: BenchHub): Promise<number> {
  const rows = (await hub.redis.call('SLOWLOG', 'GET', -1)) as [id: number, time: number, micros: number][];
  return Math.max(0, ...rows.map(([, , micros]) => micros)) / 1_000;
}

async function usedMemory(hub: BenchHub): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(String(await hub.redis.call('INFO', 'memory')))![1]);
}

function millis(time: number): string {
  return `${time.toFixed(1)} ms`;
}
