import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';

/** Linux counts the CPU time of processes in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** How much of a core each of some processes uses while something runs. Linux only, elsewhere NaN. */
export class CpuUse {
  #used: Record<string, number> = {};
  #seconds = 0;

  /** @param pids by the name under which they are shown */
  constructor(private readonly pids: Readonly<Record<string, number>>) {}

  /** May be called again: the shares are of all runs together. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#read();
    const start = performance.now();
    const result = await run();
    this.#seconds += (performance.now() - start) / 1_000;
    for (const [name, seconds] of Object.entries(this.#read())) this.#used[name] = (this.#used[name] ?? 0) + seconds - before[name]!;
    return result;
  }

  /** Such as `load generator 0.61, API 0.97`: cores. */
  toString(): string {
    return Object.entries(this.#used)
      .map(([name, seconds]) => `${name} ${(seconds / this.#seconds).toFixed(2)}`)
      .join(', ');
  }

  #read(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.pids).map(([name, pid]) => [name, cpuSeconds(pid)]));
  }
}

/** Resolves when a process has done nearly nothing for a while: what it was left to clean up is done. */
export async function atRest(pid: number): Promise<void> {
  await eventually(`process ${pid} is at rest`, async () => {
    const before = cpuSeconds(pid);
    await sleep(250);
    return !(cpuSeconds(pid) - before > 0.05);
  }, { within: 30_000 });
}

function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program stands in parentheses and may contain anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return Number.NaN;
  }
}
