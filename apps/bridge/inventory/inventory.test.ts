import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { Inventory } from './inventory.js';
import type { InventoryEntry } from './inventory-entry.js';

const OF = { source: 'store', bucket: 'photos' };
const EVERYTHING = { from: '', end: '+' };
const [ONE, OTHER] = [Buffer.alloc(8, 1), Buffer.alloc(8, 2)];

describe('Inventory', () => {
  let client: RedisClient;
  let inventory: Inventory;
  let prefix: string;

  beforeAll(async () => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
    await eventually('connected', () => client.status === 'ready');
  });

  beforeEach(async () => {
    prefix = `inventory-${randomBytes(6).toString('hex')}`;
    inventory = new Inventory(client, await Deployment.open(client, prefix), { partitions: 1, partitionFor: () => 0 }, { get: () => undefined });
    await inventory.begin(OF);
  });

  afterAll(() => client.disconnect());

  const put = (key: string, time: number, size = 1) => inventory.note([{ ...OF, key, time, kind: 'put', size, eTag: 'e' }]);
  const listed = (key: string, time: number, size = 1) => inventory.note([{ ...OF, key, time, kind: 'listed', size, eTag: 'e' }]);
  const removed = (key: string, time: number, event = ONE) => inventory.note([{ ...OF, key, time, kind: 'removed', event }]);
  const missing = (key: string, time: number, until: number) => inventory.note([{ ...OF, key, time, kind: 'missing', until }]);
  const read = (key = 'a') => inventory.read({ ...OF, key });
  const keys = () => client.keys(`${prefix}:*:inventory:*`);
  /** As though the last walk had ended long ago. */
  const endWalk = async () => client.hset((await keys()).find((key) => key.endsWith(':meta'))!, 'w', 1);

  async function readAll(range = EVERYTHING): Promise<Map<string, InventoryEntry>> {
    const all = new Map<string, InventoryEntry>();
    for (let from: string | undefined = range.from; from !== undefined; ) {
      const slice = await inventory.list(OF, 0, { ...range, from });
      for (const [key, entry] of slice.entries) {
        expect(all.has(key)).toBe(false);
        all.set(key, entry);
      }
      from = slice.next;
    }
    return all;
  }

  it('keeps nothing before the first walk, and nothing more once it is dropped', async () => {
    while (!(await inventory.drop(OF)));
    await put('a', 10);
    expect(await read()).toBeUndefined();
    expect(await keys()).toEqual([]);
  });

  it('has what was put last, in whatever order events come', async () => {
    await put('a', 20, 5);
    await put('a', 10, 7);
    expect(await read()).toMatchObject({ state: 'there', time: 20, size: 5 });
    await put('a', 30, 2 ** 42);
    expect(await read()).toMatchObject({ time: 30, size: 2 ** 42 });
  });

  it('forgets what was removed, unless that was before it was put', async () => {
    await endWalk();
    await put('a', 20);
    await removed('a', 19);
    expect(await read()).toMatchObject({ state: 'there' });
    await removed('a', 20);
    expect(await read()).toBeUndefined();
    expect((await keys()).filter((key) => !key.endsWith(':meta'))).toEqual([]);
  });

  it('remembers removals while a bucket is walked: a page may have been listed before', async () => {
    await put('a', 20);
    await removed('a', 30);
    await removed('unknown', 30);
    await listed('a', 20);
    await listed('unknown', 29);
    await put('a', 30);
    expect(await read()).toMatchObject({ state: 'gone', time: 30 });
    expect(await read('unknown')).toMatchObject({ state: 'gone' });
    await listed('a', 31);
    expect(await read()).toMatchObject({ state: 'there', time: 31 });
  });

  it('knows which event told a removal that a listing told before', async () => {
    await put('a', 20, 5);
    await missing('a', 19, 100);
    expect(await read()).toMatchObject({ state: 'there' });
    await missing('a', 20, 100);
    expect(await read()).toMatchObject({ state: 'missing', told: { until: 100 } });
    await put('a', 20);
    expect(await read()).toMatchObject({ state: 'missing' });
    await removed('a', 101);
    expect((await read())?.told).toEqual({ until: 100 });
    await removed('a', 50);
    await removed('a', 60, OTHER);
    expect((await read())?.told).toEqual({ until: 100, by: ONE });
  });

  it('still knows it when the object is there again', async () => {
    const now = Date.now() * 1_000;
    await put('a', now - 20);
    await missing('a', now - 20, now);
    await put('a', now + 10, 9);
    expect(await read()).toMatchObject({ state: 'there', size: 9, told: { until: now } });
    await removed('a', now - 5);
    expect(await read()).toMatchObject({ state: 'there', size: 9, told: { until: now, by: ONE } });
  });

  it('has any number of keys in their order, in keys of Redis that stay small', async () => {
    const names = new Set<string>();
    for (let index = 0; index < 3_000; index++) names.add(`${'dir/'.repeat(index % 3)}${randomBytes(3).toString('base64')}`);
    for (let index = 0; index < 1_000; index++) names.add(`sorted/${String(index).padStart(6, '0')}`);
    for (const nasty of ['a', 'a\u0001', 'a\u0001b', 'é', 'e\u0301', '語', '😀', '~', ' ', '[', '(', '+', '-']) names.add(nasty);
    await Promise.all([...names].map((name) => put(name, 10)));
    const sorted = [...names].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    expect([...(await readAll()).keys()]).toEqual(sorted);
    for (const name of ['a', 'a\u0001', '😀', 'sorted/000500']) expect(await read(name)).toBeDefined();
    const [from, to] = [sorted[1_234]!, sorted[2_345]!];
    expect([...(await readAll({ from: `${from}\u0001`, end: `(${to}\u0001` })).keys()]).toEqual(sorted.slice(1_235, 2_346));
    const sizes = await Promise.all((await keys()).filter((key) => /:\d+$/.test(key)).map((key) => client.zcard(key)));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(128);
    expect(sizes.length).toBeLessThan(names.size / 50);
    await endWalk();
    await Promise.all(sorted.filter((_, index) => index % 3 > 0).map((name) => removed(name, 11)));
    expect([...(await readAll()).keys()]).toEqual(sorted.filter((_, index) => index % 3 === 0));
    await Promise.all(sorted.map((name) => removed(name, 12)));
    await endWalk();
    for (const [name] of await readAll()) await inventory.note([{ ...OF, key: name, time: 12, kind: 'superfluous' }]);
    expect([...(await readAll()).keys()]).toEqual([]);
  });

  it('is dropped in slices', async () => {
    await Promise.all(Array.from({ length: 20_000 }, (_, index) => put(`key-${String(index).padStart(6, '0')}`, 10)));
    let slices = 1;
    while (!(await inventory.drop(OF))) slices += 1;
    expect(slices).toBeGreaterThan(2);
    expect(await keys()).toEqual([]);
  });
});
