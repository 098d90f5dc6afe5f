import { describe, expect, it } from '@jest/globals';
import { QueueTrend } from './queue-trend.js';

const SINCE = 1_000;

describe('QueueTrend', () => {
  it('waits for nothing where nobody looks at the queue', () => {
    expect(new QueueTrend().isDraining(undefined, SINCE)).toBe(false);
    expect(new QueueTrend().isDraining({ checkedAt: 2_000 }, SINCE)).toBe(false);
  });

  it('waits for a look that is newer than the gap', () => {
    const trend = new QueueTrend();
    expect(trend.isDraining({ queueLength: 0, checkedAt: 900 }, SINCE)).toBe(true);
    expect(trend.isDraining({ queueLength: 0, checkedAt: 1_900 }, SINCE)).toBe(false);
  });

  it('waits while the queue gets shorter', () => {
    const trend = new QueueTrend();
    const looks = [
      { queueLength: 50, checkedAt: 2_000 },
      { queueLength: 50, checkedAt: 2_000 },
      { queueLength: 20, checkedAt: 3_000 },
      { queueLength: 0, checkedAt: 4_000 },
    ];
    expect(looks.map((look) => trend.isDraining(look, SINCE))).toEqual([true, true, true, false]);
  });

  it('does not wait for what never leaves', () => {
    const trend = new QueueTrend();
    const looks = [
      { queueLength: 3, checkedAt: 2_000 },
      { queueLength: 3, checkedAt: 3_000 },
      { queueLength: 3, checkedAt: 3_000 },
    ];
    expect(looks.map((look) => trend.isDraining(look, SINCE))).toEqual([true, false, false]);
  });
});
