import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { readEventSource } from './event-source-document.js';
import { EventSourceNameTaken, EventSourceNotExist } from './event-source-errors.js';
import { EventSourceStore } from './event-source-store.js';

const [ACCOUNT, OTHER] = ['1234567890123456', '6543210987654321'] as const;
const KEY = Buffer.alloc(32, 3);
const SECRET = 'a-secret-that-nobody-may-see';
const ENDPOINT = 'http://127.0.0.1:9000';

describe('EventSourceStore', () => {
  let client: RedisClient;
  let deployment: Deployment;
  let clock: SettableClock;
  let store: EventSourceStore;

  beforeAll(async () => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL'] ?? '', { role: 'commands', logger: silentLogger });
    if (client.status !== 'ready') await once(client, 'ready');
  });
  afterAll(() => client.disconnect());
  beforeEach(async () => {
    deployment = await Deployment.open(client, `test-${randomBytes(6).toString('hex')}`);
    clock = new SettableClock(1_790_000_000_000);
    store = new EventSourceStore(client, deployment, KEY, clock);
  });

  const put = (name: string, document: object, account: string = ACCOUNT) => store.put(account, name, readEventSource(name, document));
  const withStore = (more: object = {}, secretKey?: string) => ({
    endpoint: ENDPOINT,
    credentials: { accessKey: 'user', ...(secretKey !== undefined && { secretKey }) },
    ...more,
  });

  it('keeps secrets encrypted and tells only that they are set, and when', async () => {
    expect(await put('minio', withStore({ intakeToken: `${SECRET}-token` }, SECRET))).toBe('created');
    const description = await store.get(ACCOUNT, 'minio');
    const lastModifyTime = clock.now();
    expect(description).toMatchObject({ name: 'minio', endpoint: ENDPOINT, credentials: { accessKey: 'user' } });
    expect(description.secrets).toEqual({ secretKey: { lastModifyTime }, intakeToken: { lastModifyTime } });
    expect(JSON.stringify([description, await client.hgetall(`${deployment.prefix}:{event-sources}`)])).not.toContain(SECRET);
    const opened = await store.open(ACCOUNT, 'minio');
    expect(opened).toMatchObject({ account: ACCOUNT, credentials: { accessKey: 'user', secretKey: SECRET }, intakeToken: `${SECRET}-token`, version: 1 });
    expect((await store.all()).sources).toEqual([opened]);
  });

  it('keeps a secret that a change does not name, and drops one with null', async () => {
    await put('minio', withStore({ intakeToken: SECRET }, SECRET));
    clock.advance(1_000);
    expect(await put('minio', withStore({ buckets: ['photos'] }))).toBe('changed');
    expect(await store.open(ACCOUNT, 'minio')).toMatchObject({ buckets: ['photos'], intakeToken: SECRET, credentials: { secretKey: SECRET }, version: 2 });
    expect((await store.get(ACCOUNT, 'minio')).secrets.secretKey).toEqual({ lastModifyTime: clock.now() - 1_000 });
    await put('minio', { intakeToken: null });
    expect(await store.get(ACCOUNT, 'minio')).toMatchObject({ secrets: {} });
    expect((await store.open(ACCOUNT, 'minio')).credentials).toBeUndefined();
  });

  it('takes what a GET answered, and calls the same once more no change', async () => {
    await put('minio', withStore({}, SECRET));
    const version = await store.version();
    expect(await put('minio', await store.get(ACCOUNT, 'minio'))).toBe('unchanged');
    expect(await put('minio', withStore({}, SECRET))).toBe('unchanged');
    expect(await store.version()).toBe(version);
  });

  it('never uses a secret at another place than the one that it was given for', async () => {
    await put('minio', withStore({}, SECRET));
    const argument = 'credentials.secretKey';
    await expect(put('minio', { ...withStore(), endpoint: 'http://evil.example.com' })).rejects.toMatchObject({ argument });
    await expect(put('minio', withStore({ credentials: { accessKey: 'other' } }))).rejects.toMatchObject({ argument });
    await expect(put('new', withStore())).rejects.toMatchObject({ argument });
  });

  it('gives a name to one account only', async () => {
    await put('minio', {});
    await expect(put('minio', {}, OTHER)).rejects.toBeInstanceOf(EventSourceNameTaken);
    await expect(store.get(OTHER, 'minio')).rejects.toBeInstanceOf(EventSourceNotExist);
    await store.delete(OTHER, 'minio');
    expect((await store.list(ACCOUNT)).map(({ name }) => name)).toEqual(['minio']);
    expect(await store.list(OTHER)).toEqual([]);
    await store.delete(ACCOUNT, 'minio');
    expect(await put('minio', {}, OTHER)).toBe('created');
  });

  it('counts and announces every change', async () => {
    const subscriber = connectRedis(process.env['MAGPIE_TEST_REDIS_URL'] ?? '', { role: 'subscriber', logger: silentLogger });
    if (subscriber.status !== 'ready') await once(subscriber, 'ready');
    await subscriber.subscribe(store.changes);
    const heard = once(subscriber, 'message');
    await put('b', {});
    await put('a', {});
    await heard;
    expect(await store.version()).toBe(2);
    expect((await store.list(ACCOUNT)).map(({ name }) => name)).toEqual(['a', 'b']);
    expect([await store.delete(ACCOUNT, 'a'), await store.delete(ACCOUNT, 'a')]).toEqual([true, false]);
    expect(await store.version()).toBe(3);
    subscriber.disconnect();
  });

  it('has an end', async () => {
    for (let i = 0; i < 100; i += 1) await put(`source-${i}`, {});
    await expect(put('one-more', {})).rejects.toMatchObject({ argument: 'name' });
    expect(await put('source-1', { buckets: ['photos'] })).toBe('changed');
  });

  it('names those that another key sealed', async () => {
    await put('minio', withStore({}, SECRET));
    await put('plain', {});
    const { sources, unreadable } = await new EventSourceStore(client, deployment, Buffer.alloc(32, 4)).all();
    expect([sources.map(({ name }) => name), unreadable]).toEqual([['plain'], ['minio']]);
  });
});
