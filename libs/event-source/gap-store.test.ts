import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../test/support/eventually.js';
import { GapStore, MOST_BACKFILLS, TooManyBackfills } from './gap-store.js';
import type { GapProgress } from './open-gap.js';

const PROGRESS: GapProgress = { startedAt: 5, done: ['a'], listed: 2_000, found: 3, told: 2, problems: [] };

describe('GapStore', () => {
  let client: RedisClient;
  let gaps: GapStore;
  let now = 1_000;

  beforeAll(async () => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
    await eventually('connected', () => client.status === 'ready');
  });

  beforeEach(async () => {
    now = 1_000;
    gaps = new GapStore(client, await Deployment.open(client, `gaps-${randomBytes(6).toString('hex')}`), () => now);
  });

  afterAll(() => client.disconnect());

  it('joins gaps whose repair has not begun', async () => {
    await gaps.openGap('store', { reason: 'store-restarted', since: 900, buckets: ['a'] });
    now = 2_000;
    await gaps.openGap('store', { reason: 'rules-missing', since: 800, buckets: ['b'] });
    await gaps.openGap('store', { reason: 'store-restarted', since: 950, buckets: ['a'] });
    const [gap, ...others] = await gaps.list('store');
    expect(others).toEqual([]);
    expect(gap).toMatchObject({ state: 'waiting', openedAt: 1_000, changedAt: 2_000, reasons: ['store-restarted', 'rules-missing'] });
    expect(gap!.spans).toEqual([{ since: 900, buckets: ['a'] }, { since: 800, buckets: ['b'] }]);
  });

  it('opens another gap once the repair has begun', async () => {
    await gaps.openGap('store', { reason: 'store-restarted', since: 900 });
    const [first] = await gaps.list('store');
    expect(await gaps.begin('store', first!.id)).toBe(true);
    await gaps.openGap('store', { reason: 'store-restarted', since: 1_000 });
    expect((await gaps.list('store')).map(({ state }) => state)).toEqual(['running', 'waiting']);
  });

  it('loses none of many gaps that are opened at the same time', async () => {
    await Promise.all(Array.from({ length: 12 }, (_, index) => gaps.openGap('store', { reason: 'rules-missing', since: index, buckets: [`bucket-${index}`] })));
    const [gap] = await gaps.list('store');
    expect(gap!.spans).toHaveLength(12);
  });

  it('keeps progress, and what came of a gap', async () => {
    await gaps.openGap('store', { reason: 'schedule', since: 1 });
    const [gap] = await gaps.list('store');
    await gaps.begin('store', gap!.id);
    expect(await gaps.progress('store', gap!.id, { ...PROGRESS, bucket: 'b', cursor: { key: 'k\u0001\n', version: 'v' } })).toBe(true);
    expect((await gaps.list('store'))[0]!.progress!.cursor).toEqual({ key: 'k\u0001\n', version: 'v' });
    now = 3_000;
    expect(await gaps.close('store', gap!.id, PROGRESS)).toBe(true);
    expect(await gaps.close('store', gap!.id, PROGRESS)).toBe(false);
    expect(await gaps.list('store')).toEqual([]);
    expect(await gaps.closed('store')).toMatchObject([{ id: gap!.id, closedAt: 3_000, outcome: 'repaired', progress: PROGRESS }]);
  });

  it('keeps a hundred gaps in its history', async () => {
    for (let index = 0; index < 105; index++) {
      await gaps.openGap('store', { reason: 'schedule', since: index });
      const [gap] = await gaps.list('store');
      await gaps.close('store', gap!.id, PROGRESS);
    }
    const closed = await gaps.closed('store');
    expect(closed).toHaveLength(100);
    expect(closed[0]!.spans).toEqual([{ since: 104 }]);
  });

  it('keeps back-fills apart from gaps; they can be paused, resumed and cancelled', async () => {
    await gaps.openGap('store', { reason: 'store-restarted', since: 900 });
    const { id } = await gaps.openBackfill('store', { buckets: ['a'], prefix: 'x/', rates: { eventsPerSecond: 50 } });
    const backfill = async () => (await gaps.list('store')).find((gap) => gap.id === id);
    expect(await backfill()).toMatchObject({ spans: [{ since: 0, buckets: ['a'], prefix: 'x/' }], backfill: { eventsPerSecond: 50, pagesPerSecond: 10 }, reasons: ['requested'] });
    expect(await gaps.pause('store', id)).toBe(true);
    expect(await gaps.begin('store', id)).toBe(false);
    expect(await gaps.resume('store', id)).toBe(true);
    expect(await gaps.begin('store', id)).toBe(true);
    await gaps.progress('store', id, PROGRESS);
    await gaps.pause('store', id);
    expect(await gaps.progress('store', id, PROGRESS)).toBe(false);
    await gaps.resume('store', id);
    expect(await backfill()).toMatchObject({ state: 'running', progress: PROGRESS });
    expect(await gaps.cancel('store', id)).toBe(true);
    expect(await gaps.closed('store')).toMatchObject([{ id, outcome: 'cancelled', progress: PROGRESS }]);
    expect(await gaps.list('store')).toHaveLength(1);
  });

  it('takes no more than a few back-fills', async () => {
    for (let count = 0; count < MOST_BACKFILLS; count++) await gaps.openBackfill('store', {});
    await expect(gaps.openBackfill('store', {})).rejects.toThrow(TooManyBackfills);
  });

  it('forgets a source', async () => {
    await gaps.openGap('store', { reason: 'schedule', since: 1 });
    await gaps.openGap('other', { reason: 'schedule', since: 1 });
    await gaps.delete('store');
    expect(await gaps.list('store')).toEqual([]);
    expect(await gaps.list('other')).toHaveLength(1);
  });
});
