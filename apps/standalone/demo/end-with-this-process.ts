import type { ChildProcess } from 'node:child_process';

/** Nothing outlives the process that started it, also when that one ends half-way through a start. */
export function endWithThisProcess(child: ChildProcess, signal: NodeJS.Signals): void {
  const end = (): void => void child.kill(signal);
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}
