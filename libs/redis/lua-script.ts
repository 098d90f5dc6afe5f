import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { admissionOf, type Admission } from './admission.js';
import type { RedisClient } from './redis-client.js';
import { RedisFull, toStorageError } from './redis-unavailable.js';

/**
 * A Lua file that runs inside Redis as one atomic step.
 *
 * - The file is named `<operation>-<number of keys>.lua`; the first key decides the slot, all other keys are computed inside its hash tag.
 * - A line `--- @include "name"` is replaced, once per script, by `includes/name.lua` beside the file (or by a path relative to it).
 * - Redis ≥ 7 is told that the script may run when memory is full: what frees memory must not be refused. Scripts that store
 *   new messages carry `--- @deny-oom` instead; they are refused by Redis then, and before that by the client's `Admission`.
 */
export class LuaScript {
  readonly name: string;
  readonly numberOfKeys: number;
  readonly #plain: Variant;
  readonly #flagged: Variant;
  /** Whether it stores something new. */
  readonly #denyOom: boolean;

  constructor(file: URL) {
    const path = fileURLToPath(file);
    const match = /^(\w+)-(\d+)\.lua$/.exec(basename(path));
    if (match === null) throw new Error(`${path}: expected <operation>-<number of keys>.lua`);
    this.name = match[1]!;
    this.numberOfKeys = Number(match[2]);
    const source = resolveIncludes(file);
    this.#denyOom = source.includes('--- @deny-oom');
    this.#plain = variant(source);
    this.#flagged = this.#denyOom ? this.#plain : variant(`#!lua flags=allow-oom\n${source}`);
  }

  /** Runs the script; sends its text only when the server does not have it yet. @throws RedisFull when the client's admission refuses it */
  run(client: RedisClient, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown> {
    const admission = this.#denyOom ? admissionOf(client) : undefined;
    return admission === undefined ? this.#send(client, keys, args) : this.#sendAdmitted(admission, client, keys, args);
  }

  async #sendAdmitted(admission: Admission, client: RedisClient, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown> {
    admission.admit(keys[0]!);
    try {
      return await this.#send(client, keys, args);
    } catch (error) {
      if (toStorageError(error) instanceof RedisFull) admission.refusedByRedis(keys[0]!);
      throw error;
    }
  }

  async #send(client: RedisClient, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown> {
    const flags = flagSupport.get(client) ?? (await learnFlagSupport(client));
    const { sha, source } = flags ? this.#flagged : this.#plain;
    const rest = [this.numberOfKeys, ...keys, ...args] as const;
    try {
      return await client.callBuffer('EVALSHA', sha, ...rest);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await client.callBuffer('EVAL', source, ...rest);
    }
  }
}

interface Variant {
  readonly source: string;
  readonly sha: string;
}

function variant(source: string): Variant {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

const INCLUDE = /^--- @include "([^"]+)"$/gm;

/** @throws Error for an include that is missing or that leads back to itself. */
export function resolveIncludes(file: URL, seen = new Set<string>(), path: readonly string[] = []): string {
  if (path.includes(file.href)) throw new Error(`include cycle: ${[...path, file.href].join(' → ')}`);
  if (seen.has(file.href)) return '';
  seen.add(file.href);
  return readFileSync(file, 'utf8').replace(INCLUDE, (_line, name: string) => {
    const included = name.includes('/') ? new URL(`${name}.lua`, file) : new URL(includesFolder(file) + `${name}.lua`, file);
    return resolveIncludes(included, seen, [...path, file.href]);
  });
}

function includesFolder(file: URL): string {
  return file.pathname.includes('/includes/') ? './' : './includes/';
}

/** Whether a client's server knows script flags. */
const flagSupport = new WeakMap<RedisClient, boolean>();

/** Script flags exist since Redis 7.0 (and in every Valkey, which reports itself as Redis 7.2). */
async function learnFlagSupport(client: RedisClient): Promise<boolean> {
  const info = String(await client.call('INFO', 'server'));
  const known = Number(/^redis_version:(\d+)/m.exec(info)?.[1] ?? 0) >= 7;
  flagSupport.set(client, known);
  return known;
}
