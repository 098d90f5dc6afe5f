import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The first of these programs on a search path such as $PATH; an earlier directory goes before an earlier name. */
export function findProgram(searchPath: string | undefined, ...names: readonly string[]): string | undefined {
  const directories = (searchPath ?? '').split(delimiter);
  return directories.flatMap((directory) => names.map((name) => join(directory, name))).find(isExecutable);
}

export function findRedisProgram(searchPath: string | undefined): string | undefined {
  return findProgram(searchPath, 'redis-server', 'valkey-server');
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
