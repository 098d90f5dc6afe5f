import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { CanaryStore } from '#event-source/canary-store.js';
import { SourceFiguresStore } from '#event-source/source-figures-store.js';
import { Deployment } from '#redis/deployment.js';
import { eventually } from '../../../test/support/eventually.js';
import { ACCOUNT, startBridge, TestEngine, type RunningBridge } from '../running-bridge.fixture.js';

const NODE = 'f4238777a1d363e363355cdee4bc8ee31c1b440e283815b5a6afbb36a6c3e798';

describe('what a bridge notes of a source', () => {
  let engine: TestEngine;
  let running: RunningBridge;
  let figures: SourceFiguresStore;
  let canaries: CanaryStore;

  beforeAll(async () => {
    engine = await TestEngine.open();
    running = await startBridge({ keyPrefix: engine.prefix });
    const deployment = await Deployment.open(engine.client, engine.prefix);
    [figures, canaries] = [new SourceFiguresStore(engine.client, deployment), new CanaryStore(engine.client, deployment)];
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
    await engine.putSource('store');
    await eventually('known', () => running.bridge.sources?.byName.has('store') === true);
  });
  afterAll(async () => {
    await running.stop();
    engine.close();
  });

  it('counts bodies by way, events, copies and nodes, and nothing of sources that nobody registered', async () => {
    const body = minioBody({ key: 'summer/a.txt' });
    expect(await running.post(body)).toBe(200);
    await engine.arrived(1);
    expect(await running.post(body, '/intake/s3/store/fast')).toBe(200);
    expect(await running.post('no JSON')).toBe(200);
    expect((await fetch(`http://127.0.0.1:${running.port}/intake/s3/store`)).status).toBe(405);
    expect(await running.post(minioBody(), '/intake/s3/unregistered')).toBe(200);
    const seen = await eventually('written', async () => {
      const read = await figures.read('store');
      return read.counts.duplicates === 1 && read.counts.unreadable === 1 && read;
    });
    expect(seen.counts).toEqual({ durable: 2, fast: 1, listen: 0, refused: 0, wrongMethod: 1, unreadable: 1, events: 2, duplicates: 1 });
    expect(seen.lastEvent).toMatchObject({ eventName: 'ObjectCreated:PutObject', bucket: 'photos', key: 'summer/a.txt' });
    expect(seen.last.fast).toBeGreaterThan(Date.now() - 60_000);
    expect(Object.keys(seen.nodes)).toEqual([NODE]);
    const metrics = await (await fetch(`http://127.0.0.1:${running.port}/metrics`)).text();
    expect(metrics).toContain('magpie_bridge_source_bodies_total{source="store",way="durable"} 2');
    expect(metrics).toContain('magpie_bridge_source_events_total{source="store",repeated="true"} 1');
    expect(metrics).not.toContain('source="unregistered"');
    expect((await figures.read('unregistered')).counts.durable).toBe(0);
  }, 20_000);

  it('notes where canaries arrive, and makes no message of them', async () => {
    const id = 'c0ffee'.padEnd(32, '0');
    const key = `.magpie-canary/${id}`;
    await engine.receive();
    const before = await canaries.now();
    const put = minioBody({ key });
    expect(await running.post(put)).toBe(200);
    expect(await running.post(put, '/intake/s3/store/fast')).toBe(200);
    expect(await running.post(minioBody({ key, eventName: 's3:ObjectRemoved:Delete' }))).toBe(200);
    const seen = await eventually('put and delete', async () => {
      const [made, removed] = [await canaries.sightings(id, 'put'), await canaries.sightings(id, 'delete')];
      return made.matched !== undefined && made.arrivals['fast'] !== undefined && removed.matched !== undefined && { made, removed };
    });
    expect(seen.made.matched!.rules).toEqual(['all']);
    expect(seen.made.arrivals['durable']).toBeGreaterThanOrEqual(before);
    expect(Object.keys(seen.removed.arrivals)).toEqual(['durable']);
    expect(await running.post(minioBody({ key: '.magpie-canary/mine' }))).toBe(200);
    expect(await engine.arrived(1)).toEqual(['.magpie-canary/mine']);
  });

  it('writes the length of the journal when it changes', async () => {
    expect(await eventually('written', async () => (await engine.client.get(`${engine.prefix}:{event-sources}:journal`)) !== null)).toBe(true);
    expect(await figures.journal()).toEqual({ entries: 0, parked: 0 });
  });
});
