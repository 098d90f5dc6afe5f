import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, isExecutable } from '../../../apps/standalone/program-path.js';

export interface GoProgram {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** Go that `go.mod` asks for. */
  readonly go: string;
  /** A `main.go` that uses the module; without it the module's own program is built. */
  readonly main?: string;
  /** The program's package where it is not the module itself. */
  readonly package?: string;
}

/** Milliseconds: the slowest one takes half a minute, downloads included. */
const BUILD_LIMIT = 300_000;

/** Path of a program that another project publishes as a Go module: built once into the user's cache. @throws Error that says in one line why there is none. */
export async function goProgram(program: GoProgram): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'magpie', 'peers', `${program.name}-${program.version}`);
  const path = join(cache, program.name);
  if (isExecutable(path)) return path;
  const go = findProgram(process.env['PATH'], 'go');
  if (go === undefined) throw new Error('it is built with Go, and there is no go on PATH');
  await mkdir(cache, { recursive: true });
  // Built aside and moved: an interrupted build, or two at a time, never leave half a program.
  const draft = await mkdtemp(join(cache, 'build-'));
  try {
    await rename(await build(go, program, draft), path);
    return path;
  } catch (error) {
    throw new Error(`its build failed: ${lastLine(error)}`, { cause: error });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** The exact version is required in a go.mod: `go install …@version` asks the proxy for a list of versions, which not every one has. */
async function build(go: string, { name, module, version, go: language, main, package: own = module }: GoProgram, draft: string): Promise<string> {
  console.error(`building ${name} ${version} with Go, once`);
  await writeFile(join(draft, 'go.mod'), `module peer\n\ngo ${language}\n\nrequire ${module} ${version}\n`);
  if (main !== undefined) await writeFile(join(draft, 'main.go'), main);
  const args = ['build', '-mod=mod', '-o', name, main === undefined ? own : '.'];
  await promisify(execFile)(go, args, { cwd: draft, env: { ...process.env, GOFLAGS: '', GOWORK: 'off' }, maxBuffer: 1 << 26, timeout: BUILD_LIMIT });
  return join(draft, name);
}

function lastLine(error: unknown): string {
  const { stderr = '', message } = error as { stderr?: string; message: string };
  return (stderr.trim() === '' ? message : stderr).trim().split('\n').at(-1)!;
}
