import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client, NotificationConfig } from 'minio';
import { GapStore } from '#event-source/gap-store.js';
import { SourceStatusStore, type SourceStatus } from '#event-source/source-status-store.js';
import { Deployment } from '#redis/deployment.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { minioProgram, startMinio, type MinioTestServer } from '../../../test/support/minio-server.js';
import { StoreSimulator } from '../../../test/support/store-simulator.js';
import { BridgeMetrics } from '../bridge-metrics.js';
import { bucketRules } from './bucket-rules.js';
import { ACCOUNT, startBridge, TestEngine, type RunningBridge } from '../running-bridge.fixture.js';
import { sampleSource } from './sample-source.fixture.js';
import { StoreTask } from './store-task.js';

const EVENTS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'];

describe('the leader of a source', () => {
  let engine: TestEngine;
  let statuses: SourceStatusStore;
  let gaps: GapStore;
  let running: RunningBridge | undefined;
  let store: StoreSimulator;

  beforeEach(async () => {
    engine = await TestEngine.open();
    const deployment = await Deployment.open(engine.client, engine.prefix);
    statuses = new SourceStatusStore(engine.client, deployment);
    gaps = new GapStore(engine.client, deployment);
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
  });

  afterEach(async () => {
    await running?.stop();
    running = undefined;
    engine.close();
  });

  const statusOf = (what: string, holds: (status: SourceStatus) => boolean, within = 8_000) =>
    eventually(what, async () => {
      const status = await statuses.read('store');
      return holds(status) && status;
    }, { within, every: 50 });

  async function lead(ways: readonly string[], webhook = false): Promise<void> {
    running = await startBridge({ keyPrefix: engine.prefix });
    const url = `http://127.0.0.1:${running.port}/intake/s3/store`;
    store = await StoreSimulator.start({ targets: [{ id: 'MAGPIE', url, token: 'intake-secret', durable: true }] });
    store.listeners.second = 100;
    store.buckets.create('photos');
    const { endpoint, accessKey, secretKey } = store;
    await engine.putSource('store', { endpoint, credentials: { accessKey, secretKey }, buckets: ['photos'], ways });
    if (webhook) await bucketRules(sampleSource('store', { endpoint, credentials: { accessKey, secretKey } }), async () => EVENTS).putRules('photos');
    await eventually('listening', () => store.listeners.count === 1);
  }

  it('makes messages of what it listens to, one for both copies of an event', async () => {
    await lead(['durable', 'listen'], true);
    try {
      for (const key of ['a+b', 'a b', '100%', '中文']) await store.put('photos', key);
      expect((await engine.arrived(4)).sort()).toEqual(['100%', 'a b', 'a+b', '中文']);
      await eventually('the durable copies', () => store.targets[0]!.queueLength === 0);
      await store.put('photos', 'last');
      expect(await engine.arrived(1)).toEqual(['last']);
      expect(await gaps.list('store')).toEqual([]);
      const status = await statusOf('status', ({ listen, lastProvenLive }) => listen?.state === 'up' && lastProvenLive !== undefined);
      expect(status).toMatchObject({ leader: { fencing: 1 }, store: { state: 'reachable', metrics: true } });
      await engine.sources.delete(ACCOUNT, 'store');
      await statusOf('forgotten', (now) => Object.keys(now).length === 0);
    } finally {
      await store.stop();
    }
  }, 20_000);

  it('stores what it listens to where no durable way exists, with a gap for the time before', async () => {
    await lead(['listen']);
    try {
      await store.put('photos', 'a+b');
      expect(await engine.arrived(1)).toEqual(['a+b']);
      const [gap] = await eventually('a gap', async () => {
        const open = await gaps.list('store');
        return open.length > 0 && open;
      });
      expect(gap!.reasons).toEqual(['listen-interrupted']);
    } finally {
      await store.stop();
    }
  }, 20_000);

  (minioProgram === undefined ? describe.skip : describe)('beside a real MinIO', () => {
    let server: MinioTestServer;
    let task: StoreTask | undefined;

    beforeEach(async () => {
      server = await startMinio({ webhooks: [{ id: 'MAGPIE', endpoint: 'http://127.0.0.1:9/intake', token: 'x', queueDir: true }] });
    }, 40_000);

    afterEach(async () => {
      await task?.stop();
      await server.stop();
    });

    it('puts the rules of a bucket again that somebody has removed, and opens a gap', async () => {
      const { endpoint, port, accessKey, secretKey } = server;
      const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey });
      await client.makeBucket('photos');
      const source = sampleSource('store', { endpoint, credentials: { accessKey, secretKey }, buckets: ['photos'] });
      const rules = bucketRules(source, async () => EVENTS);
      await rules.putRules('photos');
      task = new StoreTask(source, 1, {
        statuses,
        gaps,
        listenedEvents: EVENTS,
        handOn: async () => undefined,
        bucketRules: () => rules,
        isKnown: () => true,
        metrics: new BridgeMetrics(),
        logger: silentLogger,
        intervals: { store: 100, rules: 100, status: 50 },
      });
      task.start();
      await statusOf('present', (status) => status.rules?.['photos']?.state === 'present');
      await client.setBucketNotification('photos', new NotificationConfig());
      await statusOf('restored', (status) => status.rules?.['photos']?.state === 'restored');
      expect(await rules.hasRules('photos')).toBe(true);
      const [gap] = await gaps.list('store');
      expect(gap).toMatchObject({ reasons: ['rules-missing'], spans: [{ buckets: ['photos'] }] });
      // A bucket that is made again has no rules.
      await client.removeBucket('photos');
      await statusOf('unknown', (status) => status.rules?.['photos']?.state === 'unknown');
      await client.makeBucket('photos');
      await statusOf('restored again', (status) => status.rules?.['photos']?.state === 'restored');
      expect(await rules.hasRules('photos')).toBe(true);
    }, 40_000);
  });
});
