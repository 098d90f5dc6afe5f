import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface RunningProcess {
  readonly pid: number;
  readonly ppid: number;
  readonly args: string;
}

/** Processes of this machine, without those that have ended and whose parent has not noticed yet. A minimal Linux has no `ps`. */
export async function runningProcesses(): Promise<RunningProcess[]> {
  if (!existsSync('/proc/self/stat')) return await fromPs();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return (await Promise.all(pids.map(fromProc))).flatMap((found) => found ?? []);
}

export async function childrenOf(pid: number): Promise<RunningProcess[]> {
  return (await runningProcesses()).filter(({ ppid }) => ppid === pid);
}

/** undefined when the process has ended by now. */
async function fromProc(pid: string): Promise<RunningProcess | undefined> {
  try {
    const [stat, args] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/cmdline`, 'utf8')]);
    // The name of the program stands in parentheses and may contain anything.
    const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : { pid: Number(pid), ppid: Number(ppid), args: args.split('\0').join(' ').trim() };
  } catch {
    return undefined;
  }
}

async function fromPs(): Promise<RunningProcess[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,stat=,args=']);
  const lines = stdout.split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+([^Z\s]\S*)\s+(.*)$/.exec(line));
  return lines.flatMap((match) => (match === null ? [] : [{ pid: Number(match[1]), ppid: Number(match[2]), args: match[4] ?? '' }]));
}
