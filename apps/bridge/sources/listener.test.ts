import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventSource } from '#event-source/event-source.js';
import type { Gap } from '#event-source/gap.js';
import type { ListenStatus } from '#event-source/source-status-store.js';
import { readIntakeBody } from '#event-rule/intake-body.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { minioProgram, startMinio } from '../../../test/support/minio-server.js';
import { StoreSimulator, type StoreSimulatorOptions } from '../../../test/support/store-simulator.js';
import { BridgeMetrics } from '../bridge-metrics.js';
import type { Body } from '../journal/journal-entry.js';
import { Listener, type ListenerTimes } from './listener.js';
import { sampleSource } from './sample-source.fixture.js';

const EVENTS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*', 's3:ObjectRestore:*'];
const TIMES = { firstByte: 300, stall: 300, shortestPause: 10, longestPause: 50, refusedPause: 50, unusablePause: 60_000, patience: 60_000 };

describe('Listener', () => {
  let store: StoreSimulator;
  let listener: Listener | undefined;
  const fast: Body[] = [];
  const stored: Body[] = [];
  const gaps: Gap[] = [];
  let status: ListenStatus;
  let refuseToStore = false;

  async function simulate(options: StoreSimulatorOptions = {}): Promise<void> {
    store = await StoreSimulator.start(options);
    store.listeners.second = 40;
    store.buckets.create('photos');
    store.buckets.create('films');
  }

  beforeEach(() => {
    for (const list of [fast, stored, gaps]) list.length = 0;
    refuseToStore = false;
  });

  afterEach(async () => {
    await listener?.stop();
    await store?.stop();
  });

  function listen(changes: Partial<EventSource> = {}, times: Partial<ListenerTimes> = {}): Listener {
    const { endpoint, accessKey, secretKey } = store;
    listener = new Listener({
      source: sampleSource('store', { endpoint, credentials: { accessKey, secretKey }, buckets: ['photos'], ways: ['durable', 'listen'], ...changes }),
      events: EVENTS,
      handOn: async (body, by) => {
        if (by === 'journal' && refuseToStore) throw new Error('journal full');
        (by === 'memory' ? fast : stored).push(body);
      },
      gaps: { report: (reason, since, buckets) => gaps.push({ reason, since, ...(buckets && { buckets }) }) },
      onStatus: (now) => {
        status = now;
      },
      storeAnswers: async () => true,
      metrics: new BridgeMetrics(),
      logger: silentLogger,
      times: { ...TIMES, ...times },
    });
    listener.start();
    return listener;
  }

  const up = () => eventually('up', () => status.state === 'up');
  const keysOf = (bodies: readonly Body[]) =>
    bodies.flatMap(({ bytes, source, receivedAt }) => readIntakeBody(bytes, { source, receivedAt }).events.map(({ key }) => key));

  it('hands on what happens in its buckets, with keys as they are', async () => {
    await simulate();
    listen();
    await up();
    const keys = ['a b', 'a+b', 'a%20b', '100%', '中文/日本', '😀', '<&>"', 'x\u0001\n'];
    for (const key of keys) await store.put('photos', key);
    await store.put('films', 'not asked for');
    await store.remove('photos', 'a b');
    await eventually('all', () => fast.length === keys.length + 1);
    expect(keysOf(fast)).toEqual([...keys, 'a b']);
    expect(gaps).toEqual([]);
  });

  it('listens to all buckets of a source without buckets', async () => {
    await simulate();
    listen({ buckets: [] });
    await up();
    await store.put('photos', 'a');
    await store.put('films', 'b');
    await eventually('both', () => fast.length === 2);
    expect(store.listeners.count).toBe(1);
  });

  it('decodes the keys of RustFS, and takes its repeated events', async () => {
    await simulate({ flavour: 'rustfs' });
    await store.put('photos', 'before + 100%');
    listen();
    await eventually('replayed', () => fast.length === 1);
    await store.put('photos', 'a b+c');
    await eventually('live', () => fast.length === 2);
    expect(keysOf(fast)).toEqual(['before + 100%', 'a b+c']);
  });

  it('reads characters that are split over chunks, and lines behind bad ones', async () => {
    await simulate();
    store.listeners.byteByByte = true;
    listen({ ways: ['listen'] });
    await up();
    store.listeners.sendRaw('   \n{"Records":[tr');
    store.listeners.sendRaw('uncated\n');
    await store.put('photos', '中文😀');
    await eventually('stored', () => stored.length === 1);
    expect(keysOf(stored)).toEqual(['中文😀']);
    expect(gaps.map(({ reason, buckets }) => [reason, buckets])).toEqual(Array(2).fill(['listen-interrupted', ['photos']]));
  });

  it.each<[string, () => void]>([
    ['a cut connection', () => store.listeners.cut()],
    ['half a line', () => store.listeners.cut('{"Records":[{"event')],
    ['a clean end', () => store.listeners.end()],
    ['silence', () => (store.listeners.fault = 'stalled')],
  ])('connects again after %s, with a gap since the last sign of life where no durable way exists', async (_what, fail) => {
    await simulate();
    const now = listen({ ways: ['listen'] });
    await up();
    expect(gaps).toHaveLength(1);
    const before = now.provenUntil;
    fail();
    await eventually('down', () => status.state !== 'up');
    store.listeners.fault = 'none';
    await up();
    expect(gaps).toHaveLength(2);
    expect(gaps[1]!.since).toBeGreaterThanOrEqual(before);
    expect(gaps[1]!.since).toBeLessThan(status.since);
    await store.put('photos', 'after');
    await eventually('stored', () => stored.length === 1);
  });

  it('takes blanks for signs of life', async () => {
    await simulate();
    store.listeners.fault = 'spaces';
    listen();
    await up();
    await store.put('photos', 'a');
    await eventually('taken', () => fast.length === 1);
  });

  it('finds a store unusable that sends nothing although it answers, and tries again when that has restarted', async () => {
    await simulate();
    store.listeners.fault = 'unflushed';
    listen();
    await eventually('unusable', () => status.state === 'unusable');
    expect(status.reason).toContain('does not flush');
    expect(store.listeners.requests).toBe(1);
    store.listeners.fault = 'none';
    listener!.retryNow();
    await up();
  });

  it('keeps trying a store that takes requests and answers none', async () => {
    await simulate();
    store.listeners.fault = 'black-hole';
    listen({}, { unusablePause: 20 });
    await eventually('several attempts', () => store.listeners.requests >= 3);
    expect(['unusable', 'connecting']).toContain(status.state);
  });

  it('asks for less where a server does not know all names', async () => {
    await simulate();
    store.listeners.oldServer = true;
    listen();
    await up();
    expect(store.listeners.requests).toBe(2);
  });

  it.each(['plain', 'refused'] as const)('says so when the answer is %s', async (fault) => {
    await simulate();
    store.listeners.fault = fault;
    listen();
    await eventually('refused', () => status.state === 'refused');
    expect(status.reason).toMatch(fault === 'plain' ? /does not know this interface/ : /403 AccessDenied/);
    store.listeners.fault = 'none';
    await up();
  });

  it('opens a gap for what cannot be stored, and before a stream is back when that takes long', async () => {
    await simulate();
    listen({ ways: ['listen'] }, { patience: 100 });
    await up();
    refuseToStore = true;
    await store.put('photos', 'lost');
    await eventually('a gap', () => gaps.length === 2);
    store.listeners.fault = 'black-hole';
    store.listeners.cut();
    await eventually('another', () => gaps.length === 3);
    store.listeners.fault = 'none';
    await up();
    expect(gaps).toHaveLength(4);
    expect(gaps[3]!.since).toBe(gaps[2]!.since);
  });

  (minioProgram === undefined ? it.skip : it)('finds the stream of this MinIO unusable, which does not flush it', async () => {
    const server = await startMinio({ webhooks: [] });
    try {
      await simulate();
      const { endpoint, accessKey, secretKey } = server;
      listen({ endpoint, credentials: { accessKey, secretKey }, buckets: [] }, { firstByte: 3_000 });
      await eventually('judged', () => status.state !== 'connecting', { within: 10_000 });
      expect(status).toMatchObject({ state: 'unusable', reason: expect.stringContaining('no byte within 3000 ms') });
    } finally {
      await server.stop();
    }
  }, 30_000);
});
