import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sinceOf } from '#event-source/open-gap.js';
import { eventually } from '../../../test/support/eventually.js';
import { StoreSimulator } from '../../../test/support/store-simulator.js';
import type { SimulatedBucket } from '../../../test/support/store-simulator/simulated-buckets.js';
import { TestReconciler } from '../reconcile/reconciler.fixture.js';
import { ACCOUNT, startBridge, TestEngine, TOKEN, type RunningBridge } from '../running-bridge.fixture.js';

const RULES =
  '<NotificationConfiguration><QueueConfiguration><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event><Queue>arn:minio:sqs::MAGPIE:webhook</Queue></QueueConfiguration></NotificationConfiguration>';
/** By how much the store's clock is behind ours, so that what is put now is old enough for a listing. */
const BEHIND = 5_000;

interface Told {
  readonly eventName: string;
  readonly oss: { readonly object: { readonly key: string; readonly size: number; readonly deltaSize: number } };
}

describe('a source with an inventory', () => {
  let engine: TestEngine;
  let running: RunningBridge;
  let store: StoreSimulator;
  let reconciler: TestReconciler;
  let photos: SimulatedBucket;
  let behind: number;

  beforeEach(async () => {
    behind = BEHIND;
    engine = await TestEngine.open();
    running = await startBridge({ keyPrefix: engine.prefix, reconciler: { look: 3_600_000 }, inventorySweep: 100 });
    const url = `http://127.0.0.1:${running.port}/intake/s3/store`;
    store = await StoreSimulator.start({ targets: [{ id: 'MAGPIE', url, token: TOKEN, durable: true }], clock: () => Date.now() - behind });
    photos = store.buckets.create('photos');
    photos.notification = RULES;
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
    reconciler = await TestReconciler.open(engine, running, document());
    // The bridge has asked for the first walk by itself.
    await repair();
  });

  afterEach(async () => {
    await store.stop();
    await running.stop();
    engine.close();
  });

  const document = () => ({ endpoint: store.endpoint, credentials: { accessKey: store.accessKey, secretKey: store.secretKey }, buckets: ['photos'], inventory: true });
  /** Later than all that is put: creates are not looked for. */
  const later = () => Date.now() + 120_000;
  const repair = () => reconciler.repair(later());
  const settled = () => eventually('settled', async () => running.bridge.held === 0 && (await running.bridge.journal!.length()) === 0);
  const keys = () => engine.client.keys(`${engine.prefix}:*:inventory:*`);

  /** What was told until now, as `key name deltaSize`. */
  async function told(): Promise<string[]> {
    await eventually('the queue of the store is empty', () => store.targets[0]!.stuck || store.targets[0]!.queueLength === 0);
    await settled();
    const all: string[] = [];
    for (;;) {
      const messages = await engine.messages.receiveMessages(ACCOUNT, 'events', { count: 16, waitSeconds: 0 });
      if (messages.length === 0) return all;
      for (const { body } of messages) {
        const { events } = JSON.parse(Buffer.from(body, 'base64').toString()) as { events: [Told] };
        const [{ eventName, oss }] = events;
        all.push(`${oss.object.key} ${eventName.split(':')[1]} ${oss.object.deltaSize}`);
      }
      await engine.messages.deleteMessages(ACCOUNT, 'events', messages.map(({ receiptHandle }) => receiptHandle));
    }
  }

  it('is filled by the first walk, which tells no deletes, and then tells deletes that no event told, once', async () => {
    const videos = store.buckets.create('videos');
    behind = 600_000;
    for (const key of ['stays', 'goes', 'dir/goes', '中文 +%2F']) store.buckets.put(videos, key, 'content');
    behind = BEHIND;
    reconciler = await TestReconciler.open(engine, running, { ...document(), buckets: ['videos'] });
    await eventually('known', () => running.bridge.sources!.byName.get('store')?.buckets[0] === 'videos');
    expect((await repair()).progress).toMatchObject({ listed: 4, told: 0 });
    for (const key of ['goes', 'dir/goes', '中文 +%2F']) store.buckets.remove(videos, key);
    expect((await repair()).progress).toMatchObject({ told: 3, problems: [] });
    expect((await told()).sort()).toEqual(['dir/goes DeleteObject -7', 'goes DeleteObject -7', '中文 +%2F DeleteObject -7']);
    expect((await repair()).progress).toMatchObject({ told: 0 });
    expect(await told()).toEqual([]);
  });

  it('tells by how much the bucket grew', async () => {
    await repair();
    await store.put('photos', 'a', 'content');
    await store.put('photos', 'a', 'longer content');
    await store.remove('photos', 'a');
    await store.put('photos', 'a', 'x');
    expect((await told()).sort()).toEqual(['a DeleteObject -14', 'a PutObject 1', 'a PutObject 7', 'a PutObject 7']);
    store.buckets.put(photos, 'a', 'missed');
    expect((await reconciler.repair()).progress).toMatchObject({ told: 1 });
    expect(await told()).toEqual(['a PutObject 5']);
  });

  it('does not tell what an event told, nor what is told while the walk waits', async () => {
    await store.put('photos', 'told', 'content');
    await store.put('photos', 'late', 'content');
    await repair();
    await store.remove('photos', 'told');
    expect((await told()).filter((text) => text.includes('Delete'))).toEqual(['told DeleteObject -7']);
    store.targets[0]!.stuck = true;
    await store.remove('photos', 'late');
    await reconciler.gaps.openGap('store', { reason: 'store-restarted', since: later() });
    const before = store.requests.length;
    const task = reconciler.start({ settle: 700 });
    await eventually('listed', () => store.requests.slice(before).includes('GET /photos/'));
    store.targets[0]!.stuck = false;
    store.targets[0]!.work();
    expect((await reconciler.closed()).progress).toMatchObject({ told: 0 });
    await task.stop();
    expect(await told()).toEqual(['late DeleteObject -7']);
  });

  it('leaves out the event that comes after the listing told its delete, and tells the next one', async () => {
    await store.put('photos', 'a', 'content');
    await repair();
    store.targets[0]!.stuck = true;
    await store.remove('photos', 'a');
    expect((await repair()).progress).toMatchObject({ told: 1 });
    expect(await told()).toEqual(['a PutObject 7', 'a DeleteObject -7']);
    store.targets[0]!.stuck = false;
    store.targets[0]!.work();
    expect(await told()).toEqual([]);
    await store.put('photos', 'a', 'again');
    await store.remove('photos', 'a');
    expect((await told()).sort()).toEqual(['a DeleteObject -5', 'a PutObject 5']);
    expect((await repair()).progress).toMatchObject({ told: 0 });
  });

  it('tells an object that was made again with the same content, and that it is gone once more', async () => {
    await store.put('photos', 'a', 'content');
    await repair();
    store.buckets.remove(photos, 'a');
    await repair();
    store.buckets.put(photos, 'a', 'content');
    expect((await reconciler.repair()).progress).toMatchObject({ told: 1 });
    store.buckets.remove(photos, 'a');
    expect((await repair()).progress).toMatchObject({ told: 1 });
    expect((await told()).sort()).toEqual(['a DeleteObject -7', 'a DeleteObject -7', 'a PutObject 7', 'a PutObject 7']);
  });

  it('tells nothing wrong when a walk is cut and taken up by another, and finds everything', async () => {
    for (let index = 0; index < 3_500; index++) store.buckets.put(photos, `key-${String(index).padStart(5, '0')}`, 'x');
    await repair();
    for (let index = 0; index < 3_500; index += 100) store.buckets.remove(photos, `key-${String(index).padStart(5, '0')}`);
    await reconciler.gaps.openGap('store', { reason: 'store-restarted', since: later() });
    const first = reconciler.start({ settle: 300 });
    const listings = () => store.requests.filter((request) => request === 'GET /photos/').length;
    const before = listings();
    await eventually('two pages', () => listings() > before + 2);
    await first.stop();
    expect(await reconciler.gaps.list('store')).toHaveLength(1);
    const second = reconciler.start();
    await reconciler.closed();
    await second.stop();
    const deletes = (await told()).filter((text) => text.includes('Delete'));
    expect(new Set(deletes).size).toBe(35);
    expect(deletes).toHaveLength(35);
    expect((await repair()).progress).toMatchObject({ told: 0 });
  }, 30_000);

  it('tells the end of a whole bucket', async () => {
    for (let index = 0; index < 6_000; index++) store.buckets.put(photos, `key-${index}`, 'x');
    await repair();
    for (let index = 0; index < 6_000; index++) store.buckets.remove(photos, `key-${index}`);
    expect((await repair()).progress).toMatchObject({ told: 6_000 });
    expect(new Set((await told()).filter((text) => text.includes('Delete'))).size).toBe(6_000);
    expect((await repair()).progress).toMatchObject({ told: 0 });
  }, 60_000);

  it('says nothing of objects that a listing leaves out although they are there', async () => {
    store.buckets.put(photos, 'hidden', 'x');
    await repair();
    Object.defineProperty(photos, 'sorted', { value: [], writable: false, configurable: true });
    expect((await repair()).progress).toMatchObject({ listed: 0, told: 0 });
  });

  it('looks only where it lists', async () => {
    for (const key of ['in/a', 'in/b', 'out/a']) store.buckets.put(photos, key, 'x');
    await repair();
    for (const key of ['in/a', 'out/a']) store.buckets.remove(photos, key);
    await reconciler.gaps.openBackfill('store', { prefix: 'in/' });
    const task = reconciler.start();
    await reconciler.closed();
    await task.stop();
    expect((await told()).filter((text) => text.includes('Delete'))).toEqual(['in/a DeleteObject -1']);
  });

  it('begins anew with another store, and for a bucket that was versioned meanwhile', async () => {
    store.buckets.put(photos, 'a', 'x');
    await repair();
    const other = await StoreSimulator.start({ clock: () => Date.now() - BEHIND });
    other.buckets.create('photos');
    const { accessKey, secretKey, endpoint } = other;
    const moved = await TestReconciler.open(engine, running, { ...document(), endpoint, credentials: { accessKey, secretKey } });
    await eventually('known', () => running.bridge.sources!.byName.get('store')?.endpoint === endpoint);
    expect((await moved.repair(later())).progress).toMatchObject({ told: 0 });
    await other.stop();
    const back = await TestReconciler.open(engine, running, document());
    await eventually('known', () => running.bridge.sources!.byName.get('store')?.endpoint === store.endpoint);
    await back.repair(later());
    expect((await keys()).length).toBeGreaterThan(0);
    expect((await told()).filter((text) => text.includes('Delete'))).toEqual([]);
    photos.versioning = 'Enabled';
    await back.repair(later());
    expect(await keys()).toEqual([]);
  });

  it.each(['switched off', 'deleted'])('is removed when it is %s', async (how) => {
    for (let index = 0; index < 500; index++) store.buckets.put(photos, `key-${index}`, 'x');
    await repair();
    expect((await keys()).length).toBeGreaterThan(4);
    if (how === 'deleted') await engine.sources.delete(ACCOUNT, 'store');
    else await engine.putSource('store', { ...document(), inventory: false });
    await eventually('removed', async () => (await keys()).length === 0, { within: 10_000 });
    await eventually('forgotten', async () => (await engine.client.exists(`${engine.prefix}:{event-sources}:inventory`)) === 0);
  });

  it('asks for its first walk itself', async () => {
    store.buckets.create('videos');
    const more = await TestReconciler.open(engine, running, { ...document(), buckets: ['photos', 'videos'] });
    await eventually('asked', async () => (await more.gaps.list('store')).some(({ spans }) => sinceOf(spans, 'videos') !== undefined), { within: 15_000 });
  }, 20_000);
});
