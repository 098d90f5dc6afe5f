import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { RedisUnavailable } from '#redis/redis-unavailable.js';
import { SettableClock } from '#runtime/clock.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../test/support/eventually.js';
import { startRedis } from '../../test/support/redis-server.js';
import { AccessStore } from './access-store.js';
import { SecretUnreadable } from './secret-box.js';

const FIRST = { accountId: '1234567890123456', accessKeyId: 'LTAI-first', accessKeySecret: 'first-secret' };
const FIRST_KEY = { id: 'LTAI-first', secret: 'first-secret', account: '1234567890123456', enabled: true, managesAccounts: true };
const SECRET_KEY = randomBytes(32);

let client: RedisClient;
let deployment: Deployment;
let clock: SettableClock;
let store: AccessStore;

beforeEach(async () => {
  client = await connected(process.env['MAGPIE_TEST_REDIS_URL']!);
  deployment = await Deployment.open(client, `access-${randomBytes(6).toString('hex')}`);
  clock = new SettableClock(1_790_184_264_000);
  store = new AccessStore(client, deployment, SECRET_KEY, clock);
});

afterEach(async () => {
  await client.quit();
});

async function connected(url: string): Promise<RedisClient> {
  const redis = connectRedis(url, { role: 'commands', logger: silentLogger });
  await eventually('redis is connected', () => redis.status === 'ready');
  return redis;
}

/** What another process does: straight to Redis, past this process's cache. */
async function change(changes: Record<string, unknown>): Promise<void> {
  const key = `${deployment.prefix}:access-keys`;
  const document = JSON.parse((await client.hget(key, FIRST.accessKeyId))!) as object;
  await client.hset(key, FIRST.accessKeyId, JSON.stringify({ ...document, ...changes }));
}

async function removeKey(): Promise<void> {
  await client.hdel(`${deployment.prefix}:access-keys`, FIRST.accessKeyId);
}

const keyInRedis = (): Promise<string | null> => client.hget(`${deployment.prefix}:access-keys`, FIRST.accessKeyId);

describe('ensureFirstKey', () => {
  it('stores the account and its key, the secret encrypted', async () => {
    await store.ensureFirstKey(FIRST);
    expect(await store.find('LTAI-first')).toEqual(FIRST_KEY);
    expect(await client.hkeys(`${deployment.prefix}:accounts`)).toEqual([FIRST.accountId]);
    expect(await keyInRedis()).not.toContain('first-secret');
  });

  it('changes nothing when repeated, by any process', async () => {
    await store.ensureFirstKey(FIRST);
    const stored = await keyInRedis();
    clock.advance(1_000);
    await new AccessStore(client, deployment, SECRET_KEY, clock).ensureFirstKey(FIRST);
    expect(await keyInRedis()).toBe(stored);
  });

  it('replaces the secret, keeps the rest, and is seen at once', async () => {
    await store.ensureFirstKey(FIRST);
    await change({ enabled: false });
    await store.find('LTAI-first');
    await store.ensureFirstKey({ ...FIRST, accessKeySecret: 'second-secret' });
    expect(await store.find('LTAI-first')).toEqual({ ...FIRST_KEY, secret: 'second-secret', enabled: false });
    expect(JSON.parse((await keyInRedis())!)).toMatchObject({ createTime: 1_790_184_264_000 });
  });

  it('does not give the key of one account to another', async () => {
    await store.ensureFirstKey(FIRST);
    const other = { ...FIRST, accountId: '6543210987654321' };
    await expect(store.ensureFirstKey(other)).rejects.toThrow('belongs to the account 1234567890123456');
    expect(await store.find('LTAI-first')).toEqual(FIRST_KEY);
  });

  it('says so when the stored secret cannot be read with this secret key', async () => {
    await store.ensureFirstKey(FIRST);
    await expect(new AccessStore(client, deployment, randomBytes(32)).ensureFirstKey(FIRST)).rejects.toThrow(SecretUnreadable);
  });

  it.each([
    { accountId: '123' },
    { accountId: '12345678901234567' },
    { accessKeyId: '' },
    { accessKeyId: 'a:b' },
    { accessKeyId: 'a'.repeat(129) },
    { accessKeySecret: '' },
  ])('refuses %p', async (wrong) => {
    await expect(store.ensureFirstKey({ ...FIRST, ...wrong })).rejects.toThrow(InvalidArgument);
  });
});

describe('find', () => {
  it('knows nothing of other keys, however they are written', async () => {
    for (const id of ['nobody', '', 'a:b', 'x'.repeat(5_000), '__proto__']) expect(await store.find(id)).toBeUndefined();
  });

  it('uses a key for 2 seconds without another look', async () => {
    await store.ensureFirstKey(FIRST);
    await store.find('LTAI-first');
    await change({ enabled: false });
    clock.advance(1_999);
    expect(await store.find('LTAI-first')).toEqual(FIRST_KEY);
  });

  it('looks again in the background afterwards', async () => {
    await store.ensureFirstKey(FIRST);
    await store.find('LTAI-first');
    await change({ enabled: false });
    clock.advance(2_000);
    expect(await store.find('LTAI-first')).toEqual(FIRST_KEY);
    await eventually('the change is seen', async () => (await store.find('LTAI-first'))?.enabled === false);
  });

  it.each([4_000, 30_000])('waits for the look when the key was not used for %d ms', async (millis) => {
    await store.ensureFirstKey(FIRST);
    await store.find('LTAI-first');
    await removeKey();
    clock.advance(millis);
    expect(await store.find('LTAI-first')).toBeUndefined();
  });

  it('takes a key for disabled, unknown or not the first account’s as its account is', async () => {
    const accounts = `${deployment.prefix}:accounts`;
    const again = async () => {
      store.forget();
      return store.find('LTAI-first');
    };
    await store.ensureFirstKey(FIRST);
    await store.ensureFirstKey({ accountId: '2222222222222222', accessKeyId: 'second', accessKeySecret: 's' });
    expect(await again()).toEqual({ ...FIRST_KEY, managesAccounts: false });
    expect(await store.find('second')).toMatchObject({ managesAccounts: true });
    await client.hset(accounts, FIRST.accountId, '{"enabled":false,"createTime":1}');
    expect(await again()).toMatchObject({ enabled: false });
    await client.hset(accounts, FIRST.accountId, '{"createTime":1}');
    expect(await again()).toMatchObject({ enabled: true });
    await client.hdel(accounts, FIRST.accountId);
    expect(await again()).toBeUndefined();
  });

  it('does not keep what a look saw that began before it was told to forget', async () => {
    await store.ensureFirstKey(FIRST);
    const early = store.find('LTAI-first');
    store.forget();
    await change({ enabled: false });
    expect(await store.find('LTAI-first')).toMatchObject({ enabled: false });
    await early;
    expect(await store.find('LTAI-first')).toMatchObject({ enabled: false });
  });

  it('remembers for a second that a key is unknown', async () => {
    expect(await store.find('LTAI-first')).toBeUndefined();
    await new AccessStore(client, deployment, SECRET_KEY, clock).ensureFirstKey(FIRST);
    clock.advance(999);
    expect(await store.find('LTAI-first')).toBeUndefined();
    clock.advance(1);
    expect(await store.find('LTAI-first')).toEqual(FIRST_KEY);
  });

  it('asks Redis once for many requests at the same time', async () => {
    await store.ensureFirstKey(FIRST);
    const keys = await Promise.all(Array.from({ length: 100 }, () => store.find('LTAI-first')));
    expect(keys[99]).toEqual(FIRST_KEY);
    // Each look makes an object of its own.
    expect(new Set(keys).size).toBe(1);
  });

  it('reports a key that was stored under another secret key', async () => {
    await store.ensureFirstKey(FIRST);
    await expect(new AccessStore(client, deployment, randomBytes(32)).find('LTAI-first')).rejects.toThrow(SecretUnreadable);
  });
});

describe('findAgain', () => {
  it('looks again, but not more often than once a second', async () => {
    await store.ensureFirstKey(FIRST);
    const key = (await store.find('LTAI-first'))!;
    await change({ enabled: false });
    clock.advance(999);
    expect(await store.findAgain(key)).toEqual(FIRST_KEY);
    clock.advance(1);
    expect(await store.findAgain(key)).toMatchObject({ enabled: false });
    expect(await store.find('LTAI-first')).toMatchObject({ enabled: false });
  });
});

describe('while Redis is away', () => {
  it('goes on with the keys that it knows, and reports those it does not', async () => {
    const server = await startRedis();
    const redis = await connected(server.url);
    try {
      const access = new AccessStore(redis, await Deployment.open(redis, 'away'), SECRET_KEY, clock);
      await access.ensureFirstKey(FIRST);
      await access.find('LTAI-first');
      await server.kill9();
      for (const millis of [0, 5_000, 30_000, 3_600_000]) {
        clock.advance(millis);
        expect(await access.find('LTAI-first')).toEqual(FIRST_KEY);
      }
      await expect(access.find('other')).rejects.toThrow(RedisUnavailable);
    } finally {
      redis.disconnect();
      await server.stop();
    }
  });
});
