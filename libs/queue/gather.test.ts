import { describe, expect, it } from '@jest/globals';
import { Gather } from './gather.js';

/** A gather whose calls end when the test says so. */
function controlled(limits = { items: 3, weight: 100 }) {
  const calls: { partition: number; items: readonly number[]; finish: (error?: Error) => void }[] = [];
  const gather = new Gather<number, string>(
    (partition, items) =>
      new Promise((resolve, reject) => {
        calls.push({ partition, items, finish: (error) => (error ? reject(error) : resolve(items.map((item) => `r${item}`))) });
      }),
    { ...limits, weigh: (item) => item },
  );
  return { gather, calls };
}

describe('gathering', () => {
  it('lets a lone item go at once and collects what comes meanwhile', async () => {
    const { gather, calls } = controlled();
    const first = gather.add(1, 1);
    const rest = [gather.add(1, 2), gather.add(1, 3)];
    expect(calls.map(({ items }) => items)).toEqual([[1]]);
    calls[0]!.finish();
    expect(await first).toBe('r1');
    expect(calls[1]!.items).toEqual([2, 3]);
    calls[1]!.finish();
    expect(await Promise.all(rest)).toEqual(['r2', 'r3']);
  });

  it('keeps partitions apart', () => {
    const { gather, calls } = controlled();
    void gather.add(1, 1);
    void gather.add(2, 2);
    expect(calls.map(({ partition }) => partition)).toEqual([1, 2]);
  });

  it('keeps to the limits of a call, but for a single item that is too heavy', async () => {
    const { gather, calls } = controlled();
    const items = [1, 60, 50, 200, 1, 1, 1, 1].map((item) => gather.add(1, item));
    for (let i = 0; i < calls.length; i++) {
      calls[i]!.finish();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(items);
    expect(calls.map((call) => call.items)).toEqual([[1], [60], [50], [200], [1, 1, 1], [1]]);
  });

  it('fails all items of a call that fails, and goes on with the next', async () => {
    const { gather, calls } = controlled();
    const first = gather.add(1, 1);
    const second = gather.add(1, 2);
    calls[0]!.finish(new Error('away'));
    await expect(first).rejects.toThrow('away');
    calls[1]!.finish();
    expect(await second).toBe('r2');
  });
});
