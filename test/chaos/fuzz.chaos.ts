import { runFuzz, SLOW_LIMITS, type FuzzReport } from '../contract/fuzz/fuzz-run.js';
import { startApiProcess } from '../support/api-process.js';
import { startRedis } from '../support/redis-server.js';

const REQUESTS_A_SECOND = 700;
const FEWEST_REQUESTS = 20_000;
const MEGABYTE = 1_048_576;
/** Megabytes that the process may have grown by at its end; garbage that Node has not collected yet is part of it. */
const GROWTH = { heap: 200, resident: 500 } as const;

export const title = 'fuzz: random requests (`--seed=N` plays those of another run), 2000 idle connections, senders of one byte a second';

/** Nothing may fail, hang, fill the memory, or disturb a client that behaves. */
export async function run(seconds: number): Promise<boolean> {
  const given = /^--seed=(\d+)$/.exec(process.argv.find((argument) => argument.startsWith('--seed=')) ?? '')?.[1];
  const seed = Number(given ?? Math.floor(Math.random() * 2 ** 31));
  const requests = Math.max(FEWEST_REQUESTS, seconds * REQUESTS_A_SECOND);
  console.log(`seed ${seed} · ${requests} requests`);
  const redis = await startRedis();
  try {
    const api = await startApiProcess(redis.url);
    try {
      return print(await runFuzz(api, { seed, requests, idleConnections: 2_000, slowSenders: 40, waitForBodies: true }));
    } finally {
      await api.stop();
    }
  } finally {
    await redis.stop();
  }
}

function print({ outcomes, violations, slowestMillis, neighbour, slowSenders, memory }: FuzzReport): boolean {
  const counts = Object.entries(outcomes).map(([name, count]) => `${name}: ${count}`);
  const slowest = (what: 'header' | 'body'): number =>
    Math.max(...slowSenders.filter((sender) => sender.what === what).map(({ endedAfter }) => endedAfter ?? Infinity));
  const grown = (kind: 'heap' | 'resident'): number => Math.round((memory.after[kind] - memory.before[kind]) / MEGABYTE);
  console.log(`answers ${counts.join(' · ')} · slowest ${slowestMillis} ms`);
  console.log(
    `neighbour ${neighbour.rounds} rounds · slowest request ${neighbour.slowestMillis} ms · errors ${neighbour.complaints.length}`,
  );
  console.log(`slow senders ended after: header ${slowest('header')} ms · body ${slowest('body')} ms`);
  console.log(`memory grown by: heap ${grown('heap')} MiB · resident ${grown('resident')} MiB`);
  for (const line of [...violations, ...neighbour.complaints]) console.log(`violation: ${line}`);
  const inTime = slowest('header') <= SLOW_LIMITS.header && slowest('body') <= SLOW_LIMITS.body;
  const bounded = grown('heap') <= GROWTH.heap && grown('resident') <= GROWTH.resident;
  return violations.length === 0 && neighbour.complaints.length === 0 && inTime && bounded;
}
