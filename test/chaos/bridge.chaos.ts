import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'minio';
import { RawConnection } from '../bench/raw-connection.js';
import { signedRequest, type Credentials } from '../bench/signed-request.js';
import { sampleSource } from '../../apps/bridge/sources/sample-source.fixture.js';
import { ManagementClient } from '../contract/management-client.js';
import { eventually } from '../support/eventually.js';
import { minioProgram, startMinio, type MinioTestServer } from '../support/minio-server.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { AppProcess } from './app-process.js';
import { EventConsumer } from './event-consumer.js';
import { LossyProxy } from './lossy-proxy.js';
import { compare, type Change, type Findings } from './object-ledger.js';
import { ObjectWriters, presentObjects } from './object-writers.js';

const KILLS = 20;
const VICTIMS = ['minio', 'bridge', 'api', 'redis'] as const;
/** Operations a second, by twelve writers. */
const RATE = 60;
/** Puts that are under way when MinIO is killed, and milliseconds within which it is: some are stored and never answered. */
const BURST = 60;
const BURST_MILLIS = 150;
/** Milliseconds for which the bridge, and then Redis, are away, beyond the kills. */
const AWAY = 60_000;
/** Milliseconds that are left for what is late: the store's queue, parked events, and the repair of gaps. */
const SETTLE = 240_000;
/** One answer of the intake in so many is lost on its way to the store. */
const ANSWERS_LOST = 50;
const PLAIN = 'plain';
const VERSIONED = 'versioned';
const ALL_QUEUE = 'all-events';
const CREATED_QUEUE = 'created-events';

export const title =
  `bridge: ${KILLS} kills (SIGKILL) of MinIO, bridge, API and Redis, bridge and Redis away for a minute each, one answer of the intake in ${ANSWERS_LOST} lost, ` +
  `under puts, copies, uploads in parts and deletes in a plain and a versioned bucket`;

/** Everything of a run, and how it ends. */
class Scene {
  readonly #undo: (() => unknown)[] = [];
  readonly writers: ObjectWriters;

  private constructor(
    readonly redis: RedisServer,
    readonly api: AppProcess,
    readonly bridge: AppProcess,
    readonly proxy: LossyProxy,
    readonly minio: MinioTestServer,
    readonly client: Client,
    readonly credentials: Credentials,
  ) {
    this.writers = new ObjectWriters(client, [PLAIN, VERSIONED]);
  }

  static async open(): Promise<Scene> {
    const undo: (() => unknown)[] = [];
    const dataDir = await mkdtemp(join(tmpdir(), 'magpie-chaos-'));
    undo.push(() => rm(dataDir, { recursive: true, force: true }));
    const redis = await startRedis({ appendOnly: true });
    undo.push(() => redis.stop());
    const token = randomBytes(16).toString('hex');
    const credentials = { accessKeyId: 'chaos-key', accessKeySecret: randomBytes(16).toString('hex') };
    const settings = {
      MAGPIE_REDIS_URL: redis.url,
      MAGPIE_DATA_DIR: dataDir,
      MAGPIE_SECRET_KEY: randomBytes(32).toString('base64'),
      MAGPIE_ACCOUNT_ID: '1234567890123456',
      MAGPIE_ACCESS_KEY_ID: credentials.accessKeyId,
      MAGPIE_ACCESS_KEY_SECRET: credentials.accessKeySecret,
      MAGPIE_INTAKE_TOKEN: token,
      MAGPIE_LOG_LEVEL: 'silent',
    };
    const api = new AppProcess('api', 'MAGPIE_API_PORT', settings);
    const bridge = new AppProcess('bridge', 'MAGPIE_BRIDGE_PORT', settings);
    const worker = new AppProcess('worker', 'MAGPIE_WORKER_PORT', settings);
    for (const app of [api, bridge, worker]) {
      await app.start();
      undo.push(() => app.kill());
    }
    const proxy = await LossyProxy.open(() => bridge.port);
    undo.push(() => proxy.close());
    const intake = `http://127.0.0.1:${proxy.port}/intake/s3/store`;
    const webhooks = [
      { id: 'MAGPIE', endpoint: intake, token, queueDir: true },
      { id: 'MAGPIEFAST', endpoint: `${intake}/fast`, token },
    ];
    const minio = await startMinio({ webhooks });
    undo.push(() => minio.stop());
    const { port, accessKey, secretKey } = minio;
    const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey, region: 'us-east-1' });
    const scene = new Scene(redis, api, bridge, proxy, minio, client, credentials);
    scene.#undo.push(...undo);
    return scene;
  }

  /** Buckets, the source, queues and two rules: one straight to a queue, one through a topic. */
  async furnish(): Promise<void> {
    const { client, minio } = this;
    for (const bucket of [PLAIN, VERSIONED]) await client.makeBucket(bucket);
    await client.setBucketVersioning(VERSIONED, { Status: 'Enabled' });
    const connection = await RawConnection.open('127.0.0.1', this.api.port);
    const mns = async (method: string, target: string, body?: string): Promise<void> => {
      const { status, body: answer } = await connection.request(signedRequest(this.credentials, method, target, body));
      if (status >= 300) throw new Error(`${method} ${target} answered ${status}: ${answer}`);
    };
    for (const queue of [ALL_QUEUE, CREATED_QUEUE]) await mns('PUT', `/queues/${queue}`);
    await mns('PUT', '/topics/created');
    const endpoint = `acs:mns:cn-hangzhou:1234567890123456:queues/${CREATED_QUEUE}`;
    const form = '<NotifyContentFormat>SIMPLIFIED</NotifyContentFormat><NotifyStrategy>EXPONENTIAL_DECAY_RETRY</NotifyStrategy>';
    await mns('PUT', '/topics/created/subscriptions/queue', `<Subscription><Endpoint>${endpoint}</Endpoint>${form}</Subscription>`);
    connection.close();
    await this.#manage('PUT', 'event-rules/all', { eventTypes: ['ObjectCreated:*', 'ObjectRemoved:*'], endpoint: { endpointType: 'queue', endpointValue: ALL_QUEUE } });
    await this.#manage('PUT', 'event-rules/created', { eventTypes: ['ObjectCreated:*'], endpoint: { endpointType: 'topic', endpointValue: 'created' } });
    const { endpoint: store, accessKey, secretKey } = minio;
    await this.#manage('PUT', 'event-sources/store', { endpoint: store, credentials: { accessKey, secretKey }, buckets: [PLAIN, VERSIONED], ways: ['durable', 'fast'] });
    await this.#manage('POST', 'event-sources/store/provision');
  }

  /** @throws when not answered 2xx */
  async #manage(method: string, path: string, body?: object): Promise<unknown> {
    const { status, json } = await new ManagementClient(`http://127.0.0.1:${this.api.port}`, this.credentials).call(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(json)}`);
    return json;
  }

  gaps(): Promise<unknown> {
    return this.#manage('GET', 'event-sources/store/gaps').catch(() => undefined);
  }

  async close(): Promise<void> {
    for (const step of this.#undo.toReversed()) await step();
  }
}

/** @returns true when every change that the store acknowledged, or holds in the end, made a message for each of its rules. */
export async function run(seconds: number): Promise<boolean> {
  if (minioProgram === undefined) {
    console.log('skipped: there is no MinIO here, and no Go to build one');
    return true;
  }
  const scene = await Scene.open();
  try {
    return await play(scene, seconds);
  } finally {
    await scene.close();
  }
}

async function play(scene: Scene, seconds: number): Promise<boolean> {
  await scene.furnish();
  const { api, proxy, minio, writers } = scene;
  const all = new EventConsumer(() => api.port, scene.credentials, ALL_QUEUE);
  const created = new EventConsumer(() => api.port, scene.credentials, CREATED_QUEUE);
  proxy.oneIn = ANSWERS_LOST;
  const start = performance.now();
  const end = start + seconds * 1_000 + 2 * AWAY;
  const writing = writers.run(end, RATE);
  const kills = await killAtRandom(scene, start + seconds * 1_000);
  await away(scene.bridge);
  await awayRedis(scene.redis);
  await writing;
  proxy.oneIn = 0;
  const { acknowledged, unknown } = writers;
  const source = sampleSource('store', { endpoint: minio.endpoint, credentials: { accessKey: minio.accessKey, secretKey: minio.secretKey } });
  const present = [...(await presentObjects(source, PLAIN)), ...(await presentObjects(source, VERSIONED))];
  const claimed = new Set(acknowledged.map(idOf));
  const unanswered = present.filter((change) => !claimed.has(idOf(change)));
  const owed = [...acknowledged, ...unanswered];
  const perSecond = Math.round(acknowledged.length / ((end - start) / 1_000));
  console.log(`kills ${JSON.stringify(kills)} · acknowledged ${acknowledged.length} changes (${perSecond}/s), ${unknown} of unknown outcome · stored and never answered ${unanswered.length} · answers of the intake lost ${proxy.lost}`);
  const clean = await settled(owed, all, created);
  all.stop();
  created.stop();
  console.log(`settled ${((performance.now() - end) / 1_000).toFixed(0)} s after the load`);
  report('rule → queue', compare(owed, all.arrivals));
  report('rule → topic → queue', compare(creations(owed), created.arrivals));
  console.log(`gaps ${JSON.stringify(summary(await scene.gaps()))}`);
  return clean && acknowledged.length > 0;
}

function creations(owed: readonly Change[]): Change[] {
  return owed.filter(({ kind }) => kind === 'create');
}

function idOf({ bucket, key, kind, eTag }: Change): string {
  return JSON.stringify([bucket, key, kind, eTag]);
}

async function settled(owed: readonly Change[], all: EventConsumer, created: EventConsumer): Promise<boolean> {
  const complete = (): boolean => compare(owed, all.arrivals).lost.length === 0 && compare(creations(owed), created.arrivals).lost.length === 0;
  const clean = await eventually('everything arrived', complete, { within: SETTLE, every: 2_000 }).catch(() => false);
  // What arrives twice comes within the store's next round and the repair of the last gap.
  await sleep(15_000);
  return clean;
}

function report(name: string, found: Findings): void {
  const { lost, arrivals, doubledEvents, doubledByReconciliation, moreDeletes, inversions, toldByListing } = found;
  const unanswered = lost.filter(({ ordinal }) => ordinal === undefined);
  const examples = lost.slice(0, 5).map(({ kind, bucket, key }) => `${kind} ${bucket}/${key}`);
  console.log(
    `${name}: messages ${arrivals} · lost ${lost.length - unanswered.length} acknowledged, ${unanswered.length} never answered ${examples.join(', ')} · told by listing ${toldByListing} · ` +
      `doubled by copies ${doubledEvents + moreDeletes}, by reconciliation ${doubledByReconciliation} · inversions of order ${inversions}`,
  );
}

/** How often each reason stood behind a gap, and what their repair told. */
function summary(gaps: unknown): Record<string, number> {
  const { open = [], closed = [] } = (gaps ?? {}) as { open?: readonly GapLine[]; closed?: readonly GapLine[] };
  const counts: Record<string, number> = { open: open.length, repaired: closed.length };
  for (const { reasons, progress } of [...open, ...closed]) {
    for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
    counts['told'] = (counts['told'] ?? 0) + (progress?.told ?? 0);
  }
  return counts;
}

interface GapLine {
  readonly reasons: readonly string[];
  readonly progress?: { readonly told: number };
}

async function killAtRandom(scene: Scene, end: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = { minio: 0, bridge: 0, api: 0, redis: 0 };
  for (let kill = 0; kill < KILLS; kill += 1) {
    const pause = (end - performance.now()) / (KILLS - kill);
    await sleep(Math.max(0, pause * (0.5 + Math.random() * 0.5)));
    const victim = VICTIMS[kill < VICTIMS.length ? kill : Math.floor(Math.random() * VICTIMS.length)]!;
    counts[victim]! += 1;
    await KILL[victim](scene);
  }
  return counts;
}

const KILL: Record<(typeof VICTIMS)[number], (scene: Scene) => Promise<void>> = {
  minio: async ({ minio, writers }) => {
    const burst = writers.burst(BURST);
    await sleep(Math.random() * BURST_MILLIS);
    await minio.kill9();
    await minio.restart();
    await burst;
  },
  redis: async ({ redis }) => {
    await redis.kill9();
    await sleep(300);
    await redis.restart();
  },
  bridge: async ({ bridge }) => {
    await bridge.kill();
    await bridge.start();
  },
  api: async ({ api }) => {
    await api.kill();
    await api.start();
  },
};

async function away(app: AppProcess): Promise<void> {
  await app.kill();
  await sleep(AWAY);
  await app.start();
}

async function awayRedis(redis: RedisServer): Promise<void> {
  await redis.kill9();
  await sleep(AWAY);
  await redis.restart();
}
