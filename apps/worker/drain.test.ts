import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import type { LeaseReply, PendingDelivery, Settlement } from '#topic/pending-delivery.js';
import { ACCOUNT, drainRun, samplePending, sampleSubscription } from '../../test/support/sample-delivery.js';
import { Drain, type DeliverySource, type DrainTools } from './drain.js';
import { EndpointWindow } from './endpoint-window.js';
import { FairShare } from './fair-share.js';

const NOW = 1_790_000_000_000;
const ADDRESS = { partition: 3, id: 'AAAAAAAAAAA' };
const EPOCH = 7;
const away = (): Promise<never> => Promise.reject(new Error('Connection is closed.'));

/** What the engine would answer, from a list of due deliveries; everything that happened is written down in order. */
class Scene {
  readonly clock = new SettableClock(NOW);
  readonly window = new EndpointWindow(this.clock);
  readonly share = new FairShare();
  readonly stopping = new AbortController();
  readonly abandoning = new AbortController();
  readonly events: string[] = [];
  readonly settled: Settlement[] = [];
  due: PendingDelivery[] = [];
  timer: number | undefined;
  drainRun: ConstructorParameters<typeof Drain>[2] = drainRun(EPOCH);
  ended = false;
  atOnce = 0;
  mostAtOnce = 0;
  /** Makes one attempt. */
  attempt: (pending: PendingDelivery, signal: AbortSignal) => Promise<Settlement> = ({ handle }) => {
    this.window.succeeded();
    return Promise.resolve({ handle, outcome: 'delivered' });
  };
  source: DeliverySource = {
    lease: (_address, _run, options) => Promise.resolve(this.lease(options)),
    entrust: (_address, { name }) => Promise.resolve(void this.events.push(`entrust ${name}`)),
    settle: (_address, settlements, lastLook) => {
      this.settled.push(...settlements);
      this.events.push(`settle ${settlements.length}`);
      const counted = settlements.map(() => true);
      if (lastLook === undefined || this.due.length > 0) return Promise.resolve({ counted });
      this.events.push('last look');
      return Promise.resolve({ counted, end: this.timer === undefined ? {} : { timer: this.timer } });
    },
  };

  owe(...handles: string[]): void {
    this.due.push(...handles.map((handle) => samplePending({}, { handle })));
  }

  run(): Promise<void> {
    const tools: DrainTools = {
      source: this.source,
      scheduler: {
        addTimer: (_address, due) => Promise.resolve(void this.events.push(`timer ${due - NOW}`)),
        resume: (_address, epoch, due, pause) => {
          this.events.push(`resume ${epoch} in ${due - this.clock.now()} after ${pause}`);
          return Promise.resolve();
        },
      },
      share: this.share,
      accounts: { get: () => ACCOUNT, set: () => undefined },
      clock: this.clock,
      logger: silentLogger,
      attempt: async (_subscription, pending, _window, signal) => {
        this.atOnce += 1;
        this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
        try {
          return await this.attempt(pending, signal);
        } finally {
          this.atOnce -= 1;
        }
      },
      onSettled: () => undefined,
      stopping: this.stopping.signal,
      abandoning: this.abandoning.signal,
    };
    return new Drain(tools, ADDRESS, this.drainRun, this.window).run();
  }

  private lease({ count, lastLook }: { count: number; lastLook: boolean }): LeaseReply {
    if (this.ended) return { state: 'ended' };
    const deliveries = this.due.splice(0, count);
    if (deliveries.length > 0) return { state: 'leased', subscription: sampleSubscription(), deliveries };
    this.events.push(lastLook ? 'last look' : 'look');
    return { state: 'idle', ...(lastLook && this.timer !== undefined && { timer: this.timer }) };
  }
}

function handles(scene: Scene): string[] {
  return scene.settled.map(({ handle }) => handle).sort();
}

describe('Drain', () => {
  it('delivers what is due, records it, and takes its last look only when nothing is in flight', async () => {
    const scene = new Scene();
    scene.owe('a', 'b', 'c');
    await scene.run();
    expect(handles(scene)).toEqual(['a', 'b', 'c']);
    expect(scene.events.at(-1)).toBe('last look');
    expect(scene.events.filter((event) => event === 'last look')).toHaveLength(1);
  });

  it('adds the timer that the last look asks for', async () => {
    const scene = new Scene();
    scene.timer = NOW + 12_000;
    await scene.run();
    expect(scene.events).toEqual(['last look', 'timer 12000']);
  });

  it('ends without a word when another epoch is in charge', async () => {
    const scene = new Scene();
    scene.ended = true;
    await scene.run();
    expect(scene.events).toEqual([]);
  });

  it('has at most 32 in flight, and keeps them at 32 while there are more', async () => {
    const scene = new Scene();
    scene.owe(...Array.from({ length: 200 }, (_, number) => `m${number}`));
    scene.attempt = async ({ handle }) => {
      await sleep(2);
      scene.window.succeeded();
      return { handle, outcome: 'delivered' };
    };
    await scene.run();
    expect(scene.mostAtOnce).toBe(32);
    expect(handles(scene)).toHaveLength(200);
  });

  it('leases on while outcomes are being recorded, but not without end, and takes no last look before they are', async () => {
    const scene = new Scene();
    scene.owe(...Array.from({ length: 200 }, (_, number) => `m${number}`));
    let record: () => void = () => undefined;
    const recorded = new Promise<void>((resolve) => (record = resolve));
    const { settle } = scene.source;
    scene.source = { ...scene.source, settle: async (...args) => (await recorded, await settle(...args)) };
    const running = scene.run();
    await sleep(50);
    expect(scene.due).toHaveLength(200 - 2 * 32);
    expect(scene.events).toEqual([]);
    record();
    await running;
    expect(handles(scene)).toHaveLength(200);
    expect(scene.events.at(-1)).toBe('last look');
  });

  it('sees what becomes due while a slow push is in flight', async () => {
    const scene = new Scene();
    scene.owe('slow');
    let releaseSlow: () => void = () => undefined;
    scene.attempt = async ({ handle }) => {
      if (handle === 'slow') await new Promise<void>((resolve) => (releaseSlow = resolve));
      else releaseSlow();
      return { handle, outcome: 'delivered' };
    };
    const running = scene.run();
    await sleep(10);
    scene.owe('quick');
    await running;
    expect(handles(scene)).toEqual(['quick', 'slow']);
  });

  it('records outcomes of one moment in one step', async () => {
    const scene = new Scene();
    scene.owe(...Array.from({ length: 20 }, (_, number) => `m${number}`));
    await scene.run();
    expect(scene.events.filter((event) => event.startsWith('settle')).length).toBeLessThanOrEqual(3);
    expect(handles(scene)).toHaveLength(20);
  });

  it('ends for the length of a pause instead of waiting, and stays armed', async () => {
    const scene = new Scene();
    scene.owe('a', 'b', 'c');
    scene.attempt = ({ handle }) => {
      scene.window.failed(scene.clock.now(), 30);
      return Promise.resolve({ handle, outcome: 'retry', notBefore: NOW + 10_000 });
    };
    await scene.run();
    expect(scene.events.at(-1)).toBe('resume 7 in 30000 after 30000');
    expect(scene.events).not.toContain('last look');
  });

  it('hands over when the worker stops, after what is in flight has finished', async () => {
    const scene = new Scene();
    scene.owe('a', 'b');
    scene.attempt = async ({ handle }) => {
      scene.stopping.abort();
      await sleep(5);
      return { handle, outcome: 'delivered' };
    };
    await scene.run();
    expect(handles(scene)).toEqual(['a', 'b']);
    expect(scene.events.at(-1)).toBe('resume 7 in 0 after 0');
  });

  it('gives back what it cannot wait for', async () => {
    const scene = new Scene();
    scene.owe('hangs');
    scene.attempt = ({ handle }, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve({ handle, outcome: 'returned' })));
    const running = scene.run();
    await sleep(5);
    scene.stopping.abort();
    scene.abandoning.abort();
    await running;
    expect(scene.settled).toEqual([{ handle: 'hangs', outcome: 'returned' }]);
    expect(scene.events.at(-1)).toBe('resume 7 in 0 after 0');
  });

  it('fails when Redis is away, so that its job is repeated, but not before what is in flight is recorded', async () => {
    const scene = new Scene();
    scene.owe('a');
    const { lease } = scene.source;
    let leases = 0;
    scene.source = { ...scene.source, lease: (...args) => (++leases === 1 ? lease(...args) : away()) };
    scene.attempt = async ({ handle }) => {
      await sleep(20);
      return { handle, outcome: 'delivered' };
    };
    await expect(scene.run()).rejects.toThrow('Connection is closed.');
    expect(handles(scene)).toEqual(['a']);
  });

  it('survives a defect and lets the lease bring the delivery back', async () => {
    const scene = new Scene();
    scene.owe('broken', 'sound');
    scene.attempt = ({ handle }) => {
      if (handle === 'broken') return Promise.reject(new RangeError('defect'));
      return Promise.resolve({ handle, outcome: 'delivered' });
    };
    await scene.run();
    expect(handles(scene)).toEqual(['sound']);
    expect(scene.events.at(-1)).toBe('last look');
  });

  it('tries again to record an outcome when Redis was away for a moment', async () => {
    const scene = new Scene();
    scene.owe('a');
    const { settle } = scene.source;
    let calls = 0;
    scene.source = { ...scene.source, settle: (...args) => (++calls < 3 ? away() : settle(...args)) };
    await scene.run();
    expect(handles(scene)).toEqual(['a']);
  });

  it('waits as long as the limit of the subscription says, without a look', async () => {
    const scene = new Scene();
    scene.owe('a', 'b');
    const { lease } = scene.source;
    let looks = 0;
    scene.source = { ...scene.source, lease: (...args) => (++looks === 2 ? Promise.resolve({ state: 'limited', millis: 20 }) : lease(args[0], args[1], { ...args[2], count: 1 })) };
    await scene.run();
    expect(handles(scene)).toEqual(['a', 'b']);
  });

  it('waits while other accounts have all slots, looks at nothing meanwhile, and gives all of its own back', async () => {
    const scene = new Scene();
    scene.owe('a', 'b');
    let taken = 0;
    for (let account = 0, count = 1; count > 0; account++) taken += count = scene.share.take(`other ${account}`, 0, 1_000);
    const running = scene.run();
    await sleep(20);
    expect([scene.due.length, scene.events]).toEqual([2, []]);
    scene.share.give('other 0', scene.share.heldBy('other 0'));
    await running;
    expect(handles(scene)).toEqual(['a', 'b']);
    expect([taken > 4_000, scene.share.heldBy(ACCOUNT)]).toEqual([true, 0]);
  });

  it('leaves nothing behind when a hint told of it and it never came into charge', async () => {
    const scene = new Scene();
    scene.drainRun = { epoch: EPOCH, name: 'h1', claim: 'if-free' };
    scene.stopping.abort();
    await scene.run();
    expect(scene.events).toEqual([]);
  });

  it('leaves a drain that a hint told of to the job that goes on with it', async () => {
    const scene = new Scene();
    scene.drainRun = { epoch: EPOCH, name: 'h1', claim: 'if-free' };
    scene.owe('a');
    scene.attempt = ({ handle }) => {
      scene.window.failed(scene.clock.now(), 30);
      return Promise.resolve({ handle, outcome: 'retry', notBefore: NOW + 10_000 });
    };
    await scene.run();
    expect(scene.events.slice(-2)).toEqual(['resume 7 in 30000 after 30000', 'entrust h1']);
  });
});
