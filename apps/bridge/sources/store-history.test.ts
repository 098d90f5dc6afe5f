import { describe, expect, it } from '@jest/globals';
import { StoreHistory } from './store-history.js';
import type { StoreFigures } from './store-metrics.js';
import { sampleSource } from './sample-source.fixture.js';

const SECOND = 1_000;

function figures(changes: { startedAt?: number; skipped?: number; total?: number; failed?: number; queued?: number; fastFailed?: number } = {}): StoreFigures {
  const { startedAt = 1_000_000, skipped = 0, total = 0, failed = 0, queued = 0, fastFailed = 0 } = changes;
  return {
    startedAt: new Map([['node-1', startedAt]]),
    skipped: new Map([['node-1', skipped]]),
    targets: [
      { server: 'node-1', target: 'MAGPIE', total, failed, queued },
      { server: 'node-1', target: 'MAGPIEFAST', total, failed: fastFailed, queued: 0 },
    ],
  };
}

const reasons = (change: { gaps: readonly { reason: string; since: number }[] }) => change.gaps.map(({ reason, since }) => [reason, since]);

describe('StoreHistory', () => {
  it('tells a restart and a loss by what changed since the look before', () => {
    const history = new StoreHistory(sampleSource('store', { ways: ['durable', 'fast'] }));
    expect(reasons(history.observe(figures({ skipped: 7, failed: 3 }), 10))).toEqual([]);
    expect(reasons(history.observe(figures({ skipped: 7, failed: 3 }), 20))).toEqual([]);
    expect(reasons(history.observe(figures({ skipped: 8, failed: 3 }), 30))).toEqual([['events-dropped', 20]]);
    expect(reasons(history.observe(figures({ skipped: 8, failed: 4 }), 40))).toEqual([['events-dropped', 30]]);
    expect(history.observe(figures({ startedAt: 1_005_000 }), 50)).toMatchObject({ restarted: true, gaps: [{ reason: 'store-restarted', since: 40 }] });
    expect(history.observe(figures({ startedAt: 1_005_000, failed: 1 }), 60)).toMatchObject({ restarted: false, gaps: [{ reason: 'events-dropped', since: 50 }] });
  });

  it('takes a lost fast copy for a loss only where no durable one follows', () => {
    for (const [ways, expected] of [[['durable', 'fast'], []], [['fast'], [['events-dropped', 10]]], [['listen'], []]] as const) {
      const history = new StoreHistory(sampleSource('store', { ways }));
      history.observe(figures(), 10);
      expect(reasons(history.observe(figures({ fastFailed: 1, skipped: ways.some((way) => way === 'listen') ? 1 : 0 }), 20))).toEqual(expected);
    }
  });

  it('compares a node that was away with what it said before', () => {
    const history = new StoreHistory(sampleSource('store'));
    history.observe(figures({ skipped: 5 }), 10);
    history.observe({ startedAt: new Map([['node-2', 1_000_000]]), skipped: new Map(), targets: [] }, 20);
    expect(reasons(history.observe(figures({ skipped: 5 }), 30))).toEqual([]);
    expect(reasons(history.observe(figures({ startedAt: 1_009_000 }), 40))).toEqual([['store-restarted', 30]]);
  });

  it('finds a queue stuck that does not move for a minute, once in half an hour', () => {
    const history = new StoreHistory(sampleSource('store'));
    const stuckAt = (seconds: number, total: number, queued: number) => {
      const { stuck, gaps } = history.observe(figures({ total, queued }), seconds * SECOND);
      return [stuck.length, ...gaps.map(({ since }) => since / SECOND)];
    };
    expect(stuckAt(0, 10, 0)).toEqual([0]);
    expect(stuckAt(10, 14, 4)).toEqual([0]);
    expect(stuckAt(40, 16, 6)).toEqual([0]);
    expect(stuckAt(60, 20, 10)).toEqual([1, 0]);
    expect(stuckAt(70, 20, 10)).toEqual([1]);
    expect(stuckAt(1_900, 20, 10)).toEqual([1, 0]);
    expect(stuckAt(1_910, 20, 0)).toEqual([0]);
  });

  it('does not take a queue that moves for stuck, however long it is, nor what a crash left in one', () => {
    const history = new StoreHistory(sampleSource('store'));
    for (let at = 0; at < 30; at++) expect(history.observe(figures({ total: at * 100, queued: 50 + (at % 7) }), at * 10 * SECOND).stuck).toEqual([]);
    const idle = new StoreHistory(sampleSource('store'));
    idle.observe(figures({ total: 0, queued: 2 }), 0);
    idle.observe(figures({ total: 5, queued: 2 }), 10 * SECOND);
    expect(idle.observe(figures({ total: 5, queued: 2 }), 600 * SECOND).stuck).toEqual([]);
  });
});
