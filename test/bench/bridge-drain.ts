import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { Journal } from '../../apps/bridge/journal/journal.js';
import { ACCOUNT } from '../../apps/bridge/running-bridge.fixture.js';
import { startBenchBridge, type BenchBridge } from './bench-bridge.js';
import { CpuUse } from './cpu-use.js';
import { median, perSecond, ratio, type Pace, type Result } from './measure.js';

/** Events in the journal for each second that is asked for; 1,000,000 are the most. */
const EVENTS_PER_SECOND = 20_000;
const MOST_EVENTS = 1_000_000;
const FILLED_AT_ONCE = 500;
const MANY_RULES = 10_000;
const FEW_RULES = 10;

interface Drained {
  readonly rate: number;
  /** Bytes resident of the bridge, at the most. */
  readonly memory: number;
}

/** A journal that a bridge finds when it starts, into one queue. */
export async function measureDrain({ seconds }: Pace): Promise<Result> {
  const bench = await startBenchBridge();
  try {
    await bench.engine.queues.createQueue(ACCOUNT, 'events', {});
    await bench.engine.putRule('all');
    const events = Math.min(MOST_EVENTS, Math.round(seconds * EVENTS_PER_SECOND));
    const cpu = new Map<string, string>();
    const { rate, memory } = await drain(bench, events, cpu);
    return {
      rows: [
        { what: `journalled events drained into one queue, ${events} of them`, value: perSecond(rate), goal: '≥ 5000/s' },
        { what: '  memory of the bridge meanwhile, at the most', value: `${(memory / 1_048_576).toFixed(0)} MB`, goal: '≤ 400 MB' },
      ],
      notes: [`cores while the journal was drained: ${cpu.get('cores')}`],
    };
  } finally {
    await bench.close();
  }
}

/** The same with few rules and with many, of which one wants the events. */
export async function measureRules({ seconds, rounds }: Pace): Promise<Result> {
  const [few, many] = [await withRules(FEW_RULES), await withRules(MANY_RULES)];
  const events = Math.min(50_000, Math.round((seconds * EVENTS_PER_SECOND) / 2));
  const rates = { few: [] as number[], many: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round += 1) {
      const [one, other] = [await drain(few, events), await drain(many, events)];
      // The first round pays for what is compiled and opened then.
      if (round > 0) {
        rates.few.push(one.rate);
        rates.many.push(other.rate);
      }
    }
  } finally {
    await few.close();
    await many.close();
  }
  const [oneRate, otherRate] = [median(rates.few), median(rates.many)];
  return {
    rows: [
      { what: `events matched and handed over with ${MANY_RULES} rules`, value: perSecond(otherRate), ratio: ratio(otherRate, oneRate), goal: '≥ 0.9' },
      { what: `  with ${FEW_RULES} rules`, value: perSecond(oneRate) },
    ],
  };
}

async function withRules(count: number): Promise<BenchBridge> {
  const bench = await startBenchBridge();
  await bench.engine.queues.createQueue(ACCOUNT, 'events', {});
  await bench.engine.putRule('all');
  for (let at = 1; at < count; at += 100) {
    const names = Array.from({ length: Math.min(100, count - at) }, (_, index) => at + index);
    await Promise.all(names.map((n) => bench.engine.putRule(`rule-${n}`, { matchRules: [[{ prefix: `photos/team-${n}/`, suffix: n % 2 === 0 ? '.jpg' : '.png' }]] })));
  }
  return bench;
}

/** Between the first look that finds less than was filled in and the one that finds nothing: the start of the process does not count. */
async function drain(bench: BenchBridge, events: number, cores?: Map<string, string>): Promise<Drained> {
  await fill(bench, events);
  const bridge = await bench.startBridge();
  const cpu = new CpuUse({ bridge: bridge.pid, Redis: bench.redisPid });
  let memory = 0;
  const first = { left: await bench.journalLength(), at: performance.now() };
  while (first.left === events) {
    await sleep(5);
    Object.assign(first, { left: await bench.journalLength(), at: performance.now() });
  }
  await cpu.during(async () => {
    while ((await bench.journalLength()) > 0) {
      memory = Math.max(memory, residentBytes(bridge.pid));
      await sleep(20);
    }
  });
  const rate = first.left / ((performance.now() - first.at) / 1_000);
  cores?.set('cores', cpu.toString());
  await bridge.end('SIGTERM');
  await bench.engine.queues.purgeQueue(ACCOUNT, 'events');
  return { rate, memory };
}

let filled = 0;

async function fill(bench: BenchBridge, events: number): Promise<void> {
  const journal = new Journal(bench.engine.client, bench.deployment, { consumer: 'bench', onEntries: () => undefined, room: () => 0, limit: 2 * MOST_EVENTS });
  for (let at = 0; at < events; at += FILLED_AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(FILLED_AT_ONCE, events - at) }, () => {
        filled += 1;
        const key = `folder ${filled % 100}/object ${filled}.jpg`;
        return journal.append({ source: 'store', receivedAt: Date.now(), bytes: Buffer.from(minioBody({ key, requestId: `R${filled}` })) }, key);
      }),
    );
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024;
  } catch {
    return Number.NaN;
  }
}
