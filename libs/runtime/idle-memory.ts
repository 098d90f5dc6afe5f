import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of the heap that must be free for a collection to be worth its pause. */
const WORTHWHILE = 24 * 1_048_576;

/**
 * Gives the memory back that the heap holds and does not use. V8 keeps room for new objects as large as it ever had to be, and starting
 * up makes it large: three quarters of an idle process's heap are such room. It grows again when it is needed.
 *
 * Takes some 50 ms in which nothing else runs: for the end of a start, and for times of rest.
 */
export function giveBackMemory(): void {
  collect ??= exposeCollection();
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/**
 * Does so whenever the process has come to rest and it is worth it.
 *
 * @param interval milliseconds between two looks
 * @param idle share of a core that a process at rest uses at the most
 * @returns ends it
 */
export function giveBackMemoryAtRest(interval = 60_000, idle = 0.05): () => void {
  let used = process.cpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(used);
    used = process.cpuUsage();
    const { heapTotal, heapUsed } = process.memoryUsage();
    if (user + system < interval * 1_000 * idle && heapTotal - heapUsed > WORTHWHILE) giveBackMemory();
  }, interval).unref();
  return () => clearInterval(timer);
}

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

let collect: Collect | undefined;

/** Node has no other way to ask for a collection without a command line option. */
function exposeCollection(): Collect {
  setFlagsFromString('--expose-gc');
  const exposed = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return exposed;
}
