import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '#runtime/log.js';
import { LuaScript, resolveIncludes } from './lua-script.js';
import { connectRedis, type RedisClient } from './redis-client.js';

let dir: string;
let client: RedisClient;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'magpie-lua-'));
  mkdirSync(join(dir, 'includes'));
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
});

afterAll(async () => {
  rmSync(dir, { recursive: true });
  await client.quit();
});

const write = (name: string, text: string): URL => {
  writeFileSync(join(dir, name), text);
  return pathToFileURL(join(dir, name));
};

describe('a Lua script', () => {
  it('runs with keys and arguments, its includes in place once each', async () => {
    write('includes/one.lua', 'local function one() return 1 end\n');
    write('includes/two.lua', '--- @include "one"\nlocal function two() return one() + 1 end\n');
    const file = write('sum-1.lua', '--- @include "one"\n--- @include "two"\nreturn { KEYS[1], one() + two() + tonumber(ARGV[1]) }\n');
    expect(resolveIncludes(file).match(/function one/g)).toHaveLength(1);
    const reply = (await new LuaScript(file).run(client, ['k'], [4])) as [Buffer, number];
    expect([String(reply[0]), reply[1]]).toEqual(['k', 7]);
  });

  it('is sent again when the server has forgotten it', async () => {
    const script = new LuaScript(write('forgotten-0.lua', 'return 5\n'));
    expect(await script.run(client, [], [])).toBe(5);
    await client.call('SCRIPT', 'FLUSH');
    expect(await script.run(client, [], [])).toBe(5);
  });

  it('that includes itself, or what does not exist, is refused', () => {
    write('includes/a.lua', '--- @include "b"\n');
    write('includes/b.lua', '--- @include "a"\n');
    expect(() => resolveIncludes(write('loop-0.lua', '--- @include "a"\n'))).toThrow('include cycle');
    expect(() => resolveIncludes(write('lost-0.lua', '--- @include "nothing"\n'))).toThrow('nothing.lua');
  });

  it('says in its name how many keys it takes', () => {
    expect(() => new LuaScript(write('nameless.lua', 'return 1'))).toThrow('<operation>-<number of keys>.lua');
  });
});
