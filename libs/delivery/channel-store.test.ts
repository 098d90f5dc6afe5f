import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { ChannelNotExist } from './channel-errors.js';
import { ChannelStore } from './channel-store.js';
import { readChannelChange } from './channel.js';

const ACCOUNT = '1234567890123456';
const KEY = Buffer.alloc(32, 3);
const TOKEN = 'a-token-that-nobody-may-see';
const TWILIO = { accountSid: `AC${'1'.repeat(32)}`, authToken: TOKEN, from: '+15005550006' };
const SMTP = { url: 'smtp://mail.example.com:25', from: 'hub@example.com' };

describe('ChannelStore', () => {
  let client: RedisClient;
  let deployment: Deployment;
  let clock: SettableClock;
  let store: ChannelStore;

  beforeAll(async () => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL'] ?? '', { role: 'commands', logger: silentLogger });
    if (client.status !== 'ready') await once(client, 'ready');
  });
  afterAll(() => client.disconnect());
  beforeEach(async () => {
    deployment = await Deployment.open(client, `test-${randomBytes(6).toString('hex')}`);
    clock = new SettableClock(1_790_000_000_000);
    store = new ChannelStore(client, deployment, KEY, clock);
  });

  const put = (name: string, settings: object, more: object = {}, type = 'twilio') =>
    store.put(ACCOUNT, name, readChannelChange({ type, settings, ...more }));

  it('keeps secrets encrypted and tells only that they are set', async () => {
    expect(await put('ops', TWILIO, { default: true })).toBe('created');
    const { accountSid, from } = TWILIO;
    const description = await store.get(ACCOUNT, 'ops');
    expect(description).toEqual({
      name: 'ops',
      type: 'twilio',
      kind: 'sms',
      default: true,
      settings: { accountSid, from },
      secrets: { authToken: { lastModifyTime: clock.now() } },
      createTime: clock.now(),
      lastModifyTime: clock.now(),
    });
    expect(JSON.stringify(await client.hgetall(`${deployment.prefix}:channels:${ACCOUNT}`))).not.toContain(TOKEN);
    expect(await store.find(ACCOUNT, 'sms')).toMatchObject({ name: 'ops', settings: TWILIO });
  });

  it('keeps a secret that a change does not name, and drops it with null', async () => {
    await put('mail', { ...SMTP, user: 'u', password: 'hidden' }, {}, 'smtp');
    clock.advance(1_000);
    expect(await put('mail', { ...SMTP, user: 'other' }, {}, 'smtp')).toBe('changed');
    expect((await store.findNow(ACCOUNT, 'mail'))?.settings).toEqual({ ...SMTP, user: 'other', password: 'hidden' });
    expect((await store.get(ACCOUNT, 'mail')).secrets['password']?.lastModifyTime).toBe(clock.now() - 1_000);
    await put('mail', { ...SMTP, password: null }, {}, 'smtp');
    expect((await store.findNow(ACCOUNT, 'mail'))?.settings).toEqual(SMTP);
  });

  it('asks for the secret again when it would be shown to another server', async () => {
    await put('ops', TWILIO);
    const { accountSid, from } = TWILIO;
    await expect(put('ops', { accountSid, from, baseUrl: 'https://evil.example.com' })).rejects.toThrow('authToken has to be given again');
    expect(await put('ops', { ...TWILIO, baseUrl: 'https://proxy.example.com' })).toBe('changed');
  });

  it('has one default of each kind: the one that was marked last', async () => {
    await put('one', TWILIO, { default: true });
    await put('two', TWILIO, { default: true });
    await put('mail', SMTP, { default: true }, 'smtp');
    expect((await store.list(ACCOUNT)).map((channel) => [channel.name, channel.default])).toEqual([['mail', true], ['one', false], ['two', true]]);
    await put('one', TWILIO, { default: true });
    expect((await store.find(ACCOUNT, 'sms'))?.name).toBe('one');
    await put('one', TWILIO);
    expect((await store.find(ACCOUNT, 'sms'))?.name).toBe('two');
    expect((await store.find(ACCOUNT, 'email'))?.name).toBe('mail');
  });

  it('tells another process of a change within 5 seconds', async () => {
    const other = new ChannelStore(client, deployment, KEY, clock);
    expect(await other.find(ACCOUNT, 'sms')).toBeUndefined();
    await put('ops', TWILIO, { default: true });
    clock.advance(4_000);
    const found = await other.find(ACCOUNT, 'sms');
    expect(found?.name).toBe('ops');
    await put('ops', { ...TWILIO, from: '+15005550007' }, { default: true });
    clock.advance(4_000);
    const changed = await other.find(ACCOUNT, 'sms');
    expect(changed?.settings['from']).toBe('+15005550007');
    expect(changed?.version).not.toBe(found?.version);
  });

  it('finds a channel by its name and forgets what was deleted', async () => {
    await put('ops', TWILIO);
    expect(await store.find(ACCOUNT, 'sms')).toBeUndefined();
    expect((await store.find(ACCOUNT, 'sms', 'ops'))?.type).toBe('twilio');
    await store.delete(ACCOUNT, 'ops');
    await store.delete(ACCOUNT, 'ops');
    expect(await store.find(ACCOUNT, 'sms', 'ops')).toBeUndefined();
    await expect(store.get(ACCOUNT, 'ops')).rejects.toBeInstanceOf(ChannelNotExist);
  });

  it('keeps every one of many changes that come at the same time', async () => {
    await Promise.all(Array.from({ length: 4 }, (_, number) => put(`c${number}`, TWILIO)));
    await Promise.all(['x', 'y', 'z'].map((user) => put('mail', { ...SMTP, user, password: user }, {}, 'smtp')));
    const { user, password } = (await store.findNow(ACCOUNT, 'mail'))!.settings;
    expect(user).toBe(password);
    expect(await store.list(ACCOUNT)).toHaveLength(5);
  });

  it('lets an account have 100', async () => {
    for (let number = 0; number < 100; number += 1) await put(`c${number}`, SMTP, {}, 'smtp');
    await expect(put('one-more', SMTP, {}, 'smtp')).rejects.toThrow('at most 100 channels');
    expect(await put('c7', SMTP, {}, 'smtp')).toBe('changed');
    await store.deleteAll(ACCOUNT);
    expect(await store.list(ACCOUNT)).toEqual([]);
  });

  it.each([
    ['no object', 'twilio', 'channel is an object'],
    ['an unknown type', { type: 'pigeon' }, 'type is one of'],
    ['an unknown setting', { type: 'twilio', settings: { token: TOKEN } }, 'token is not known in settings'],
    ['an unknown member', { type: 'twilio', secrets: {} }, 'secrets is not known'],
    ['a number', { type: 'twilio', settings: { from: 1 } }, 'from is'],
    ['a bad secret', { type: 'twilio', settings: { authToken: `${TOKEN} with a blank` } }, 'authToken is 8 to 256'],
    ['a URL with a password', { type: 'smtp', settings: { url: `smtp://u:${TOKEN}@mail.example.com` } }, 'without user and password'],
    ['a URL with options', { type: 'smtp', settings: { url: 'smtp://mail.example.com/?proxy=http://10.0.0.1' } }, 'url is smtp://'],
    ['a default that is none', { type: 'smtp', default: 'yes' }, 'default is true or false'],
  ])('refuses %s without repeating a value', (_name, body, message) => {
    expect(() => readChannelChange(body)).toThrow(message);
    expect(() => readChannelChange(body)).toThrow(expect.not.stringContaining(TOKEN));
  });

  it('refuses settings that lack one or do not go together', async () => {
    await expect(put('ops', { accountSid: TWILIO.accountSid })).rejects.toThrow('authToken is required');
    await expect(put('m', { ...SMTP, user: 'u' }, {}, 'smtp')).rejects.toThrow('set together');
    await expect(put('no/name', TWILIO)).rejects.toThrow('name of a channel');
  });
});
