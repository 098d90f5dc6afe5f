import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildARN, Client, NotificationConfig, QueueConfig } from 'minio';
import { ACCOUNT, SECRET_KEY, startBridge, TestEngine, TOKEN, type RunningBridge } from '../../apps/bridge/running-bridge.fixture.js';
import { ManagementClient } from '../contract/management-client.js';
import { startApi, type RunningApi } from '../contract/running-api.js';
import { eventually } from '../support/eventually.js';
import { minioProgram, startMinio, type MinioTestServer } from '../support/minio-server.js';

const describeWithMinio = minioProgram === undefined ? describe.skip : describe;

describeWithMinio('an event source with a real MinIO', () => {
  let engine: TestEngine;
  let bridge: RunningBridge;
  let api: RunningApi;
  let hub: ManagementClient;
  let store: MinioTestServer;
  let client: Client;
  let queueDirectory: string;

  /** The way of an operator: a name, the environment for it, a server that is started with it, and then its address. */
  beforeAll(async () => {
    engine = await TestEngine.open();
    bridge = await startBridge({ keyPrefix: engine.prefix });
    api = await startApi({ keyPrefix: engine.prefix, secretKey: SECRET_KEY, bridgeUrl: `http://127.0.0.1:${bridge.port}`, intakeToken: TOKEN });
    hub = new ManagementClient(api.url, api.credentials);
    queueDirectory = await mkdtemp(join(tmpdir(), 'magpie-queue-'));
    await hub.call('PUT', 'event-sources/minio', {});
    const { json } = await hub.call('POST', 'event-sources/minio/provision', { showToken: true, queueDirectory });
    store = await startMinio({ webhooks: [], environment: json.environment as Record<string, string> });
    const { port, accessKey, secretKey } = store;
    client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey, region: 'us-east-1' });
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
  }, 60_000);
  afterAll(async () => {
    await store?.stop();
    await api.stop();
    await bridge.stop();
    engine.close();
    await rm(queueDirectory, { recursive: true, force: true });
  });

  const put = (more: object = {}) => {
    const { endpoint, accessKey, secretKey } = store;
    return hub.call('PUT', 'event-sources/minio', { endpoint, credentials: { accessKey, secretKey }, buckets: ['photos'], ...more });
  };
  const provision = (asked?: object) => hub.call('POST', 'event-sources/minio/provision', asked);
  const check = (asked?: object) => hub.call('POST', 'event-sources/minio/check', asked);

  it('is set up, and again without a change; entries of others stay', async () => {
    expect((await put()).status).toBe(200);
    expect((await provision()).json).toMatchObject({ status: 422, code: 'BucketNotExist' });
    const made = await provision({ createBuckets: true });
    expect(made.json).toMatchObject({ complete: true, store: { server: 'MinIO' }, buckets: [{ name: 'photos', state: 'ready', created: true }] });
    expect(made.json.targets).toMatchObject([{ id: 'MAGPIE', known: true }, { id: 'MAGPIEFAST', known: true }]);
    expect(JSON.stringify(made.json)).not.toContain(TOKEN);
    const foreign = new QueueConfig(buildARN('minio', 'sqs', '', 'MAGPIE', 'webhook'));
    foreign.setId('theirs');
    foreign.addFilterPrefix('logs & more/');
    foreign.addEvent('s3:ObjectCreated:Put');
    const notification = new NotificationConfig();
    notification.add(foreign);
    await client.setBucketNotification('photos', notification);
    expect((await provision()).json.buckets).toMatchObject([{ changed: true, foreignEntries: 1, events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'] }]);
    await engine.putRule('downloads', { eventTypes: ['ObjectDownloaded:*'] });
    expect((await provision()).json.buckets).toMatchObject([{ changed: true, events: expect.arrayContaining(['s3:ObjectAccessed:Get']) }]);
    expect((await provision()).json.buckets).toMatchObject([{ changed: false, foreignEntries: 1 }]);
    const { QueueConfiguration: entries } = await client.getBucketNotification('photos');
    expect(entries.map(({ Id }) => Id).sort()).toEqual(['magpie.minio.MAGPIE', 'magpie.minio.MAGPIEFAST', 'theirs']);
  }, 30_000);

  it('is checked with an object of its own, of which no message is made', async () => {
    await client.setBucketVersioning('photos', { Status: 'Enabled' });
    const { json: result } = await check();
    expect(result).toMatchObject({ outcome: 'arrived', bucket: 'photos', problems: [] });
    expect(Object.keys(result.put.arrivals as object).sort()).toEqual(['durable', 'fast']);
    expect(result.put.arrivals.fast).toBeLessThan(1_000);
    expect(result.put.matched.rules).toEqual(['all']);
    expect(Object.keys(result.delete.arrivals as object).sort()).toEqual(['durable', 'fast']);
    const left = await client.listObjects('photos', '.magpie-canary/', true, { IncludeVersion: true }).toArray();
    expect(left).toEqual([]);
    await client.putObject('photos', 'real', 'content');
    expect(await engine.arrived(1)).toEqual(['real']);
    expect(await engine.receiveKeys()).toEqual([]);
  }, 40_000);

  it('shows its health on one page', async () => {
    const { json: page } = await eventually('figures', async () => {
      const answer = await hub.call('GET', 'event-sources/minio/health');
      return answer.json.events.told > 0 && answer.json.ways.durable.bodies > 0 && answer;
    }, { within: 10_000 });
    expect(page).toMatchObject({ name: 'minio', problems: [], events: { last: { bucket: 'photos', key: 'real' } }, gaps: { open: [] } });
    expect(page.nodes).toHaveLength(1);
    expect(page.ways.fast.bodies).toBeGreaterThan(0);
    expect(page.journal.entries).toBe(0);
  }, 20_000);

  it('says that the token is wrong, and recovers', async () => {
    await put({ intakeToken: 'another-token' });
    const { json: result } = await check({ timeoutSeconds: 3 });
    expect(result).toMatchObject({ outcome: 'lost', put: { arrivals: {} } });
    expect(result.problems).toHaveLength(2);
    expect(result.problems[0]).toMatchObject({ event: 'put', reason: expect.stringContaining('wrong token'), remedy: expect.stringContaining('AUTH_TOKEN_MAGPIE') });
    const { json } = await hub.call('GET', 'event-sources/minio/health');
    expect(json.problems).toEqual([expect.stringContaining('wrong token')]);
    await put({ intakeToken: null });
    await eventually('arrived', async () => (await check()).json.outcome === 'arrived', { within: 20_000 });
  }, 60_000);

  it('says which target the store does not know, and uses the other', async () => {
    await put({ durableTarget: 'MISSING' });
    const { json } = await provision();
    expect(json).toMatchObject({ complete: false, buckets: [{ state: 'incomplete', targets: ['MAGPIEFAST'] }] });
    expect(json.targets).toMatchObject([{ id: 'MISSING', known: false }, { known: true }]);
    expect(json.remaining[0]).toContain('MISSING');
    expect(json.environment).toHaveProperty('MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_MISSING');
  }, 30_000);

  it('says what is wrong with a store', async () => {
    const secretKey = 'wrong-secret';
    await put({ credentials: { accessKey: store.accessKey, secretKey } });
    expect((await provision()).json).toMatchObject({ status: 422, code: 'StoreCredentialsWrong' });
    expect((await check()).json).toMatchObject({ status: 422, code: 'StoreCredentialsWrong' });
    await put({ endpoint: 'http://127.0.0.1:1' });
    expect((await provision()).json).toMatchObject({ status: 422, code: 'StoreUnreachable' });
    await put({ endpoint: `http://127.0.0.1:${bridge.port}` });
    expect((await provision()).json).toMatchObject({ status: 422, code: 'NotAnObjectStore' });
    await hub.call('PUT', 'event-sources/minio', {});
    expect((await check({ bucket: 'photos' })).json).toMatchObject({ status: 422, code: 'StoreNotSet' });
    expect((await provision({ queueDirectory: 'relative' })).status).toBe(400);
  }, 30_000);
});
