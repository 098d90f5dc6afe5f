import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RedriveStore } from '#queue/redrive-store.js';
import { silentLogger } from '#runtime/log.js';
import type { Wakeup } from '#topic/pending-delivery.js';
import { openPublishingSide, type PublishingSide } from '../../test/support/running-worker.js';
import { ACCOUNT } from '../../test/support/sample-delivery.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { Duties, type DutiesOptions } from './duties.js';
import { findActivePartitions } from './partition-activity.js';

const NOTHING = { wakeups: [], timers: [] };

function duties(changes: Partial<DutiesOptions>): Duties {
  return new Duties({
    findActive: () => Promise.resolve([]),
    source: { sweep: () => Promise.resolve(NOTHING) },
    upkeep: { run: () => Promise.resolve(undefined) },
    replays: { advance: () => Promise.resolve() },
    drains: { wake: () => Promise.resolve(), addTimer: () => Promise.resolve() },
    metrics: new DeliveryMetrics(() => 0),
    logger: silentLogger,
    ...changes,
  });
}

describe('Duties', () => {
  it('does in each partition what there is to do', async () => {
    const done: string[] = [];
    await duties({
      findActive: () => Promise.resolve([{ partition: 3, sweep: true, upkeep: false }, { partition: 9, sweep: false, upkeep: true }]),
      source: { sweep: (partition) => Promise.resolve(done.push(`sweep ${partition}`) > 0 ? NOTHING : NOTHING) },
      upkeep: { run: (partition) => Promise.resolve(void done.push(`upkeep ${partition}`)) },
      replays: { advance: (partition) => Promise.resolve(void done.push(`replay ${partition}`)) },
    }).run();
    expect(done).toEqual(['sweep 3', 'replay 9', 'upkeep 9']);
  });

  it('starts lost drains and adds lost timers', async () => {
    const lost: Wakeup = { partition: 3, id: 'AAAAAAAAAAA', epoch: 2 };
    const late = { address: { partition: 3, id: 'BBBBBBBBBBB' }, due: 5 };
    const added: unknown[] = [];
    await duties({
      findActive: () => Promise.resolve([{ partition: 3, sweep: true, upkeep: false }]),
      source: { sweep: () => Promise.resolve({ wakeups: [lost], timers: [late] }) },
      drains: {
        wake: (wakeups) => Promise.resolve(void added.push(...wakeups)),
        addTimer: (address, due) => Promise.resolve(void added.push({ address, due })),
      },
    }).run();
    expect(added).toEqual([lost, late]);
  });

  it('goes on with the other partitions when one fails, and reports it', async () => {
    const visited: number[] = [];
    const all = [1, 2, 3].map((partition) => ({ partition, sweep: false, upkeep: true }));
    const run = duties({
      findActive: () => Promise.resolve(all),
      upkeep: {
        run: (partition) => {
          visited.push(partition);
          return partition === 2 ? Promise.reject(new Error('boom')) : Promise.resolve(undefined);
        },
      },
    }).run();
    await expect(run).rejects.toThrow('boom');
    expect(visited).toEqual([1, 2, 3]);
  });
});

describe('findActivePartitions', () => {
  let hub: PublishingSide;
  beforeAll(async () => {
    hub = await openPublishingSide(process.env['MAGPIE_TEST_REDIS_URL']!);
  });
  afterAll(() => hub.stop());
  const look = (now = Date.now()) => findActivePartitions(hub.client, hub.deployment, now);

  /** A name in a partition where nothing is to be done yet; names fall into partitions by chance. */
  async function nameAtRest(): Promise<string> {
    const active = new Set((await look(Date.now() + 100_000_000)).map(({ partition }) => partition));
    for (;;) {
      const name = `q-${randomBytes(4).toString('hex')}`;
      if (!active.has(hub.deployment.partitionOf(ACCOUNT, name))) return name;
    }
  }

  it('finds nothing in a hub at rest, however many queues and subscriptions it has', async () => {
    await hub.queues.createQueue(ACCOUNT, 'rest', {});
    await hub.subscribed('http://127.0.0.1:9/');
    expect(await look()).toEqual([]);
  });

  it('finds the partition of a pending queue that is armed', async () => {
    const topic = await hub.subscribed('http://127.0.0.1:9/');
    await hub.publish(topic, 'hello');
    expect(await look()).toContainEqual({ partition: hub.deployment.partitionOf(ACCOUNT, topic), sweep: true, upkeep: true });
  });

  it('finds the partition of a queue when its messages expire, not before', async () => {
    const name = await nameAtRest();
    await hub.queues.createQueue(ACCOUNT, name, { messageRetentionPeriod: 60 });
    await hub.messages.sendMessages(ACCOUNT, name, [{ body: 'hello' }]);
    const partition = hub.deployment.partitionOf(ACCOUNT, name);
    const expected = { partition, sweep: false, upkeep: true };
    expect(await look()).not.toContainEqual(expected);
    expect(await look(Date.now() + 61_000)).toContainEqual(expected);
  });

  it('finds the partition of a redrive', async () => {
    const name = await nameAtRest();
    await hub.queues.createQueue(ACCOUNT, name, {});
    const redrives = new RedriveStore(hub.queues);
    await redrives.start(ACCOUNT, name, {});
    const partition = hub.deployment.partitionOf(ACCOUNT, name);
    expect((await look()).filter((found) => found.upkeep).map((found) => found.partition)).toContain(partition);
    await redrives.cancel(ACCOUNT, name);
  });
});
