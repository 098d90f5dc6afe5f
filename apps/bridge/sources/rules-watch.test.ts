import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Gap } from '#event-source/gap.js';
import type { SourceStatus } from '#event-source/source-status-store.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { RulesWatch } from './rules-watch.js';
import { sampleSource } from './sample-source.fixture.js';

const INTERVAL = 20;

describe('RulesWatch', () => {
  let watch: RulesWatch;
  let status: SourceStatus;
  let looks: number;
  const gaps: Gap[] = [];
  /** What the store has, by bucket; absent: no such bucket. */
  const rules = new Map<string, boolean>();

  beforeEach(() => {
    gaps.length = 0;
    looks = 0;
    status = {};
    rules.clear();
  });

  afterEach(() => watch.stop());

  function start(before: SourceStatus = {}): void {
    watch = new RulesWatch({
      source: sampleSource('store', { buckets: ['photos', 'films'] }),
      hasRules: async (bucket) => {
        looks++;
        const found = rules.get(bucket);
        if (found === undefined) throw new Error('The specified bucket does not exist');
        return found;
      },
      putRules: async (bucket) => void rules.set(bucket, true),
      gaps: { report: (reason, since, buckets) => gaps.push({ reason, since, buckets }) },
      status: { set: (changes) => (status = { ...status, ...changes }) },
      readStatus: async () => before,
      logger: silentLogger,
      interval: INTERVAL,
    });
    watch.start();
  }

  const state = (bucket: string) => status.rules?.[bucket]?.state;

  it('puts again what was there and is gone, and opens a gap for the bucket since it was last seen', async () => {
    rules.set('photos', true).set('films', true);
    start();
    await eventually('seen', () => state('photos') === 'present' && state('films') === 'present');
    const before = Date.now();
    rules.set('photos', false);
    await eventually('restored', () => state('photos') === 'restored');
    expect(gaps).toEqual([{ reason: 'rules-missing', since: expect.any(Number), buckets: ['photos'] }]);
    expect(gaps[0]!.since).toBeLessThanOrEqual(before);
    expect(gaps[0]!.since).toBeGreaterThan(before - 20 * INTERVAL);
    expect([rules.get('photos'), state('films')]).toEqual([true, 'present']);
  });

  it('does so for a bucket that was removed and made again', async () => {
    rules.set('photos', true).set('films', true);
    start();
    await eventually('seen', () => state('photos') === 'present');
    rules.delete('photos');
    await eventually('unknown', () => state('photos') === 'unknown');
    expect(status.rules!['photos']!.reason).toContain('does not exist');
    rules.set('photos', false);
    await eventually('restored', () => state('photos') === 'restored');
    expect(gaps).toHaveLength(1);
  });

  it('leaves alone what nobody has provisioned', async () => {
    rules.set('photos', false);
    start();
    await eventually('looked', () => looks > 6);
    expect(status.rules).toMatchObject({ photos: { state: 'missing', reason: expect.stringContaining('provision') }, films: { state: 'missing', reason: expect.stringContaining('does not exist') } });
    expect(gaps).toEqual([]);
  });

  it('knows from the leader before what was there', async () => {
    rules.set('photos', false).set('films', false);
    start({ lastProvenLive: 1_000_000, rules: { photos: { state: 'present', since: 1 }, films: { state: 'missing', since: 1 } } });
    await eventually('restored', () => state('photos') === 'restored');
    expect(gaps).toEqual([{ reason: 'rules-missing', since: 1_000_000 - INTERVAL, buckets: ['photos'] }]);
    expect(state('films')).toBe('missing');
  });
});
