import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { BurstHold } from './burst-hold.js';

function open() {
  const seen = { released: 0 };
  return { seen, hold: new BurstHold(() => (seen.released += 1)) };
}

describe('BurstHold', () => {
  it('holds nothing while single bodies come', () => {
    const { hold } = open();
    for (let n = 0; n < 1_000; n += 1) hold.note(1);
    expect(hold.holding).toBe(false);
  });

  it('holds as long as a burst lasts', async () => {
    const { hold, seen } = open();
    const end = performance.now() + 200;
    while (performance.now() < end) {
      hold.note(20);
      expect(hold.holding).toBe(true);
      await sleep(1);
    }
    expect(seen.released).toBe(0);
    await eventually('released', () => !hold.holding);
    expect(seen.released).toBe(1);
  });

  it('lets hand-over catch up before the next burst when a burst was too long', async () => {
    const { hold, seen } = open();
    for (let n = 0; n < 1_000; n += 1) hold.note(50);
    expect([hold.holding, seen.released]).toEqual([false, 1]);
    hold.note(50);
    expect(hold.holding).toBe(false);
    hold.caughtUp();
    hold.note(50);
    expect(hold.holding).toBe(true);
    await eventually('released', () => !hold.holding);
  });
});
