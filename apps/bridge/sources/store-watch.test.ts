import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'minio';
import type { EventSource } from '#event-source/event-source.js';
import type { Gap } from '#event-source/gap.js';
import type { SourceStatus } from '#event-source/source-status-store.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { minioProgram, startMinio, type MinioTestServer } from '../../../test/support/minio-server.js';
import { StoreSimulator } from '../../../test/support/store-simulator.js';
import { BridgeMetrics } from '../bridge-metrics.js';
import { GapReporter } from './gap-reporter.js';
import { sampleSource } from './sample-source.fixture.js';
import { StoreProbe } from './store-probe.js';
import { StoreWatch } from './store-watch.js';

const INTERVAL = 30;

describe('StoreWatch', () => {
  let store: StoreSimulator | undefined;
  let watch: StoreWatch;
  let reporter: GapReporter;
  const gaps: Gap[] = [];
  let status: SourceStatus;
  let restarts: number;
  let redisAway: boolean;

  beforeEach(() => {
    gaps.length = 0;
    status = {};
    restarts = 0;
    redisAway = false;
  });

  afterEach(async () => {
    await watch.stop();
    await reporter.stop();
    await store?.stop();
  });

  function start(server: Pick<MinioTestServer, 'endpoint' | 'accessKey' | 'secretKey'>, lastProvenLive?: number, changes: Partial<EventSource> = {}, interval = INTERVAL): void {
    const { endpoint, accessKey, secretKey } = server;
    const source = sampleSource('store', { endpoint, credentials: { accessKey, secretKey }, durableTarget: 'BRIDGE', ...changes });
    const openGap = async (_source: string, gap: Gap): Promise<void> => {
      if (redisAway) throw new Error('away');
      gaps.push(gap);
    };
    reporter = new GapReporter({ source: 'store', openGap, logger: silentLogger, pause: 10 });
    watch = new StoreWatch({
      source,
      probe: new StoreProbe(source, 1_000),
      gaps: reporter,
      status: { set: (more) => (status = { ...status, ...more }) },
      lastProvenLive: async () => lastProvenLive,
      onRestart: () => restarts++,
      metrics: new BridgeMetrics(),
      logger: silentLogger,
      interval,
      metricsAge: 0,
    });
    watch.start();
  }

  const proven = (after: number) => eventually('proven', () => (status.lastProvenLive ?? 0) > after);
  const seen = () => eventually('seen', () => status.store?.state === 'reachable');

  it('opens a gap since the last proof when it takes over, and proves from then on', async () => {
    store = await StoreSimulator.start();
    const before = Date.now() - 5_000;
    start(store, before);
    await proven(before);
    expect(gaps).toEqual([{ reason: 'bridge-started', since: before }]);
    expect(status.store).toMatchObject({ state: 'reachable', metrics: true, startedAt: expect.any(Number), queueLength: 0 });
  });

  it('opens none for a source that nobody watched before', async () => {
    store = await StoreSimulator.start();
    start(store);
    await seen();
    expect(gaps).toEqual([]);
  });

  it('opens a gap for a restart and for dropped events, since the look before', async () => {
    store = await StoreSimulator.start({ targets: [{ id: 'BRIDGE', url: 'http://127.0.0.1:9/', durable: true, limit: 0 }] });
    start(store);
    await seen();
    const before = status.lastProvenLive!;
    store.restart();
    await eventually('restart', () => restarts === 1);
    await eventually('gap', () => gaps.length === 1);
    expect(gaps[0]!.reason).toBe('store-restarted');
    expect(gaps[0]!.since).toBeGreaterThanOrEqual(before);
    store.skipped += 1;
    await eventually('skipped', () => gaps.length === 2);
    await store.targets[0]!.save('{}');
    await eventually('failed', () => gaps.length === 3);
    expect(gaps.slice(1).map(({ reason }) => reason)).toEqual(['events-dropped', 'events-dropped']);
    expect(status.store).toMatchObject({ skipped: 1, failed: 1 });
  });

  it('says that a store cannot be reached, and proves nothing meanwhile', async () => {
    store = await StoreSimulator.start();
    start(store);
    await seen();
    store.unavailable = true;
    await eventually('unreachable', () => status.store?.state === 'unreachable');
    expect(status.store!.reason).toContain('503');
    const frozen = status.lastProvenLive!;
    await eventually('several looks', () => status.store!.checkedAt > frozen + 4 * INTERVAL);
    expect(status.lastProvenLive).toBe(frozen);
    store.unavailable = false;
    await proven(frozen);
    // Its metrics show that nothing was dropped and that it is the same process.
    expect(gaps).toEqual([]);
  });

  it('opens a gap for a store without metrics that was away', async () => {
    store = await StoreSimulator.start({ metrics: false });
    store.buckets.create('photos');
    start(store, undefined, { buckets: ['photos'] });
    await seen();
    expect(status.store).toMatchObject({ metrics: false, metricsReason: 'status 403' });
    store.unavailable = true;
    await eventually('unreachable', () => status.store?.state === 'unreachable');
    const before = status.lastProvenLive!;
    store.unavailable = false;
    await eventually('gap', () => gaps.length === 1);
    expect(gaps[0]).toEqual({ reason: 'store-unreachable', since: before });
    expect(restarts).toBe(1);
  });

  it('proves nothing while a gap cannot be recorded', async () => {
    store = await StoreSimulator.start();
    redisAway = true;
    start(store, 1_000);
    await seen();
    await eventually('several looks', () => status.store!.checkedAt > status.store!.since + 3 * INTERVAL);
    expect(status.lastProvenLive).toBeUndefined();
    redisAway = false;
    await proven(1_000);
    expect(gaps).toEqual([{ reason: 'bridge-started', since: 1_000 }]);
  });

  it('ends at once beside a store that does not answer', async () => {
    store = await StoreSimulator.start();
    store.hanging = true;
    start(store);
    await eventually('asked', () => store!.requests.length > 0);
    const before = performance.now();
    await watch.stop();
    expect(performance.now() - before).toBeLessThan(200);
  });

  (minioProgram === undefined ? it.skip : it)('reads a real MinIO that asks for a token, and sees it start again', async () => {
    const server = await startMinio({
      webhooks: [{ id: 'BRIDGE', endpoint: 'http://127.0.0.1:9/intake', token: 'x', queueDir: true }],
      environment: { MINIO_PROMETHEUS_AUTH_TYPE: 'jwt' },
    });
    try {
      start(server, undefined, {}, 300);
      await seen();
      expect(status.store).toMatchObject({ metrics: true, queueLength: 0, failed: 0, startedAt: expect.any(Number) });
      const first = status.store!.startedAt!;
      expect(Math.abs(Date.now() - first)).toBeLessThan(60_000);
      const client = new Client({ endPoint: '127.0.0.1', port: server.port, useSSL: false, accessKey: server.accessKey, secretKey: server.secretKey });
      await client.makeBucket('photos');
      await server.restart();
      await eventually('restart', () => restarts === 1, { within: 20_000, every: 100 });
      expect(gaps.map(({ reason }) => reason)).toEqual(['store-restarted']);
      expect(status.store!.startedAt).toBeGreaterThan(first);
    } finally {
      await watch.stop();
      await server.stop();
    }
  }, 60_000);
});
