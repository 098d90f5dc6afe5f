import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../test/support/eventually.js';
import { EmbeddedRedis } from './embedded-redis.js';
import { findRedisProgram } from './program-path.js';

describe('EmbeddedRedis', () => {
  let parent: string;
  let directory: string;
  const running: EmbeddedRedis[] = [];

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'magpie embedded "'));
    directory = join(parent, 'redis');
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map((redis) => redis.stop(1_000)));
    rmSync(parent, { recursive: true, force: true });
  });

  function embedded(): EmbeddedRedis {
    const program = findRedisProgram(process.env['PATH']) ?? '';
    const redis = new EmbeddedRedis({ program, directory, machineMemory: 4e9, logger: silentLogger });
    running.push(redis);
    return redis;
  }

  it('writes to disk before it answers, refuses when full, and is closed to strangers', async () => {
    const url = await embedded().start();
    const client = new Redis(url);
    const settings = await client.config('GET', 'append*', 'maxmemory*', 'hz', 'save', 'bind');
    const expected = ['appendonly', 'yes', 'appendfsync', 'always', 'noeviction', '2000000000', '100', '127.0.0.1'];
    expect(settings).toEqual(expect.arrayContaining(expected));
    client.disconnect();
    const stranger = new Redis({ port: Number(new URL(url).port), lazyConnect: true, retryStrategy: () => null });
    stranger.on('error', () => undefined);
    await expect(stranger.get('k')).rejects.toThrow('NOAUTH');
    stranger.disconnect();
    for (const name of ['redis.conf', 'endpoint.json']) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  });

  it('keeps its data over a stop and a start', async () => {
    const first = embedded();
    const before = new Redis(await first.start());
    await before.set('k', 'v');
    before.disconnect();
    await first.stop(1_000);
    const after = new Redis(await embedded().start());
    expect(await after.get('k')).toBe('v');
    after.disconnect();
  });

  it('comes back at the same address with all data when it is killed', async () => {
    const redis = embedded();
    const url = await redis.start();
    const client = new Redis(url, { maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    await client.set('k', 'v');
    const { pid } = redis;
    process.kill(pid ?? -1, 'SIGKILL');
    await eventually('another server', () => redis.pid !== pid);
    expect(await client.get('k')).toBe('v');
    client.disconnect();
  });

  it('shuts down the server that a killed hub left behind on the directory', async () => {
    const orphan = embedded();
    const before = new Redis(await orphan.start());
    before.on('error', () => undefined);
    await before.set('k', 'v');
    before.disconnect();
    const { pid } = orphan;
    const successor = embedded();
    const after = new Redis(await successor.start());
    expect(await after.get('k')).toBe('v');
    after.disconnect();
    expect(successor.pid).not.toBe(pid);
  });

  it('takes a note of its address that was cut short for none', async () => {
    await embedded().start();
    writeFileSync(join(directory, 'endpoint.json'), '{"port":');
    await expect(embedded().start()).resolves.toMatch(/^redis:/);
  });

  it('tells why the server did not start', async () => {
    const first = embedded();
    await first.start();
    await first.stop(1_000);
    const files = readdirSync(join(directory, 'appendonlydir'));
    const manifest = files.find((name) => name.endsWith('.manifest')) ?? '';
    writeFileSync(join(directory, 'appendonlydir', manifest), 'garbage\n');
    await expect(embedded().start()).rejects.toThrow(/redis ended with code 1: .*(Invalid|manifest|AOF).*redis\.log/);
  });
});
