import type { Client } from 'minio';
import { listedRefsOf } from '#event-rule/state-id.js';
import type { EventSource } from '#event-source/event-source.js';
import { GapStore } from '#event-source/gap-store.js';
import { Deployment } from '#redis/deployment.js';
import { BucketListing } from '../../apps/bridge/reconcile/bucket-listing.js';
import type { Journal } from '../../apps/bridge/journal/journal.js';
import { QUICK } from '../../apps/bridge/reconcile/reconciler.fixture.js';
import { startBridge, TestEngine } from '../../apps/bridge/running-bridge.fixture.js';
import { StoreReader } from '../../apps/bridge/reconcile/store-reader.js';
import { eventually } from '../support/eventually.js';
import { minioProgram } from '../support/minio-server.js';
import { startBenchRedis } from './bench-redis.js';
import { startBenchStore } from './bench-store.js';
import { interleaved, type Pace, type Result } from './measure.js';
import { tarArchive } from './tar-archive.js';

/** Objects for each second that is asked for; 100,000 are the most. */
const OBJECTS_PER_SECOND = 40_000;
const MOST_OBJECTS = 100_000;
const OBJECTS_AT_ONCE = 2_000;
const BUCKET = 'many';

/** The search for missed events in a bucket whose objects were all told, and all changed since the gap began; beside a listing alone. */
export async function measureReconcile({ rounds, seconds }: Pace): Promise<Result> {
  if (minioProgram === undefined) return { rows: [] };
  const objects = Math.min(MOST_OBJECTS, Math.round(seconds * OBJECTS_PER_SECOND));
  const redis = await startBenchRedis();
  const engine = await TestEngine.open(redis.url, 'bench');
  const running = await startBridge({ redisUrl: redis.url, keyPrefix: engine.prefix, reconciler: { ...QUICK, settle: 100 } });
  const store = await startBenchStore(running.port);
  try {
    await store.client.makeBucket(BUCKET);
    await fill(store.client, objects);
    const { endpoint, accessKey, secretKey } = store.server;
    await engine.putSource('store', { endpoint, credentials: { accessKey, secretKey }, buckets: [BUCKET], ways: ['durable'], reconcileInterval: 0 });
    const gaps = new GapStore(engine.client, await Deployment.open(engine.client, engine.prefix));
    await eventually('watched', async () => (await gaps.provenUntil('store')) !== undefined, { within: 30_000 });
    await closed(gaps);
    const source = running.bridge.sources!.byName.get('store')!;
    await tellAll(source, running.bridge.journal!);
    const times = await interleaved(rounds, { reconcile: () => reconcile(gaps), listing: () => list(source) });
    return {
      rows: [
        { what: `search for missed events in a bucket of ${objects} objects`, value: `${(times.reconcile / 1_000).toFixed(1)} s`, ratio: (times.reconcile / times.listing).toFixed(2), goal: '≤ 1.5' },
        { what: '  listing it, no more', value: `${(times.listing / 1_000).toFixed(1)} s` },
      ],
    };
  } finally {
    await running.stop();
    await store.server.stop();
    engine.close();
    await redis.stop();
  }
}

async function fill(client: Client, objects: number): Promise<void> {
  for (let at = 0; at < objects; at += OBJECTS_AT_ONCE) {
    const names = Array.from({ length: Math.min(OBJECTS_AT_ONCE, objects - at) }, (_, index) => `objects/2026/key-${String(at + index).padStart(7, '0')}`);
    await client.putObject(BUCKET, 'archive.tar', tarArchive(names, Buffer.from('hello')), undefined, { 'X-Amz-Meta-Snowball-Auto-Extract': 'true' });
  }
}

/** Marks every object as if an event had told it. */
async function tellAll(source: EventSource, journal: Journal): Promise<void> {
  const reader = StoreReader.for(source);
  const listing = await BucketListing.open(reader, BUCKET, '', new AbortController().signal);
  for (let page = await listing.page(); ; page = await listing.page(page.next)) {
    await Promise.all(
      page.entries.map((entry) => {
        const refs = listedRefsOf(source.name, { bucket: BUCKET, ...entry }, page.byTime);
        return journal.noteStates(journal.partitionFor(`${source.name}/${BUCKET}/${entry.key}`), refs.map((ref) => ({ ...ref, mark: 'e' })));
      }),
    );
    if (page.next === undefined) break;
  }
  reader.close();
}

/** Milliseconds of the pages alone, read and not looked at. */
async function list(source: EventSource): Promise<number> {
  const reader = StoreReader.for(source);
  const started = performance.now();
  for (let token: string | undefined = ''; token !== undefined; ) {
    const query: [string, string][] = [['list-type', '2'], ['encoding-type', 'url'], ['max-keys', '1000'], ['prefix', '']];
    if (token !== '') query.push(['continuation-token', token]);
    const { body } = await reader.get(`/${BUCKET}/`, query, new AbortController().signal);
    token = /<NextContinuationToken>([^<]*)</.exec(body.toString('latin1', 0, 2_000))?.[1];
  }
  reader.close();
  return performance.now() - started;
}

/** Milliseconds from the first page of a gap to its end. */
async function reconcile(gaps: GapStore): Promise<number> {
  await gaps.openGap('store', { reason: 'rules-missing', since: 1, buckets: [BUCKET] });
  await closed(gaps);
  const [gap] = await gaps.closed('store', 1);
  return gap!.closedAt - gap!.progress!.startedAt;
}

async function closed(gaps: GapStore): Promise<void> {
  await eventually('no gap is open', async () => (await gaps.list('store')).length === 0, { within: 300_000, every: 20 });
}
