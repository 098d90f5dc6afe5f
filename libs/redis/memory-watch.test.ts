import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { eventually } from '../../test/support/eventually.js';
import { startRedis, type RedisServer } from '../../test/support/redis-server.js';
import type { HighWater } from '#runtime/high-water.js';
import { LuaScript } from './lua-script.js';
import { MemoryWatch } from './memory-watch.js';
import { connectRedis, type RedisClient } from './redis-client.js';
import { RedisFull } from './redis-unavailable.js';

const MEGABYTE = 1_048_576;

let redis: RedisServer;
let client: RedisClient;
let folder: string;
let store: LuaScript;
let remove: LuaScript;
let log: { msg: string }[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'magpie-lua-'));
  const script = (name: string, text: string): LuaScript => {
    writeFileSync(join(folder, name), text);
    return new LuaScript(pathToFileURL(join(folder, name)));
  };
  store = script('store-1.lua', `--- @deny-oom\nreturn redis.call('SET', KEYS[1], string.rep('x', ARGV[1]))`);
  remove = script('remove-1.lua', `redis.call('SET', 'removed', 1)\nreturn redis.call('DEL', KEYS[1])`);
  redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  client?.disconnect();
  client = connectRedis(redis.url, { role: 'worker', logger: pino({ level: 'silent' }) });
  await client.flushall();
  await client.config('SET', 'maxmemory', 30 * MEGABYTE);
  await client.config('SET', 'maxmemory-policy', 'noeviction');
  log = [];
});

async function watch(highWater?: HighWater): Promise<MemoryWatch> {
  const logger = pino({ level: 'info', base: null }, { write: (line: string) => log.push(JSON.parse(line) as { msg: string }) });
  const started = new MemoryWatch(client, 'prefix', { logger, highWater });
  await started.start();
  return started;
}

const add = (key: string, megabytes: number) => store.run(client, [key], [megabytes * MEGABYTE]);
const addUntilRefused = async (key: string): Promise<never> => {
  for (let i = 0; ; i++) {
    await add(`${key} ${i}`, 0.02);
    await sleep(2);
  }
};
const commands = async () => Number(/total_commands_processed:(\d+)/.exec(String(await client.call('INFO', 'stats')))![1]);

describe('a memory watch', () => {
  it('refuses scripts that store from the mark on, and takes them again once memory is well below it', async () => {
    const memory = await watch();
    for (let i = 0; i < 48; i++) await client.set(`k${i}`, 'x'.repeat(MEGABYTE / 2 - 1_000));
    await memory.refresh();
    await expect(addUntilRefused('more')).rejects.toThrow(/more than its high-water mark of 25\.5 MB$/);
    expect(await remove.run(client, ['k0'], [])).toBe(1);
    // Below the mark, but not yet by a twentieth of it.
    await eventually('it has looked again', async () => {
      await memory.refresh();
      return /^Redis uses 2\d\.\d of 30\.0 MB; new messages are taken below 24\.2 MB$/.test(memory.refusing ?? '');
    });
    await expect(add('more', 0.1)).rejects.toThrow(RedisFull);
    await client.call('DEL', 'k1', 'k2', 'k3', 'k4');
    await eventually('it takes again', () => add('more', 0.1));
    expect(log.map(({ msg }) => msg)).toEqual([
      'memory of Redis is above the high-water mark: new messages are refused',
      'memory of Redis is below the high-water mark again: new messages are taken',
    ]);
    memory.stop();
  });

  it('asks seldom, and nothing at rest', async () => {
    const memory = await watch();
    const before = await commands();
    const end = Date.now() + 300;
    let stored = 0;
    for (; Date.now() < end; stored++) await add('k', 0.0001);
    // Each script is two commands, itself and its SET; loading it once more one.
    expect((await commands()) - before - 1 - 2 * stored).toBeLessThanOrEqual(6);
    const rest = await commands();
    await sleep(1_200);
    expect((await commands()) - rest).toBe(1);
    memory.stop();
  });

  it('takes the refusal of Redis itself for a sign', async () => {
    const memory = await watch({ percent: 100 });
    await client.config('SET', 'maxmemory', 1);
    await expect(add('k', 1)).rejects.toThrow(/OOM/);
    await expect(add('k', 1)).rejects.toThrow(RedisFull);
    expect(memory.refused).toBe(2);
    await client.config('SET', 'maxmemory', 30 * MEGABYTE);
    await eventually('it takes again', () => add('k', 1));
    memory.stop();
  });

  it('can do with bytes where Redis has no limit', async () => {
    await client.config('SET', 'maxmemory', 0);
    const memory = await watch({ bytes: 10 * MEGABYTE });
    for (let i = 0; i < 7; i++) await add(`k${i}`, 1);
    await expect(addUntilRefused('more')).rejects.toThrow(RedisFull);
    expect(memory.nodes).toMatchObject([{ node: 'redis', limit: 0, mark: 10 * MEGABYTE, refusing: true }]);
    memory.stop();
    expect(log).toHaveLength(1);
  });

  it('warns of a Redis without a limit, and of one that drops what is stored', async () => {
    await client.config('SET', 'maxmemory', 0);
    (await watch()).stop();
    expect(log.pop()?.msg).toMatch(/^Redis has no memory limit/);
    await client.config('SET', 'maxmemory', 30 * MEGABYTE);
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    (await watch()).stop();
    expect(log.pop()?.msg).toMatch(/^Redis may drop what was stored/);
    expect(log).toEqual([]);
  });
});
