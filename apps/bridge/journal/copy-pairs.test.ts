import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readIntakeBody } from '#event-rule/intake-body.js';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import type { EventWay } from '#event-source/event-source.js';
import type { Gap } from '#event-source/gap.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { BridgeMetrics } from '../bridge-metrics.js';
import { CopyPairs } from './copy-pairs.js';
import type { JournalState } from './journal.js';

const PATIENCE = 200;
const QUIET: JournalState[] = [{ entries: 0, backlogs: [], keeper: true }];
const WAYS: Record<string, readonly EventWay[]> = { both: ['durable', 'fast'], fast: ['fast'], durable: ['durable'] };

describe('CopyPairs', () => {
  let client: RedisClient;
  let deployment: Deployment;
  let gaps: { source: string; gap: Gap }[];

  beforeAll(async () => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
    await eventually('connected', () => client.status === 'ready');
  });

  beforeEach(async () => {
    deployment = await Deployment.open(client, `copies-${randomBytes(6).toString('hex')}`);
    gaps = [];
  });

  afterAll(() => client.disconnect());

  function bridge(openGap = async (source: string, gap: Gap) => void gaps.push({ source, gap })): CopyPairs {
    const sources = { get: (name: string) => (name in WAYS ? { ways: WAYS[name]! } : undefined) };
    return new CopyPairs({ client, deployment, sources, openGap, metrics: new BridgeMetrics(), logger: silentLogger, patience: PATIENCE });
  }

  const events = (source: string, key: string, bucket = 'photos') =>
    readIntakeBody(Buffer.from(minioBody({ key, bucket, requestId: `R-${key}` })), { source, receivedAt: Date.now() }).events;

  const left = async () => {
    const keys = await client.keys(`${deployment.prefix}:*:copies`);
    return (await Promise.all(keys.map((key) => client.zcard(key)))).reduce((sum, count) => sum + count, 0);
  };

  /** Looks as the heartbeat does until there is something, or for so long that there would be. */
  async function lookUntil(pairs: CopyPairs, done: () => boolean): Promise<void> {
    await eventually('found', async () => {
      await pairs.look(QUIET);
      return done();
    }, { every: 50, within: 3_000 });
  }

  it('finds two copies, whichever comes first, at whichever bridge', async () => {
    const [one, other] = [bridge(), bridge()];
    await one.note(events('both', 'a'), 'fast');
    await other.note(events('both', 'a'), 'durable');
    await other.note(events('both', 'b'), 'durable');
    await one.note(events('both', 'b'), 'fast');
    expect(await left()).toBe(0);
  });

  it('reports what only came the fast way, once, with its bucket and time', async () => {
    const pairs = bridge();
    const before = Date.now();
    await pairs.note(events('both', 'lone'), 'fast');
    await pairs.note(events('both', 'lone too', 'music'), 'fast');
    await lookUntil(pairs, () => gaps.length > 0);
    await lookUntil(pairs, () => gaps.flatMap(({ gap }) => gap.buckets ?? []).length === 2);
    for (const { source, gap } of gaps) {
      expect([source, gap.reason]).toEqual(['both', 'durable-copy-missing']);
      expect(gap.since).toBeGreaterThanOrEqual(before - 10);
      expect(gap.since).toBeLessThanOrEqual(Date.now());
    }
    expect(gaps.flatMap(({ gap }) => gap.buckets).sort()).toEqual(['music', 'photos']);
    expect(await left()).toBe(0);
  });

  it('keeps what it could not report', async () => {
    const failing = bridge(() => Promise.reject(new Error('away')));
    await failing.note(events('both', 'lone'), 'fast');
    await expect(lookUntil(failing, () => false)).rejects.toThrow('not within');
    expect(await left()).toBe(1);
  });

  it('says nothing of durable copies without a fast one, and forgets them', async () => {
    const pairs = bridge();
    await pairs.note(events('both', 'durable alone'), 'durable');
    let turn = 0;
    await eventually('forgotten', async () => {
      await pairs.look(QUIET);
      turn += 1;
      await pairs.note(events('both', `another ${turn}`), 'durable');
      await pairs.note(events('both', `another ${turn}`), 'fast');
      return (await left()) === 0;
    }, { every: 50 });
    expect(gaps).toEqual([]);
  });

  it('does not watch sources that have one way, or that nobody registered', async () => {
    const pairs = bridge();
    for (const source of ['fast', 'durable', 'unknown']) await pairs.note(events(source, 'a'), 'fast');
    expect(await left()).toBe(0);
  });

  it('waits while the journal is behind, after a silence, and where it is not the keeper', async () => {
    const pairs = bridge();
    const start = Date.now();
    await pairs.note(events('both', 'late'), 'fast');
    await pairs.look(QUIET, start);
    await eventually('it would be reported', () => Date.now() - start > 2 * PATIENCE);
    await pairs.look([{ ...QUIET[0]!, oldest: start }], start + 1_000);
    await pairs.look(QUIET, start + 1_100);
    await pairs.look(QUIET, start + 100_000);
    await pairs.look([{ ...QUIET[0]!, keeper: false }], start + 101_000);
    expect(gaps).toEqual([]);
    await pairs.look(QUIET, start + 102_000);
    expect(gaps).toHaveLength(1);
  });
});
