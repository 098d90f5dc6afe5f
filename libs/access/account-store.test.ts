import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../test/support/eventually.js';
import { AccessKeyFromSettings, AccessKeyNotExist, AccountNotExist, FirstAccountNeeded, LastAccessKey } from './access-errors.js';
import { AccessStore } from './access-store.js';
import { AccountStore } from './account-store.js';

const FIRST = { accountId: '1111111111111111', accessKeyId: 'first-key', accessKeySecret: 'first-secret' };
const OTHER = '2222222222222222';
const NOW = 1_790_184_264_000;

let client: RedisClient;
let deployment: Deployment;
let access: AccessStore;
let accounts: AccountStore;
const clock = new SettableClock(NOW);

beforeEach(async () => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
  await eventually('redis is connected', () => client.status === 'ready');
  deployment = await Deployment.open(client, `accounts-${randomBytes(6).toString('hex')}`);
  const secretKey = randomBytes(32);
  access = new AccessStore(client, deployment, secretKey, clock);
  accounts = new AccountStore(client, deployment, secretKey, clock);
  await access.ensureFirstKey(FIRST);
});

afterEach(async () => {
  await client.quit();
});

async function lookUp(accessKeyId: string) {
  access.forget();
  return access.find(accessKeyId);
}

describe('accounts', () => {
  const first = { accountId: FIRST.accountId, enabled: true, description: '', createTime: NOW, first: true };

  it('are created, changed, listed and deleted', async () => {
    expect(await accounts.putAccount(OTHER, { description: 'the shop' })).toBe('created');
    const other = { accountId: OTHER, enabled: true, description: 'the shop', createTime: NOW, first: false };
    expect(await accounts.listAccounts()).toEqual([first, other]);
    clock.advance(1_000);
    expect(await accounts.putAccount(OTHER, { enabled: false })).toBe('changed');
    expect(await accounts.getAccount(OTHER)).toEqual({ ...other, enabled: false });
    expect(await accounts.deleteAccount(OTHER)).toBe(true);
    expect(await accounts.deleteAccount(OTHER)).toBe(false);
    await expect(accounts.getAccount(OTHER)).rejects.toThrow(AccountNotExist);
    clock.advance(-1_000);
  });

  it('can have an id of the hub’s choice', async () => {
    const { accountId } = await accounts.createAccount({ description: 'x' });
    expect(accountId).toMatch(/^[1-9]\d{15}$/);
    expect(await accounts.listAccounts()).toHaveLength(2);
  });

  it('take their access keys with them', async () => {
    await accounts.putAccount(OTHER, {});
    const { accessKeyId } = await accounts.createAccessKey(OTHER, {});
    expect(await lookUp(accessKeyId)).toMatchObject({ account: OTHER, enabled: true, managesAccounts: false });
    await accounts.putAccount(OTHER, { enabled: false });
    expect(await lookUp(accessKeyId)).toMatchObject({ enabled: false });
    await accounts.deleteAccount(OTHER);
    expect(await lookUp(accessKeyId)).toBeUndefined();
    expect(await client.hkeys(`${deployment.prefix}:access-keys`)).toEqual(['first-key']);
  });

  it('refuse ids of another form, and what would leave nobody to manage them', async () => {
    for (const id of ['', '123', 'a'.repeat(16)]) await expect(accounts.putAccount(id, {})).rejects.toThrow(InvalidArgument);
    await expect(accounts.putAccount(FIRST.accountId, { enabled: false })).rejects.toThrow(FirstAccountNeeded);
    await expect(accounts.deleteAccount(FIRST.accountId)).rejects.toThrow(FirstAccountNeeded);
    expect(await accounts.putAccount(FIRST.accountId, { description: 'mine' })).toBe('changed');
  });
});

describe('access keys', () => {
  it('are created with a secret that is shown once', async () => {
    await accounts.putAccount(OTHER, {});
    const { accessKeySecret, ...key } = await accounts.createAccessKey(OTHER, { description: 'ci' });
    expect(key).toEqual({ accessKeyId: key.accessKeyId, accountId: OTHER, enabled: true, description: 'ci', createTime: NOW });
    expect(key.accessKeyId).toMatch(/^MGP\w{21}$/);
    expect(accessKeySecret).toMatch(/^\w{40}$/);
    expect(await lookUp(key.accessKeyId)).toMatchObject({ secret: accessKeySecret });
    expect(await accounts.getAccessKey(key.accessKeyId)).toEqual(key);
    expect(await accounts.listAccessKeys(OTHER)).toEqual([key]);
    expect(await accounts.listAccessKeys()).toHaveLength(2);
    expect(await client.hget(`${deployment.prefix}:access-keys`, key.accessKeyId)).not.toContain(accessKeySecret);
  });

  it('are disabled, enabled, given another secret, and deleted', async () => {
    await accounts.putAccount(OTHER, {});
    const { accessKeyId, accessKeySecret } = await accounts.createAccessKey(OTHER, {});
    expect(await accounts.changeAccessKey(accessKeyId, { enabled: false })).toMatchObject({ enabled: false });
    expect(await lookUp(accessKeyId)).toMatchObject({ enabled: false, secret: accessKeySecret });
    await accounts.changeAccessKey(accessKeyId, { enabled: true });
    const rotated = await accounts.rotateAccessKey(accessKeyId);
    expect(rotated.accessKeySecret).not.toBe(accessKeySecret);
    expect(await lookUp(accessKeyId)).toMatchObject({ enabled: true, secret: rotated.accessKeySecret });
    expect(await accounts.deleteAccessKey(accessKeyId)).toBe(true);
    expect(await accounts.deleteAccessKey(accessKeyId)).toBe(false);
    expect(await lookUp(accessKeyId)).toBeUndefined();
  });

  it('belong to an account that exists, ten at the most', async () => {
    await expect(accounts.createAccessKey(OTHER, {})).rejects.toThrow(AccountNotExist);
    await accounts.putAccount(OTHER, {});
    for (let i = 0; i < 10; i++) await accounts.createAccessKey(OTHER, {});
    await expect(accounts.createAccessKey(OTHER, {})).rejects.toThrow(InvalidArgument);
  });

  it.each(['nobody', '', 'a:b'])('that do not exist: %p', async (id) => {
    await expect(accounts.getAccessKey(id)).rejects.toThrow(AccessKeyNotExist);
    await expect(accounts.changeAccessKey(id, {})).rejects.toThrow(AccessKeyNotExist);
    await expect(accounts.rotateAccessKey(id)).rejects.toThrow(AccessKeyNotExist);
  });

  it('of the settings are neither rotated nor deleted, because the next start would undo that', async () => {
    await expect(accounts.rotateAccessKey('first-key')).rejects.toThrow(AccessKeyFromSettings);
    await expect(accounts.deleteAccessKey('first-key')).rejects.toThrow(AccessKeyFromSettings);
    await accounts.createAccessKey(FIRST.accountId, {});
    await accounts.changeAccessKey('first-key', { enabled: false });
    await access.ensureFirstKey(FIRST);
    expect(await lookUp('first-key')).toMatchObject({ enabled: false });
  });

  it('of the first account keep one enabled', async () => {
    await accounts.putAccount(OTHER, {});
    await accounts.createAccessKey(OTHER, {});
    await expect(accounts.changeAccessKey('first-key', { enabled: false })).rejects.toThrow(LastAccessKey);
    await accounts.changeAccessKey('first-key', { description: 'still there' });
    const { accessKeyId: second } = await accounts.createAccessKey(FIRST.accountId, {});
    await accounts.changeAccessKey('first-key', { enabled: false });
    await expect(accounts.changeAccessKey(second, { enabled: false })).rejects.toThrow(LastAccessKey);
    await expect(accounts.deleteAccessKey(second)).rejects.toThrow(LastAccessKey);
    await accounts.rotateAccessKey(second);
    const disabled = await accounts.createAccessKey(FIRST.accountId, { enabled: false });
    expect(await accounts.deleteAccessKey(disabled.accessKeyId)).toBe(true);
  });

  it('of the first account keep one enabled when two processes disable one each', async () => {
    for (let round = 0; round < 20; round++) {
      const { accessKeyId } = await accounts.createAccessKey(FIRST.accountId, {});
      const results = await Promise.allSettled([
        accounts.changeAccessKey('first-key', { enabled: false }),
        accounts.changeAccessKey(accessKeyId, { enabled: false }),
      ]);
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await accounts.changeAccessKey('first-key', { enabled: true });
      await accounts.deleteAccessKey(accessKeyId);
    }
  });
});
