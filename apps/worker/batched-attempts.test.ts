import { describe, expect, it } from '@jest/globals';
import type { PushBatch } from '#delivery/push-batch.js';
import { SettableClock } from '#runtime/clock.js';
import type { PendingDelivery, Settlement } from '#topic/pending-delivery.js';
import { samplePending, sampleSubscription } from '../../test/support/sample-delivery.js';
import { BatchedAttempts } from './batched-attempts.js';
import { EndpointWindow } from './endpoint-window.js';

const BATCH: PushBatch = { size: 4, waitMillis: 0, form: 'array' };
const NEVER = new AbortController().signal;

class Scene {
  readonly clock = new SettableClock(1_790_000_000_000);
  readonly window = new EndpointWindow(this.clock);
  readonly pushes: (readonly PendingDelivery[])[] = [];
  readonly subscription = sampleSubscription();
  /** Ends the pushes under way, the first one first. */
  readonly ends: (() => void)[] = [];
  isManual = false;
  readonly batches = new BatchedAttempts(async (_to, batch) => {
    this.pushes.push(batch);
    if (this.isManual) await new Promise<void>((resolve) => this.ends.push(resolve));
    return batch.map(({ handle }): Settlement => ({ handle, outcome: 'delivered' }));
  }, this.clock);

  add(count: number, changes: Partial<PendingDelivery> = {}, batch = BATCH, body = 'x'): Promise<Settlement>[] {
    return Array.from({ length: count }, (_, index) => {
      const pending = samplePending({ body }, { handle: `${this.pushes.length}-${index}.1`, ...changes });
      return this.batches.attempt(this.subscription, batch, pending, this.window, NEVER);
    });
  }

  get sizes(): number[] {
    return this.pushes.map(({ length }) => length);
  }
}

describe('BatchedAttempts', () => {
  it('makes pushes of what is due together, each delivery with its own settlement', async () => {
    const scene = new Scene();
    const settlements = await Promise.all(scene.add(10));
    expect(scene.sizes).toEqual([4, 4, 2]);
    expect(settlements.map(({ handle }) => handle)).toEqual(scene.pushes.flat().map(({ handle }) => handle));
    expect(await Promise.all(scene.add(1))).toHaveLength(1);
    expect(scene.sizes).toEqual([4, 4, 2, 1]);
  });

  it('waits for others as long as it may, and no longer when it is full', async () => {
    const scene = new Scene();
    const waiting = { ...BATCH, waitMillis: 50 };
    const first = scene.add(1, {}, waiting);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(scene.sizes).toEqual([]);
    await Promise.all([...first, ...scene.add(1, {}, waiting)]);
    expect(scene.sizes).toEqual([2]);
    void scene.add(4, {}, { ...BATCH, waitMillis: 1_000 });
    expect(scene.sizes).toEqual([2, 4]);
  });

  it('puts what failed before into ever smaller pushes', async () => {
    const scene = new Scene();
    const large = { ...BATCH, size: 100 };
    await Promise.all([...scene.add(50, { attempts: 1 }, large), ...scene.add(2, { attempts: 4 }, large), ...scene.add(50, {}, large)]);
    expect(scene.sizes.toSorted((one, other) => one - other)).toEqual([1, 1, 25, 25, 50]);
  });

  it('keeps a push below half a megabyte of text', async () => {
    const scene = new Scene();
    await Promise.all(scene.add(10, {}, { ...BATCH, size: 100 }, 'x'.repeat(65_536)));
    expect(scene.sizes).toEqual([8, 2]);
  });

  it('has no more pushes under way than the window allows', async () => {
    const scene = new Scene();
    scene.isManual = true;
    const all = Promise.all(scene.add(4 * 40));
    await Promise.resolve();
    expect(scene.sizes).toHaveLength(32);
    while (scene.ends.length > 0) {
      scene.ends.shift()!();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await all;
    expect(scene.sizes).toHaveLength(40);
  });

  it.each(['the endpoint is left alone', 'its turn does not come'])('gives back uncounted what waits while %s', async (why) => {
    const scene = new Scene();
    scene.isManual = true;
    const all = scene.add(4 * 33);
    await Promise.resolve();
    if (why.startsWith('its')) scene.clock.advance(5_001);
    else scene.window.failed(scene.clock.now(), 30);
    scene.ends.shift()!();
    expect(await Promise.all(all.slice(-4))).toMatchObject(Array(4).fill({ outcome: 'returned' }));
    scene.ends.forEach((end) => end());
    expect((await Promise.all(all)).filter(({ outcome }) => outcome === 'delivered')).toHaveLength(4 * 32);
  });

  it('tells everybody of a defect', async () => {
    const scene = new Scene();
    const broken = new BatchedAttempts(() => Promise.reject(new Error('defect')), scene.clock);
    const attempts = [1, 2].map(() => broken.attempt(scene.subscription, BATCH, samplePending(), scene.window, NEVER));
    for (const attempt of attempts) await expect(attempt).rejects.toThrow('defect');
  });
});
