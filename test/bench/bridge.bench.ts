import { measureBlocked } from './bridge-blocked.js';
import { measureDrain, measureRules } from './bridge-drain.js';
import { measureIntake } from './bridge-intake.js';
import { measureMinio } from './bridge-minio.js';
import { measureReconcile } from './bridge-reconcile.js';
import type { Pace, Result } from './measure.js';

export const title = 'bridge: events of an object store, with fsync on every write, everything on the same machine';

/** One after another; each starts what it needs. */
const PARTS: readonly ((pace: Pace) => Promise<Result>)[] = [measureMinio, measureBlocked, measureIntake, measureDrain, measureRules, measureReconcile];

export async function run(pace: Pace): Promise<Result> {
  const results: Result[] = [];
  for (const measure of PARTS) results.push(await measure(pace));
  return { rows: results.flatMap(({ rows }) => rows), notes: results.flatMap(({ notes = [] }) => notes) };
}
