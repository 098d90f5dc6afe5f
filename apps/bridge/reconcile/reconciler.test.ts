import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { StoreSimulator } from '../../../test/support/store-simulator.js';
import type { SimulatedBucket } from '../../../test/support/store-simulator/simulated-buckets.js';
import { TestReconciler } from './reconciler.fixture.js';
import { ACCOUNT, startBridge, TestEngine, TOKEN, type RunningBridge } from '../running-bridge.fixture.js';

const NASTY_KEYS = ['a b', 'a+b', 'a%20b', 'a%2Fb', '100%', '%', '+', '中文/日本 語', '😀.png', 'e\u0301', '\u00e9', '*?[]', `"q" 'q'`, '<&>', ' x ', 'dir/', 'c\u0001d', 'n\nl', 't\tb', '__proto__', '語'.repeat(341)];
const RULES =
  '<NotificationConfiguration><QueueConfiguration><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event><Queue>arn:minio:sqs::MAGPIE:webhook</Queue></QueueConfiguration></NotificationConfiguration>';

describe('Reconciler', () => {
  let engine: TestEngine;
  let running: RunningBridge;
  let store: StoreSimulator;
  let reconciler: TestReconciler;
  let photos: SimulatedBucket;

  beforeEach(async () => {
    engine = await TestEngine.open();
    // The leader's own reconciler sleeps: tests start theirs when they want one.
    running = await startBridge({ keyPrefix: engine.prefix, reconciler: { look: 3_600_000 } });
    const url = `http://127.0.0.1:${running.port}/intake/s3/store`;
    store = await StoreSimulator.start({ targets: [{ id: 'MAGPIE', url, token: TOKEN, durable: true }] });
    photos = store.buckets.create('photos');
    photos.notification = RULES;
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
    const { accessKey, secretKey, endpoint } = store;
    reconciler = await TestReconciler.open(engine, running, { endpoint, credentials: { accessKey, secretKey }, buckets: ['photos'] });
  });

  afterEach(async () => {
    await store.stop();
    await running.stop();
    engine.close();
  });

  const settled = () => eventually('settled', async () => running.bridge.held === 0 && (await running.bridge.journal!.length()) === 0);

  it('tells what no event told, once, and nothing that an event told', async () => {
    await store.put('photos', 'told');
    await engine.arrived(1);
    store.buckets.put(photos, 'missed', 'content', { contentType: 'text/plain', userMetadata: { 'X-Amz-Meta-Author': 'bob' } });
    const gap = await reconciler.repair();
    expect(gap).toMatchObject({ outcome: 'repaired', progress: { listed: 2, found: 2, told: 1, problems: [] } });
    expect(await engine.arrived(1)).toEqual(['missed']);
    await settled();
    expect((await reconciler.repair()).progress).toMatchObject({ listed: 2, found: 2, told: 0 });
    expect(await engine.receive()).toEqual([]);
  });

  it('tells what OSS would have told', async () => {
    const version = store.buckets.put(photos, 'big', 'content', { contentType: 'video/mp4', userMetadata: { 'X-Amz-Meta-Author': 'bob' }, eTag: '30dc0c4e5a6b4a7a8a9aabacadaeafb0-2' });
    await reconciler.repair();
    const [message] = await eventually('a message', async () => {
      const received = await engine.messages.receiveMessages(ACCOUNT, 'events', { count: 1, waitSeconds: 0 });
      return received.length > 0 && received;
    });
    const { events } = JSON.parse(Buffer.from(message!.body, 'base64').toString()) as { events: object[] };
    expect(events[0]).toMatchObject({
      eventName: 'ObjectCreated:CompleteMultipartUpload',
      eventTime: new Date(Number(version.time / 1_000_000n)).toISOString(),
      oss: {
        object: { key: 'big', size: 7, eTag: '30DC0C4E5A6B4A7A8A9AABACADAEAFB0-2', objectMeta: { mimeType: 'video/mp4', userMeta: { 'x-oss-meta-author': 'bob' } } },
        ruleId: 'all',
      },
      requestParameters: { sourceIPAddress: '' },
      responseElements: { requestId: expect.stringMatching(/^[0-9A-F]{24}$/) },
      userIdentity: { principalId: ACCOUNT },
    });
  });

  it('tells versions and delete markers, oldest first', async () => {
    const versions = store.buckets.create('versions', 'Enabled');
    store.buckets.put(versions, 'a', '1');
    store.buckets.put(versions, 'a', '2');
    store.buckets.remove(versions, 'a');
    store.buckets.put(versions, 'b', '1');
    await reconciler.repair(undefined, ['versions']);
    await eventually('four', async () => (await running.bridge.journal!.length()) === 0);
    const told = (await engine.receive()).map(({ key, eventName }) => `${key} ${eventName}`);
    expect(told.filter((text) => text.startsWith('a'))).toEqual(['a ObjectCreated:PutObject', 'a ObjectCreated:PutObject', 'a ObjectRemoved:DeleteObject']);
    expect(told).toHaveLength(4);
  });

  it('leaves out an event that arrives after the listing told it, and tells a later change of the same object', async () => {
    store.targets[0]!.stuck = true;
    await store.put('photos', 'late');
    expect((await reconciler.repair()).progress).toMatchObject({ told: 1 });
    await engine.arrived(1);
    store.targets[0]!.stuck = false;
    store.targets[0]!.work();
    await eventually('the queue of the store is empty', () => store.targets[0]!.queueLength === 0);
    await settled();
    expect(await engine.receive()).toEqual([]);
    await store.put('photos', 'late');
    expect(await engine.arrived(1)).toEqual(['late']);
  });

  it('waits for an event that is on its way', async () => {
    store.targets[0]!.stuck = true;
    await store.put('photos', 'slow');
    await reconciler.gaps.openGap('store', { reason: 'store-restarted', since: Date.now() - 1_000 });
    const task = reconciler.start({ settle: 500 });
    await eventually('listed', () => store.requests.some((request) => request === 'GET /photos/'));
    store.targets[0]!.stuck = false;
    store.targets[0]!.work();
    expect((await reconciler.closed()).progress).toMatchObject({ found: 1, told: 0 });
    await task.stop();
    expect(await engine.arrived(1)).toEqual(['slow']);
  });

  it('finds keys with every character', async () => {
    for (const key of NASTY_KEYS) store.buckets.put(photos, key, 'x');
    await reconciler.repair();
    expect((await engine.arrived(NASTY_KEYS.length)).sort()).toEqual([...NASTY_KEYS].sort());
  });

  it('passes over what is older than the gap, unless all of it is asked for', async () => {
    store.buckets.put(photos, 'old', 'x');
    const later = Date.now() + 120_000;
    expect((await reconciler.repair(later)).progress).toMatchObject({ listed: 1, found: 0, told: 0 });
    const backfill = await reconciler.gaps.openBackfill('store', { buckets: ['photos'] });
    const task = reconciler.start();
    expect(await reconciler.closed()).toMatchObject({ id: backfill.id, progress: { listed: 1, found: 1, told: 1 } });
    await task.stop();
    expect(await engine.arrived(1)).toEqual(['old']);
  });

  it('goes on where it was after it was stopped in the middle of a listing', async () => {
    for (let index = 0; index < 3_500; index++) store.buckets.put(photos, `key-${String(index).padStart(5, '0')}`, 'x');
    await reconciler.gaps.openBackfill('store', { prefix: 'key-', rates: { pagesPerSecond: 2, eventsPerSecond: 100_000 } });
    const first = reconciler.start();
    const progress = async () => (await reconciler.gaps.list('store'))[0]?.progress;
    await eventually('a cursor', async () => (await progress())?.cursor !== undefined, { within: 20_000 });
    await first.stop();
    const { listed, cursor } = (await progress())!;
    expect(listed).toBeLessThan(3_500);
    expect(cursor!.key).toBe(`key-${String(listed - 1).padStart(5, '0')}`);
    const second = reconciler.start();
    expect((await reconciler.closed()).progress).toMatchObject({ listed: 3_500, found: 3_500 });
    await second.stop();
    expect(new Set(await engine.arrived(3_500, 'events', 20_000)).size).toBe(3_500);
    await settled();
    expect(await engine.receive()).toEqual([]);
  }, 60_000);

  it('names buckets that cannot be listed, and repairs the others', async () => {
    store.buckets.put(photos, 'missed', 'x');
    const gap = await reconciler.repair(undefined, ['gone', 'photos']);
    expect(gap.progress).toMatchObject({ told: 1, problems: [{ bucket: 'gone', reason: 'status 404 NoSuchBucket' }] });
  });

  it('says so when the source names no buckets', async () => {
    const { accessKey, secretKey, endpoint } = store;
    const nowhere = await TestReconciler.open(engine, running, { endpoint, credentials: { accessKey, secretKey } });
    await eventually('known', () => running.bridge.sources?.byName.get('store')?.buckets.length === 0);
    expect((await nowhere.repair()).progress).toMatchObject({ listed: 0, problems: [{ bucket: '*' }] });
  });

  it('waits for a store that cannot be reached', async () => {
    store.buckets.put(photos, 'missed', 'x');
    store.unavailable = true;
    await reconciler.gaps.openGap('store', { reason: 'store-unreachable', since: Date.now() - 1_000 });
    const task = reconciler.start();
    await eventually('it says so', async () => (await reconciler.gaps.list('store'))[0]?.progress?.waitingFor?.includes('503') === true);
    store.unavailable = false;
    const { progress } = await reconciler.closed();
    await task.stop();
    expect(progress).toMatchObject({ told: 1 });
    expect(progress).not.toHaveProperty('waitingFor');
  });

  it('tries a bucket that refuses again, and repairs what else there is meanwhile', async () => {
    store.buckets.put(photos, 'missed', 'x');
    const wrong = await TestReconciler.open(engine, running, { endpoint: store.endpoint, credentials: { accessKey: store.accessKey, secretKey: 'wrong' }, buckets: ['photos'] });
    await wrong.gaps.openGap('store', { reason: 'store-restarted', since: Date.now() - 1_000 });
    const task = wrong.start();
    await eventually('put back', async () => (await wrong.gaps.list('store'))[0]?.progress?.problems.length === 1);
    await task.stop();
    const { accessKey, secretKey, endpoint } = store;
    const right = await TestReconciler.open(engine, running, { endpoint, credentials: { accessKey, secretKey }, buckets: ['photos'] });
    await eventually('the secret is known', () => running.bridge.sources?.byName.get('store')?.credentials?.secretKey === secretKey);
    const again = right.start();
    expect((await right.closed()).progress).toMatchObject({ told: 1, problems: [] });
    await again.stop();
  });

  it('stops a back-fill that is paused, and one that is cancelled', async () => {
    for (let index = 0; index < 2_500; index++) store.buckets.put(photos, `key-${index}`, 'x');
    const { id } = await reconciler.gaps.openBackfill('store', { rates: { pagesPerSecond: 2, eventsPerSecond: 1_000 } });
    const task = reconciler.start();
    const listed = async () => (await reconciler.gaps.list('store'))[0]?.progress?.listed ?? 0;
    await eventually('begun', async () => (await listed()) > 0, { within: 10_000 });
    await reconciler.gaps.pause('store', id);
    expect((await reconciler.gaps.list('store'))[0]!.state).toBe('paused');
    await reconciler.gaps.resume('store', id);
    await reconciler.gaps.cancel('store', id);
    await task.stop();
    expect((await reconciler.gaps.closed('store', 1))[0]).toMatchObject({ id, outcome: 'cancelled' });
  });

  it('opens a gap by itself when the last listing was too long ago', async () => {
    await engine.putSource('store', { endpoint: store.endpoint, credentials: { accessKey: store.accessKey, secretKey: store.secretKey }, buckets: ['photos'], reconcileInterval: 3_600 });
    await eventually('known', () => running.bridge.sources?.byName.get('store')?.reconcileInterval === 3_600);
    const before = Date.now() - 4_000_000;
    await reconciler.gaps.prove('store', before);
    store.buckets.put(photos, 'missed', 'x');
    const task = reconciler.start();
    await eventually('closed', async () => (await reconciler.gaps.closed('store', 1)).length === 1);
    await task.stop();
    expect((await reconciler.gaps.closed('store', 1))[0]).toMatchObject({ reasons: expect.arrayContaining(['schedule']), spans: [{ since: before }], progress: { told: 1 } });
    expect(await reconciler.gaps.provenUntil('store')).toBeGreaterThan(before + 3_600_000);
  });
});
