import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../test/support/eventually.js';
import { readEventRule, type EventRule } from './event-rule.js';
import { EventRuleStore } from './event-rule-store.js';

const ACCOUNT = '1234567890123456';

function rule(name: string, document: object = {}): EventRule {
  return readEventRule(name, { eventTypes: ['ObjectCreated:*'], endpoint: { endpointType: 'queue', endpointValue: 'work' }, ...document });
}

describe('EventRuleStore', () => {
  let client: RedisClient;
  let subscriber: RedisClient;
  let store: EventRuleStore;
  let prefix: string;

  beforeAll(async () => {
    const url = process.env['MAGPIE_TEST_REDIS_URL']!;
    client = connectRedis(url, { role: 'commands', logger: silentLogger });
    subscriber = connectRedis(url, { role: 'subscriber', logger: silentLogger });
    await eventually('connected', () => client.status === 'ready' && subscriber.status === 'ready');
  });

  beforeEach(async () => {
    prefix = `test-${randomBytes(6).toString('hex')}`;
    store = new EventRuleStore(client, await Deployment.open(client, prefix));
  });

  afterAll(() => {
    client.disconnect();
    subscriber.disconnect();
  });

  it('keeps rules', async () => {
    const first = rule('one', { messageTag: undefined, matchRules: [[{ name: 'b/k' }]] });
    expect(await store.put(ACCOUNT, first)).toBe('created');
    expect(await store.put(ACCOUNT, first)).toBe('unchanged');
    expect(await store.get(ACCOUNT, 'one')).toEqual(first);
    const second = rule('one', { enabled: false });
    expect(await store.put(ACCOUNT, second)).toBe('changed');
    expect(await store.get(ACCOUNT, 'one')).toEqual(second);
    expect(await store.get('6543210987654321', 'one')).toBeUndefined();
  });

  it('deletes rules, and every trace of them', async () => {
    await store.put(ACCOUNT, rule('one'));
    expect(await store.delete(ACCOUNT, 'one')).toBe(true);
    expect(await store.delete(ACCOUNT, 'one')).toBe(false);
    expect(await store.get(ACCOUNT, 'one')).toBeUndefined();
    expect((await client.keys(`${prefix}:{event-rules}*`)).sort()).toEqual([`${prefix}:{event-rules}:changes`, `${prefix}:{event-rules}:version`]);
  });

  it('lists rules page by page in order', async () => {
    const names = ['b', 'a', 'c-1', 'c-2', 'd'];
    for (const name of names) await store.put(ACCOUNT, rule(name));
    await store.put('1234567890123457', rule('bb'));
    const page = async (given: object) => {
      const { rules, nextMarker } = await store.list(ACCOUNT, given);
      return [rules.map(({ name }) => name), nextMarker];
    };
    expect(await page({})).toEqual([['a', 'b', 'c-1', 'c-2', 'd'], undefined]);
    expect(await page({ limit: 2 })).toEqual([['a', 'b'], 'b']);
    expect(await page({ limit: 2, marker: 'b' })).toEqual([['c-1', 'c-2'], 'c-2']);
    expect(await page({ limit: 2, marker: 'c-2' })).toEqual([['d'], undefined]);
    expect(await page({ prefix: 'c' })).toEqual([['c-1', 'c-2'], undefined]);
    expect(await page({ prefix: 'c', marker: 'c-1' })).toEqual([['c-2'], undefined]);
    expect(await page({ prefix: 'c', marker: 'a' })).toEqual([['c-1', 'c-2'], undefined]);
    expect(await page({ prefix: 'z' })).toEqual([[], undefined]);
  });

  it('counts changes and announces them', async () => {
    const announced: string[] = [];
    await subscriber.subscribe(store.changes);
    subscriber.on('message', (channel: string, text: string) => channel === store.changes && announced.push(text));
    expect(await store.version()).toBe(0);
    await store.put(ACCOUNT, rule('one'));
    await store.put(ACCOUNT, rule('one'));
    await store.put(ACCOUNT, rule('one', { enabled: false }));
    await store.delete(ACCOUNT, 'one');
    await store.delete(ACCOUNT, 'one');
    expect(await store.version()).toBe(3);
    await eventually('three announcements', () => announced.length === 3);
    expect(announced).toEqual(['1', '2', '3']);
  });

  it('lists the rules that are wanted, however many lie between them', async () => {
    const names = Array.from({ length: 1_300 }, (_, index) => `r-${String(index).padStart(4, '0')}`);
    await Promise.all(names.map((name, index) => store.put(ACCOUNT, rule(name, { sources: [index % 400 === 7 ? 'rare' : 'usual'] }))));
    const rare = (one: EventRule) => one.sources.includes('rare');
    const first = await store.list(ACCOUNT, { limit: 3 }, rare);
    expect([first.rules.map(({ name }) => name), first.nextMarker]).toEqual([['r-0007', 'r-0407', 'r-0807'], 'r-0807']);
    const rest = await store.list(ACCOUNT, { limit: 3, marker: 'r-0807' }, rare);
    expect([rest.rules.map(({ name }) => name), rest.nextMarker]).toEqual([['r-1207'], undefined]);
    expect((await store.list(ACCOUNT, { limit: Infinity }, () => true)).rules).toHaveLength(1_300);
  });

  it('reads what changed since a version, in one moment', async () => {
    await store.put(ACCOUNT, rule('one'));
    await store.put(ACCOUNT, rule('two'));
    const { version } = await store.all();
    expect(await store.changedSince(version)).toEqual({ version, changes: [], unreadable: [] });
    await store.put(ACCOUNT, rule('three'));
    await store.put(ACCOUNT, rule('two', { enabled: false }));
    await store.put(ACCOUNT, rule('two', { enabled: true, sources: ['s'] }));
    await store.delete(ACCOUNT, 'one');
    expect(await store.changedSince(version)).toEqual({
      version: version + 4,
      changes: [
        { account: ACCOUNT, name: 'three', rule: rule('three') },
        { account: ACCOUNT, name: 'two', rule: rule('two', { sources: ['s'] }) },
        { account: ACCOUNT, name: 'one' },
      ],
      unreadable: [],
    });
    expect(await store.changedSince(version + 99)).toBeUndefined();
    await client.incr(`${prefix}:{event-rules}:version`);
    expect(await store.changedSince(version)).toBeUndefined();
  });

  it('does not know what changed more than a thousand changes ago', async () => {
    await store.put(ACCOUNT, rule('first'));
    await Promise.all(Array.from({ length: 1_001 }, (_, index) => store.put(ACCOUNT, rule(`r-${index}`))));
    expect(await store.changedSince(1)).toBeUndefined();
    expect((await store.changedSince(2))?.changes).toHaveLength(1_000);
    expect(await client.zcard(`${prefix}:{event-rules}:changes`)).toBe(1_000);
  });

  it('reads all rules, and says which it cannot read', async () => {
    await store.put(ACCOUNT, rule('one'));
    await client.hset(`${prefix}:{event-rules}`, `${ACCOUNT}/two`, '{"format":"of the future"}', `${ACCOUNT}/three`, 'not JSON');
    const all = await store.all();
    expect(all.rules).toEqual([{ account: ACCOUNT, rule: rule('one') }]);
    expect([...all.unreadable].sort()).toEqual([`${ACCOUNT}/three`, `${ACCOUNT}/two`]);
    expect(all.version).toBe(1);
  });

  it('tells what the bridge reported of waiting events', async () => {
    expect(await store.status(ACCOUNT, 'one')).toEqual({ waitingEvents: 0 });
    const status = { waitingEvents: 3, reason: 'TopicNotExist', waitingSince: 17 };
    await store.replaceStatuses(new Map([[`${ACCOUNT}/one`, status]]));
    expect(await store.status(ACCOUNT, 'one')).toEqual(status);
    await store.replaceStatuses(new Map());
    expect(await store.status(ACCOUNT, 'one')).toEqual({ waitingEvents: 0 });
  });
});
