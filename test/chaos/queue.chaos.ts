import { runQueueFaults } from '../flow/queue-crash/queue-run.js';

const ROUNDS = 3;

export const title = 'queue: producers and consumers on three API processes, these and Redis killed (SIGKILL) again and again';

/** What was acknowledged is there, nothing is held by two at once, counters and keys are right at every quiet point. */
export async function run(seconds: number): Promise<boolean> {
  const { violations, keys, ...counts } = await runQueueFaults({
    processes: 3,
    producers: 8,
    consumers: 16,
    rounds: ROUNDS,
    roundMillis: (seconds * 1_000) / ROUNDS,
    killEvery: 900,
    killRedis: true,
    visibility: 4,
    random: Math.random,
  });
  console.table({ ...counts, keys: keys.join(' '), violations: violations.length });
  for (const line of violations.slice(0, 20)) console.log(`violation: ${line}`);
  return violations.length === 0 && counts.acknowledged > 0 && counts.kills > 0;
}
