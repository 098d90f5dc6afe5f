import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import { readEventRule, type EventRule } from '#event-rule/event-rule.js';
import { readDescribedEvent } from '#event-rule/described-event.js';
import type { RuleSet } from '#event-rule/rule-set.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { RuleSnapshot } from './rule-snapshot.js';

const ACCOUNT = '1234567890123456';

function rule(name: string, document: object = {}): EventRule {
  return readEventRule(name, { eventTypes: ['ObjectCreated:*'], endpoint: { endpointType: 'queue', endpointValue: 'work' }, ...document });
}

class CountingStore extends EventRuleStore {
  wholeReads = 0;

  override all() {
    this.wholeReads += 1;
    return super.all();
  }
}

describe('RuleSnapshot', () => {
  let client: RedisClient;
  let subscriber: RedisClient;
  let store: CountingStore;
  let snapshot: RuleSnapshot;
  let key: string;

  beforeAll(async () => {
    const url = process.env['MAGPIE_TEST_REDIS_URL']!;
    client = connectRedis(url, { role: 'commands', logger: silentLogger });
    subscriber = connectRedis(url, { role: 'subscriber', logger: silentLogger });
    await eventually('connected', () => client.status === 'ready' && subscriber.status === 'ready');
  });

  beforeEach(async () => {
    const prefix = `test-${randomBytes(6).toString('hex')}`;
    key = `${prefix}:{event-rules}`;
    store = new CountingStore(client, await Deployment.open(client, prefix));
    snapshot = new RuleSnapshot(store, subscriber, silentLogger);
  });

  afterAll(() => {
    client.disconnect();
    subscriber.disconnect();
  });

  const names = (rules: RuleSet, path: string) => rules.match(ACCOUNT, readDescribedEvent({ bucket: 'b', key: path }, 's', 0)).map(({ name }) => name);

  it('reads all rules once, and then what changes', async () => {
    await Promise.all(Array.from({ length: 2_000 }, (_, index) => store.put(ACCOUNT, rule(`r-${index}`, { matchRules: [[{ prefix: `b/${index}/` }]] }))));
    expect(names(await snapshot.current(), '1999/x')).toEqual(['r-1999']);
    for (let round = 0; round < 400; round += 1) {
      await store.put(ACCOUNT, rule(`r-${round * 3}`, { matchRules: [[{ prefix: `b/round-${round}/` }]] }));
      expect(names(await snapshot.current(), `round-${round}/x`)).toEqual([`r-${round * 3}`]);
    }
    await store.delete(ACCOUNT, 'r-1999');
    expect(names(await snapshot.current(), '1999/x')).toEqual([]);
    expect(store.wholeReads).toBe(1);
  }, 30_000);

  it('reads all rules again after more changes than are remembered', async () => {
    await store.put(ACCOUNT, rule('first'));
    await snapshot.current();
    await Promise.all(Array.from({ length: 1_100 }, (_, index) => store.put(ACCOUNT, rule(`r-${index}`, { matchRules: [[{ prefix: `b/${index}/` }]] }))));
    expect(names(await snapshot.current(), '0/x')).toEqual(['first', 'r-0']);
    expect(store.wholeReads).toBe(2);
  });

  it('shares one read between all who ask', async () => {
    await Promise.all(Array.from({ length: 100 }, () => snapshot.current()));
    await store.put(ACCOUNT, rule('new'));
    const seen = await Promise.all(Array.from({ length: 100 }, () => snapshot.current()));
    expect(new Set(seen).size).toBe(1);
    expect(store.wholeReads).toBe(1);
  });

  it('is one state of all rules, never a mixture of two, however fast they change', async () => {
    // At any moment at least one of the two is enabled: whoever sees none, has read them at different times.
    await store.put(ACCOUNT, rule('a'));
    await store.put(ACCOUNT, rule('b', { enabled: false }));
    let writing = true;
    const writer = (async () => {
      for (let round = 0; round < 150; round += 1) {
        const [on, off] = round % 2 === 0 ? ['b', 'a'] : ['a', 'b'];
        await store.put(ACCOUNT, rule(on));
        await store.put(ACCOUNT, rule(off, { enabled: false }));
      }
      writing = false;
    })();
    const seen = new Set<string>();
    while (writing) seen.add(names(await snapshot.current(), 'x').join());
    await writer;
    expect([...seen].sort()).toEqual(['a', 'a,b', 'b']);
  });

  it('follows a Redis that lost its last writes', async () => {
    await store.put(ACCOUNT, rule('kept'));
    await store.put(ACCOUNT, rule('lost'));
    expect(names(await snapshot.current(), 'x')).toEqual(['kept', 'lost']);
    await client.multi().hdel(key, `${ACCOUNT}/lost`).set(`${key}:version`, '1').exec();
    expect(names(await snapshot.current(), 'x')).toEqual(['kept']);
  });
});
