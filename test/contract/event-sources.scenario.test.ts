import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { SourceFiguresStore } from '#event-source/source-figures-store.js';
import { ManagementClient } from './management-client.js';
import { startApi, type RunningApi } from './running-api.js';

const SECRET = 'a-secret-that-nobody-may-see';
const STORE = { endpoint: 'http://127.0.0.1:9000', credentials: { accessKey: 'magpie', secretKey: SECRET } };
const OTHER = '6543210987654321';

describe('event sources of the management interface', () => {
  let api: RunningApi;
  let client: ManagementClient;
  let other: ManagementClient;
  const log: string[] = [];

  beforeAll(async () => {
    const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) });
    api = await startApi({ logger });
    client = new ManagementClient(api.url, api.credentials);
    await client.call('PUT', `accounts/${OTHER}`, {});
    const { accessKeyId, accessKeySecret } = (await client.call('POST', 'access-keys', { accountId: OTHER })).json;
    other = new ManagementClient(api.url, { accessKeyId, accessKeySecret });
  });
  afterAll(() => api.stop());

  it('makes, shows, lists and deletes them', async () => {
    const made = await client.call('PUT', 'event-sources/minio', { ...STORE, intakeToken: SECRET, buckets: ['photos'] });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ name: 'minio', endpoint: STORE.endpoint, credentials: { accessKey: 'magpie' }, ways: ['durable', 'fast'] });
    expect(Object.keys(made.json.secrets as object)).toEqual(['secretKey', 'intakeToken']);
    expect((await client.call('GET', 'event-sources/minio')).json).toEqual(made.json);
    expect((await client.call('PUT', 'event-sources/minio', made.json)).status).toBe(200);
    await client.call('PUT', 'event-sources/other', {});
    expect((await client.call('GET', 'event-sources?limit=1')).json).toMatchObject({ eventSources: [{ name: 'minio' }], nextMarker: 'minio' });
    expect((await client.call('DELETE', 'event-sources/other')).status).toBe(204);
    expect((await client.call('DELETE', 'event-sources/other')).status).toBe(204);
    expect((await client.call('GET', 'event-sources/other')).json).toMatchObject({ status: 404, code: 'EventSourceNotExist' });
    expect([...log, JSON.stringify(made.json)].join('\n')).not.toContain(SECRET);
  });

  it.each([
    ['not JSON', '{'],
    ['a misspelt member', { bucket: ['photos'] }],
    ['credentials without a store', { credentials: STORE.credentials }],
    ['a secret that is missing', { ...STORE, endpoint: 'http://elsewhere:9000', credentials: { accessKey: 'magpie' } }],
  ])('answers 400 to %s', async (_what, document) => {
    await client.call('PUT', 'event-sources/minio', STORE);
    const { status, type, json } = await client.call('PUT', 'event-sources/minio', document);
    expect([status, type, json.code]).toEqual([400, 'application/problem+json', 'InvalidArgument']);
  });

  it('keeps accounts apart: names of others, and addresses that the hub speaks to', async () => {
    await client.call('PUT', 'event-sources/minio', STORE);
    expect((await other.call('GET', 'event-sources/minio')).status).toBe(404);
    expect((await other.call('PUT', 'event-sources/minio', {})).json).toMatchObject({ status: 409, code: 'EventSourceNameTaken' });
    expect((await other.call('PUT', 'event-sources/free', {})).json).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect((await other.call('PUT', `event-sources/${OTHER}.minio`, STORE)).json).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect((await other.call('PUT', `event-sources/${OTHER}.minio`, { intakeToken: 'their-own-token' })).status).toBe(201);
    expect((await other.call('GET', 'event-sources')).json.eventSources).toHaveLength(1);
    expect((await client.call('DELETE', `accounts/${OTHER}`)).json).toMatchObject({ status: 409, code: 'AccountNotEmpty' });
    expect((await client.call('PUT', `event-sources/${OTHER}.minio`, {})).status).toBe(409);
  });

  it('opens back-fills and shows, pauses and cancels gaps', async () => {
    await client.call('PUT', 'event-sources/minio', STORE);
    expect((await client.call('POST', 'event-sources/minio/backfill')).json).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect((await client.call('POST', 'event-sources/minio/backfill', { pagesPerSecond: 0 })).status).toBe(400);
    const asked = await client.call('POST', 'event-sources/minio/backfill', { buckets: ['photos'], prefix: 'summer/', eventsPerSecond: 5 });
    expect(asked.status).toBe(202);
    expect(asked.json).toMatchObject({ state: 'waiting', reasons: ['requested'], backfill: { eventsPerSecond: 5 } });
    const gap = `event-sources/minio/gaps/${asked.json.id}`;
    expect((await client.call('POST', `${gap}/pause`)).status).toBe(204);
    expect((await client.call('GET', 'event-sources/minio/gaps')).json).toMatchObject({ open: [{ state: 'paused' }], closed: [] });
    expect((await other.call('DELETE', gap)).status).toBe(404);
    expect((await client.call('POST', `${gap}/resume`)).status).toBe(204);
    expect((await client.call('DELETE', gap)).status).toBe(204);
    expect((await client.call('DELETE', gap)).status).toBe(404);
    expect((await client.call('GET', 'event-sources/minio/gaps')).json).toMatchObject({ open: [], closed: [{ outcome: 'cancelled' }] });
    expect((await client.call('GET', 'event-sources/nothing/gaps')).status).toBe(404);
  });

  it('says that something redirects the posts when a check brings nothing and the intake was asked with GET', async () => {
    const store = createServer((_request, response) => response.writeHead(200, { 'x-amz-request-id': '1' }).end());
    await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
    await client.call('PUT', 'event-sources/minio', { ...STORE, endpoint, ways: ['durable'], buckets: ['photos'] });
    const checked = client.call('POST', 'event-sources/minio/check', { timeoutSeconds: 1 });
    const last = new Map([['wrongMethod', Date.now() + 1_000]] as const);
    await api.app.get(SourceFiguresStore).add('minio', { counts: new Map([['wrongMethod', 1]]), last, nodes: new Map() });
    const { json } = await checked;
    expect(json).toMatchObject({ outcome: 'lost', put: { arrivals: {} }, problems: [{ event: 'put', missing: 'durable' }] });
    expect(json.problems[0].reason).toContain('redirects');
    expect((await client.call('GET', 'event-sources/minio/health')).json.problems).toEqual([expect.stringContaining('GET')]);
    expect((await client.call('POST', 'event-sources/minio/check', { timeoutSeconds: 60 })).status).toBe(400);
    store.close();
  }, 15_000);
});
