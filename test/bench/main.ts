import { printTable, type Row } from './measure.js';

interface Benchmark {
  readonly title: string;
  run(): Promise<Row[]>;
}

/** `npm run bench -- <name>`: each benchmark is one file and starts what it needs by itself. */
const BENCHMARKS: Record<string, () => Promise<Benchmark>> = {
  queue: () => import('./queue.bench.js'),
  idle: () => import('./idle.bench.js'),
  delete: () => import('./delete.bench.js'),
};

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const load = BENCHMARKS[names[0] ?? ''];

if (process.argv.includes('--list')) {
  console.log(Object.keys(BENCHMARKS).join('\n'));
} else if (load === undefined) {
  console.error(`npm run bench -- <name> [--json]; names: ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exitCode = 2;
} else {
  const { title, run } = await load();
  printTable(title, await run(), process.argv.includes('--json'));
}
