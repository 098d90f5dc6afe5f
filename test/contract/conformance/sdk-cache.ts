import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Milliseconds that fetching and building an SDK may take, once per machine. */
const INSTALL_LIMIT = 240_000;

/** An SDK that is ready to run, or why there is none. */
export type PreparedSdk = { readonly directory: string } | { readonly missing: string };

/** Path of a program on PATH. */
export function findProgram(name: string): string | undefined {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, name));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * A folder below `~/.cache/magpie` that `fill` has filled, at most once per machine and per content of `key`. It is filled elsewhere
 * and renamed, so that several runs at once, or one that is killed, leave it whole or not there.
 */
export async function cachedFolder(name: string, key: string, fill: (directory: string) => Promise<void>): Promise<PreparedSdk> {
  const parent = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'magpie');
  const directory = join(parent, `${name}-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`);
  if (existsSync(directory)) return { directory };
  await mkdir(parent, { recursive: true });
  const draft = await mkdtemp(`${directory}-`);
  try {
    await fill(draft);
    await rename(draft, directory);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(directory)) return { missing: reasonOf(error) };
  }
  return { directory };
}

/** @throws Error with the last line that the program wrote. */
export async function runToEnd(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const options = { timeout: INSTALL_LIMIT, killSignal: 'SIGKILL' as const, maxBuffer: 1 << 24, ...(cwd !== undefined && { cwd }) };
  return (await execute(program, args, options)).stdout;
}

function reasonOf(error: unknown): string {
  const { stderr = '', stdout = '', message } = error as Error & { stderr?: string; stdout?: string };
  const lines = `${stdout}\n${stderr}`.trim().split('\n');
  return (lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? message).slice(0, 160) || message;
}
