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
  delete: () => import('./delete.bench.js'),
  'fan-out': () => import('./fan-out.bench.js'),
  isolation: () => import('./isolation.bench.js'),
  'dead-endpoint': () => import('./dead-endpoint.bench.js'),
  subscriptions: () => import('./subscriptions.bench.js'),
  bridge: () => import('./bridge.bench.js'),
};
const USAGE = `npm run bench -- <name>|all [--json] [--rounds <n>] [--seconds <n>]; names: ${Object.keys(BENCHMARKS).join(', ')}`;

/** Also when it is interrupted, nothing stays behind: what was started ends with this process. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const { list, json, names, pace } = readArguments(process.argv.slice(2));
if (list) {
  console.log(Object.keys(BENCHMARKS).join('\n'));
} else {
  for (const name of names) {
    const { title, run } = await BENCHMARKS[name]!();
    printResult(title, await run(pace), json);
  }
}

/** Ends the process when they make no sense. */
function readArguments(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { list: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
    });
    const names = positionals.includes('all') ? Object.keys(BENCHMARKS) : positionals;
    if (!values.list && names.length === 0) throw new Error('which benchmark?');
    const unknown = names.find((name) => !Object.hasOwn(BENCHMARKS, name));
    if (unknown !== undefined) throw new Error(`there is no benchmark ${JSON.stringify(unknown)}`);
    return { ...values, names, pace: { rounds: positive('rounds', values.rounds), seconds: positive('seconds', values.seconds) } };
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

function positive(option: keyof Pace, text: string): number {
  const number = Number(text);
  if (!(number > 0 && number < 1_000) || (option === 'rounds' && !Number.isInteger(number))) throw new Error(`--${option} ${text}: a positive number is wanted`);
  return number;
}
