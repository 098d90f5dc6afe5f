import { describe, expect, it } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { giveBackMemory, giveBackMemoryAtRest } from './idle-memory.js';

/** Makes V8 keep room for new objects: many of them survive until the last moment. */
function makeRoom(): void {
  let kept: object[] = [];
  for (let i = 0; i < 2_000_000; i++) {
    kept.push({ i });
    if (kept.length === 400_000) kept = [];
  }
}

const unused = (): number => {
  const { heapTotal, heapUsed } = process.memoryUsage();
  return heapTotal - heapUsed;
};

describe('memory at rest', () => {
  it('gives back what the heap holds and does not use', () => {
    makeRoom();
    const before = process.memoryUsage().heapTotal;
    giveBackMemory();
    expect(process.memoryUsage().heapTotal).toBeLessThan(before - 10 * 1_048_576);
  });

  it('does so by itself when the process has come to rest', async () => {
    makeRoom();
    const before = unused();
    const end = giveBackMemoryAtRest(300, 0.5);
    try {
      await eventually('the heap is smaller', () => unused() < Math.max(before / 2, 24 * 1_048_576));
    } finally {
      end();
    }
  });
});
