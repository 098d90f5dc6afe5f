import { describe, expect, it } from '@jest/globals';
import { dingtalk } from './robot/dingtalk.js';
import { feishu } from './robot/feishu.js';
import { slack } from './robot/slack.js';
import { wecom } from './robot/wecom.js';
import { RateBudget, type Rate } from './rate-budget.js';

/** Takes as often as it can for five minutes; answers the times. */
function takeGreedily(rate: Rate): number[] {
  const budget = new RateBudget(rate, 0);
  const times: number[] = [];
  for (let now = 0; now < 300_000; now += 10) while (budget.take(now)) times.push(now);
  return times;
}

/** The most that fell into any stretch of so many milliseconds. */
function most(times: readonly number[], millis: number): number {
  return Math.max(...times.map((start) => times.filter((time) => time >= start && time < start + millis).length));
}

describe('RateBudget', () => {
  it('lets a burst through, then one at a time', () => {
    const budget = new RateBudget({ burst: 2, refillMillis: 1_000 }, 0);
    expect([budget.take(0), budget.take(0), budget.take(0)]).toEqual([true, true, false]);
    expect(budget.waitMillis(400)).toBe(600);
    expect([budget.take(1_000), budget.take(1_000)]).toEqual([true, false]);
    expect(budget.waitMillis(10_000)).toBe(0);
    expect([budget.take(10_000), budget.take(10_000), budget.take(10_000)]).toEqual([true, true, false]);
  });

  it('is not filled by a clock that is set back', () => {
    const budget = new RateBudget({ burst: 1, refillMillis: 1_000 }, 5_000);
    expect([budget.take(5_000), budget.take(4_000), budget.take(4_999)]).toEqual([true, false, false]);
    expect(budget.take(5_999)).toBe(true);
  });

  it.each([
    [dingtalk, 60_000, 20],
    [feishu, 60_000, 100],
    [feishu, 1_000, 5],
    [wecom, 60_000, 20],
    [slack, 1_000, 1],
  ] as const)('keeps what the provider %# allows', (provider, millis, limit) => {
    const times = takeGreedily(provider.rate);
    expect(most(times, millis)).toBeLessThanOrEqual(limit);
    expect(most(times, 60_000)).toBeGreaterThan(15);
  });
});
