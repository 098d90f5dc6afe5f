import { describe, expect, it } from '@jest/globals';
import { nextAttempt, type NotifyStrategyName } from './notify-strategy.js';

function schedule(strategy: NotifyStrategyName, random: () => number = () => 0): number[] {
  const delays: number[] = [];
  for (;;) {
    const delay = nextAttempt(strategy, delays.length + 1, random);
    if (delay === undefined) return delays;
    delays.push(delay);
  }
}

describe('nextAttempt', () => {
  it('retries three times after 10 to 20 seconds with BACKOFF_RETRY', () => {
    expect(schedule('BACKOFF_RETRY', () => 0)).toEqual([10, 10, 10]);
    expect(schedule('BACKOFF_RETRY', () => 0.5)).toEqual([15, 15, 15]);
    const late = schedule('BACKOFF_RETRY', () => 0.999_999);
    expect(late).toHaveLength(3);
    for (const delay of late) expect(delay).toBeLessThan(20);
  });

  it('draws a new number for each retry', () => {
    const numbers = [0.1, 0.9, 0.4];
    expect(schedule('BACKOFF_RETRY', () => numbers.shift()!)).toEqual([11, 19, 14]);
  });

  it('doubles up to 512 seconds with EXPONENTIAL_DECAY_RETRY and stays inside a day', () => {
    const delays = schedule('EXPONENTIAL_DECAY_RETRY');
    expect(delays).toHaveLength(176);
    expect(delays.slice(0, 11)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512]);
    expect(delays.filter((delay) => delay === 512)).toHaveLength(167);
    expect(delays.reduce((sum, delay) => sum + delay, 0)).toBe(86_015);
  });
});
