import { execFile } from 'node:child_process';
import { mkdtempSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '#runtime/setting.js';
import { findProgram, isExecutable } from '../program-path.js';

/** The last commit of MinIO's open repository; there are no binaries of it, its documented way is a build with Go. */
const MODULE = 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c';

export interface FindMinioOptions {
  /** Build it with Go when there is none; takes minutes, once. */
  readonly build: boolean;
  readonly environment: Environment;
  /** Told in one line what takes long, and why it failed. */
  readonly say?: (line: string) => void;
}

/** Path of a MinIO server: `MINIO_BIN`, `minio` on PATH, or the one that was built once into the user's cache. */
export async function findMinio({ build, environment, say = () => undefined }: FindMinioOptions): Promise<string | undefined> {
  const named = environment['MINIO_BIN'];
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return named;
    say(`MINIO_BIN is ${JSON.stringify(named)}, which is no program`);
    return undefined;
  }
  const built = join(cacheDirectory(environment), 'minio');
  const found = findProgram(environment['PATH'], 'minio') ?? (isExecutable(built) ? built : undefined);
  if (found !== undefined || !build) return found;
  const go = findProgram(environment['PATH'], 'go');
  return go === undefined ? undefined : await buildOnce(go, environment, say);
}

async function buildOnce(go: string, environment: Environment, say: (line: string) => void): Promise<string | undefined> {
  const cache = cacheDirectory(environment);
  mkdirSync(cache, { recursive: true });
  // Built aside and moved: an interrupted build, or two at a time, never leave half a program.
  const draft = mkdtempSync(join(cache, 'build-'));
  const start = Date.now();
  say(`building MinIO from source with Go into ${cache}, once; takes about 4 minutes`);
  try {
    await promisify(execFile)(go, ['install', MODULE], { env: { ...environment, GOBIN: draft, GOFLAGS: '' }, maxBuffer: 1 << 26 });
    renameSync(join(draft, 'minio'), join(cache, 'minio'));
    say(`MinIO built in ${Math.round((Date.now() - start) / 1_000)} s`);
    return join(cache, 'minio');
  } catch (error) {
    say(`MinIO could not be built: ${lastLine(error)}`);
    return undefined;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function cacheDirectory(environment: Environment): string {
  return join(environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'magpie', 'minio');
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  return (stderr ?? message ?? String(error)).trim().split('\n').at(-1) ?? '';
}
