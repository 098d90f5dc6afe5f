import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildARN, Client, NotificationConfig, QueueConfig } from 'minio';
import { GapStore, type BackfillRequest } from '#event-source/gap-store.js';
import type { ClosedGap } from '#event-source/open-gap.js';
import { Deployment } from '#redis/deployment.js';
import { QUICK } from '../../apps/bridge/reconcile/reconciler.fixture.js';
import { ACCOUNT, startBridge, TestEngine, TOKEN, type RunningBridge } from '../../apps/bridge/running-bridge.fixture.js';
import { eventually } from '../support/eventually.js';
import { minioProgram, startMinio, type MinioTestServer } from '../support/minio-server.js';

const NASTY_KEYS = [
  'a b', 'a+b', 'a%20b', 'a%2Fb', '100%', '%', '+', '中文/日本 語', '😀.png', 'e\u0301', '\u00e9', '*?[]', `"quoted" 'single'`, '<&>', 'c\u0001d', 'new\nline', 'tab\tbed',
  ' leading and trailing ', 'folder/', '語'.repeat(80), 'nasty', '__proto__', 'tilde~', 'semi;colon', 'a=b&c=d', '#hash?query', '(brackets)!',
];

const describeWithMinio = minioProgram === undefined ? describe.skip : describe;

interface ToldEvent {
  readonly events: readonly [{ readonly eventName: string; readonly oss: { readonly object: { readonly key: string; readonly deltaSize: number } } }];
}

describeWithMinio('the reconciler of a real MinIO', () => {
  let engine: TestEngine;
  let running: RunningBridge;
  let server: MinioTestServer;
  let client: Client;
  let gaps: GapStore;

  beforeAll(async () => {
    engine = await TestEngine.open();
    running = await startBridge({ keyPrefix: engine.prefix, reconciler: QUICK });
    server = await startMinio({ webhooks: [{ id: 'MAGPIE', endpoint: `http://127.0.0.1:${running.port}/intake/s3/store`, token: TOKEN, queueDir: true }] });
    const { port, accessKey, secretKey, endpoint } = server;
    client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey, region: 'us-east-1' });
    gaps = new GapStore(engine.client, await Deployment.open(engine.client, engine.prefix));
    await engine.putSource('store', { endpoint, credentials: { accessKey, secretKey }, ways: ['durable'] });
    await eventually('the source is led', async () => (await gaps.provenUntil('store')) !== undefined, { within: 30_000 });
  }, 60_000);

  afterAll(async () => {
    await running?.stop();
    await server?.stop();
    engine.close();
  });

  async function watch(bucket: string): Promise<void> {
    const notification = new NotificationConfig();
    const target = new QueueConfig(buildARN('minio', 'sqs', '', 'MAGPIE', 'webhook'));
    target.addEvent('s3:ObjectCreated:*');
    target.addEvent('s3:ObjectRemoved:*');
    notification.add(target);
    await client.setBucketNotification(bucket, notification);
  }

  /** A bucket that tells nobody, and a queue for what is told of it. */
  async function makeBucket(bucket: string): Promise<void> {
    await client.makeBucket(bucket);
    await engine.queues.createQueue(ACCOUNT, bucket, {});
    await engine.putRule(bucket, { matchRules: [[{ prefix: `${bucket}/` }]], endpoint: { endpointType: 'queue', endpointValue: bucket } });
  }

  async function repair(bucket: string): Promise<ClosedGap> {
    await gaps.openGap('store', { reason: 'rules-missing', since: Date.now() - 30_000, buckets: [bucket] });
    return closed();
  }

  async function closed(): Promise<ClosedGap> {
    await eventually('repaired', async () => (await gaps.list('store')).length === 0, { within: 30_000 });
    const journal = running.bridge.journal!;
    await eventually('settled', async () => running.bridge.held === 0 && (await journal.length()) === 0, { within: 10_000 });
    return (await gaps.closed('store', 1))[0]!;
  }

  const backfill = async (request: BackfillRequest): Promise<ClosedGap> => {
    await gaps.openBackfill('store', request);
    return closed();
  };

  /** The durable target is up to three seconds behind. */
  const durableQuiet = async (): Promise<void> => {
    let before = -1;
    await eventually('no more events', async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${running.port}/metrics`)).text();
      const seen = Number(/intake_total\{way="durable",result="journal"\} (\d+)/.exec(metrics)?.[1] ?? 0);
      const same = seen === before;
      before = seen;
      return same;
    }, { within: 30_000, every: 3_500 });
  };

  it('finds what was written while the rules were gone', async () => {
    await makeBucket('missing');
    await watch('missing');
    await client.putObject('missing', 'told', 'content');
    await engine.arrived(1, 'missing', 10_000);
    await client.removeAllBucketNotification('missing');
    await client.putObject('missing', 'missed', 'content');
    await watch('missing');
    expect((await repair('missing')).progress).toMatchObject({ listed: 2, found: 2, told: 1, problems: [] });
    expect(await engine.receiveKeys('missing')).toEqual(['missed']);
  }, 60_000);

  it('finds versions and delete markers', async () => {
    await makeBucket('versioned');
    await client.setBucketVersioning('versioned', { Status: 'Enabled' });
    await client.putObject('versioned', 'a', '1');
    await client.putObject('versioned', 'a', '2');
    await client.removeObject('versioned', 'a');
    expect((await repair('versioned')).progress).toMatchObject({ found: 3, told: 3 });
    const told = (await engine.receive('versioned')).map(({ eventName }) => eventName);
    expect(told).toEqual(['ObjectCreated:PutObject', 'ObjectCreated:PutObject', 'ObjectRemoved:DeleteObject']);
    expect((await repair('versioned')).progress).toMatchObject({ found: 3, told: 0 });
  }, 60_000);

  it('tells nothing twice when the durable copy comes after the listing, and joins no two writes', async () => {
    await makeBucket('late');
    await watch('late');
    for (let count = 0; count < 20; count++) await client.putObject('late', `key-${count}`, 'content');
    await repair('late');
    await durableQuiet();
    expect((await engine.receiveKeys('late')).sort()).toEqual(Array.from({ length: 20 }, (_, count) => `key-${count}`).sort());
    await Promise.all([client.putObject('late', 'twice', '1'), client.putObject('late', 'twice', '2')]);
    await durableQuiet();
    expect(await engine.receiveKeys('late')).toEqual(['twice', 'twice']);
    expect((await repair('late')).progress).toMatchObject({ told: 0 });
  }, 60_000);

  it('tells all that a bucket holds, whatever its keys are, when that is asked for', async () => {
    await makeBucket('nasty');
    for (const key of NASTY_KEYS) await client.putObject('nasty', key, key.endsWith('/') ? '' : 'content');
    await client.putObject('nasty', 'text', Buffer.from('x'), 1, { 'Content-Type': 'text/plain', 'X-Amz-Meta-Author': 'bob' });
    const { progress } = await backfill({ buckets: ['nasty'] });
    expect(progress).toMatchObject({ listed: NASTY_KEYS.length + 1, told: NASTY_KEYS.length + 1 });
    expect((await engine.receiveKeys('nasty')).sort()).toEqual([...NASTY_KEYS, 'text'].sort());
  }, 60_000);

  it('tells only what has the prefix', async () => {
    await makeBucket('prefixed');
    for (const key of ['in/a', 'in/b', 'out/a']) await client.putObject('prefixed', key, 'content');
    expect((await backfill({ buckets: ['prefixed'], prefix: 'in/' })).progress).toMatchObject({ listed: 2, told: 2 });
    expect((await engine.receiveKeys('prefixed')).sort()).toEqual(['in/a', 'in/b']);
  }, 60_000);

  it('tells by an inventory which objects were deleted, and leaves out the event that comes after that', async () => {
    await makeBucket('inventory');
    await watch('inventory');
    await client.putObject('inventory', 'goes', 'content');
    await client.putObject('inventory', 'late +%2F 語', 'content');
    await client.putObject('inventory', 'stays', 'content');
    await engine.arrived(3, 'inventory', 10_000);
    const { endpoint, accessKey, secretKey } = server;
    const source = { endpoint, credentials: { accessKey, secretKey }, ways: ['durable'] };
    await engine.putSource('store', { ...source, buckets: ['inventory'], inventory: true });
    const inventories = `${engine.prefix}:{event-sources}:inventory`;
    await eventually('the first walk', async () => (await engine.client.hexists(inventories, 'store/inventory')) === 1, { within: 20_000 });
    await closed();
    // Objects that are younger than a listing by the clock's precision are not missed by it.
    await durableQuiet();
    await client.removeAllBucketNotification('inventory');
    await client.removeObject('inventory', 'goes');
    await watch('inventory');
    expect((await repair('inventory')).progress).toMatchObject({ told: 1, problems: [] });
    expect(await deltas('inventory')).toEqual(['goes ObjectRemoved:DeleteObject -7']);

    // With settle times of a tenth of a second the durable copy is later than the listing.
    await client.removeObject('inventory', 'late +%2F 語');
    await repair('inventory');
    await durableQuiet();
    expect(await deltas('inventory')).toEqual(['late +%2F 語 ObjectRemoved:DeleteObject -7']);
    await client.putObject('inventory', 'stays', 'longer content');
    await client.removeObject('inventory', 'stays');
    await durableQuiet();
    expect(await deltas('inventory')).toEqual(['stays ObjectCreated:PutObject 7', 'stays ObjectRemoved:DeleteObject -14']);
    expect((await repair('inventory')).progress).toMatchObject({ told: 0 });
    await engine.putSource('store', source);
  }, 90_000);

  async function deltas(queue: string): Promise<string[]> {
    const told: string[] = [];
    for (;;) {
      const messages = await engine.messages.receiveMessages(ACCOUNT, queue, { count: 16, waitSeconds: 0 });
      if (messages.length === 0) return told;
      for (const { body } of messages) {
        const [{ eventName, oss }] = (JSON.parse(Buffer.from(body, 'base64').toString()) as ToldEvent).events;
        told.push(`${oss.object.key} ${eventName} ${oss.object.deltaSize}`);
      }
      await engine.messages.deleteMessages(ACCOUNT, queue, messages.map(({ receiptHandle }) => receiptHandle));
    }
  }
});
