import { parseArgs } from 'node:util';
import { printResult, type Pace, type Result } from './measure.js';

interface Benchmark {
  readonly title: string;
  run(pace: Pace): Promise<Result>;
}

/** `npm run bench -- <name>`: each benchmark is one file and starts what it needs by itself. */
const BENCHMARKS: Record<string, () => Promise<Benchmark>> = {
  queue: () => import('./queue.bench.js'),
  peers: () => import('./peers.bench.js'),
  backlog: () => import('./backlog.bench.js'),
  spread: () => import('./spread.bench.js'),
  polls: () => import('./polls.bench.js'),
  memory: () => import('./memory.bench.js'),
  idle: () => import('./idle.bench.js'),
};
const USAGE = `npm run bench -- <name>|all [--json] [--rounds <n>] [--seconds <n>]; names: ${Object.keys(BENCHMARKS).join(', ')}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: 'boolean' }, json: { type: 'boolean' }, rounds: { type: 'string' }, seconds: { type: 'string' } },
});
const names = positionals.includes('all') ? Object.keys(BENCHMARKS) : positionals;

/** Also when it is interrupted, nothing stays behind: what was started ends with this process. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

if (values.list === true) {
  console.log(Object.keys(BENCHMARKS).join('\n'));
} else if (names.length === 0 || !names.every((name) => Object.hasOwn(BENCHMARKS, name))) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  const pace = { ...positive('rounds'), ...positive('seconds') };
  for (const name of names) {
    const { title, run } = await BENCHMARKS[name]!();
    printResult(title, await run(pace), values.json === true);
  }
}

function positive(option: 'rounds' | 'seconds'): Pace {
  const text = values[option];
  if (text === undefined) return {};
  const number = Number(text);
  if (!(number > 0) || (option === 'rounds' && !Number.isInteger(number))) throw new Error(`--${option} ${text}: a positive number is wanted`);
  return { [option]: number };
}
