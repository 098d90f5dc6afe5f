// `npm run example -- <name>`: plays one of the examples with a hub of its own.

import { DemoRun } from '../apps/standalone/demo/demo-run.js';

type Play = (run: DemoRun, args: readonly string[]) => Promise<number>;

const EXAMPLES: Readonly<Record<string, () => Promise<{ readonly play: Play }>>> = {
  'alert-fan-out': () => import('./alert-fan-out/main.js'),
  'object-pipeline': () => import('./object-pipeline/main.js'),
};

const [name = '', ...args] = process.argv.slice(2);
const load = Object.hasOwn(EXAMPLES, name) ? EXAMPLES[name] : undefined;
if (load === undefined) {
  process.stderr.write(`usage: npm run example -- <name> [--exit]\nexamples: ${Object.keys(EXAMPLES).join(', ')}\n`);
  process.exit(1);
}
const { play } = await load();
process.exit(await DemoRun.play(name, (run) => play(run, args)));
