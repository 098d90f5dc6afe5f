import { GapStore } from '#event-source/gap-store.js';
import { InventoryRegistry } from '#event-source/inventory-registry.js';
import type { ClosedGap } from '#event-source/open-gap.js';
import { Deployment } from '#redis/deployment.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { Reconciler, type ReconcilerTimes } from './reconciler.js';
import type { RunningBridge, TestEngine } from '../running-bridge.fixture.js';
import { StateMarks } from '../journal/state-marks.js';

export const QUICK: ReconcilerTimes = { look: 20, settle: 100, longestDrain: 0, firstPause: 20, longestPause: 100, refusedPause: 200 };

/** Reconciles the source `store` of a running bridge, in milliseconds where a real one takes seconds. */
export class TestReconciler {
  private constructor(
    readonly gaps: GapStore,
    private readonly inventories: InventoryRegistry,
    private readonly running: RunningBridge,
  ) {}

  /** @param document of the source, with endpoint and credentials */
  static async open(engine: TestEngine, running: RunningBridge, document: object): Promise<TestReconciler> {
    await engine.putSource('store', { reconcileInterval: 0, ...document });
    await eventually('the source is known', () => running.bridge.sources?.byName.has('store') === true);
    const deployment = await Deployment.open(engine.client, engine.prefix);
    return new TestReconciler(new GapStore(engine.client, deployment), new InventoryRegistry(engine.client, deployment), running);
  }

  /** A reconciler as the leader of the source would start it. */
  start(times: Partial<ReconcilerTimes> = {}): Reconciler {
    const journal = this.running.bridge.journal!;
    const source = this.running.bridge.sources!.byName.get('store')!;
    const marks = new StateMarks(journal, () => true);
    const inventory = this.running.bridge.inventory!;
    const { gaps, inventories } = this;
    const parts = { gaps, journal, marks, inventory, inventories, onCounts: () => undefined, logger: silentLogger };
    const reconciler = new Reconciler(source, { ...parts, times: { ...QUICK, ...times } });
    reconciler.start();
    return reconciler;
  }

  /** Repairs a gap of all buckets from so many milliseconds ago on, with a reconciler of its own, and waits until nothing is open. */
  async repair(since = Date.now() - 5_000, buckets?: readonly string[]): Promise<ClosedGap> {
    await this.gaps.openGap('store', { reason: 'store-restarted', since, ...(buckets && { buckets }) });
    const reconciler = this.start();
    try {
      return await this.closed();
    } finally {
      await reconciler.stop();
    }
  }

  /** The gap that was closed last, once none is open. */
  async closed(): Promise<ClosedGap> {
    await eventually('repaired', async () => (await this.gaps.list('store')).length === 0, { within: 30_000 });
    return (await this.gaps.closed('store', 1))[0]!;
  }
}
