interface FaultRun {
  readonly title: string;
  /** Prints counts. @returns true when nothing was lost */
  run(seconds: number): Promise<boolean>;
}

/** `npm run chaos -- <name> [--seconds=N]`: faults under load, with counts of what was lost, doubled and late. */
const RUNS: Record<string, () => Promise<FaultRun>> = {
  bridge: () => import('./bridge.chaos.js'),
  delivery: () => import('./delivery.chaos.js'),
  fuzz: () => import('./fuzz.chaos.js'),
  queue: () => import('./queue.chaos.js'),
};

const [name = ''] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const seconds = Number(/^--seconds=(\d+)$/.exec(process.argv.find((argument) => argument.startsWith('--seconds=')) ?? '')?.[1] ?? 30);
const load = RUNS[name];

if (process.argv.includes('--list')) {
  console.log(Object.keys(RUNS).join('\n'));
} else if (load === undefined) {
  console.error(`npm run chaos -- <name> [--seconds=N]; names: ${Object.keys(RUNS).join(', ')}`);
  process.exitCode = 2;
} else {
  const { title, run } = await load();
  console.log(title);
  process.exitCode = (await run(seconds)) ? 0 : 1;
}
