import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { BadInputStore } from '#event-source/bad-input-store.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { Journal, JournalFull, type JournalEntry, type JournalOptions } from './journal.js';
import type { Body } from './journal-entry.js';

function body(text: string): Body {
  return { source: 'store', receivedAt: 1_763_820_000_000, bytes: Buffer.from(text) };
}

const textsOf = (entries: readonly Body[]) => entries.map(({ bytes }) => String(bytes));

describe('Journal', () => {
  let client: RedisClient;
  let deployment: Deployment;

  beforeAll(async () => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
    await eventually('connected', () => client.status === 'ready');
  });

  beforeEach(async () => {
    deployment = await Deployment.open(client, `journal-${randomBytes(6).toString('hex')}`);
  });

  afterAll(() => {
    client.disconnect();
  });

  /** A bridge as the journal sees it: what it took, and how much more it can take. */
  function bridge(consumer: string, options: Partial<JournalOptions> = {}) {
    const taken: JournalEntry[] = [];
    const state = { room: 1_000 };
    const journal = new Journal(client, deployment, {
      consumer,
      onEntries: (entries) => taken.push(...entries),
      room: () => state.room,
      partitions: 1,
      claimIdle: 50,
      ...options,
    });
    return { journal, taken, state };
  }

  it('gives an appender what it appended', async () => {
    const { journal, taken } = bridge('one');
    await Promise.all(['a', 'b', 'c'].map((text) => journal.append(body(text), text)));
    expect(textsOf(taken)).toEqual(['a', 'b', 'c']);
    expect(taken[0]).toMatchObject({ source: 'store', receivedAt: 1_763_820_000_000, partition: 0 });
    expect(await journal.keep(0)).toMatchObject({ entries: 3, backlogs: [], keeper: true });
  });

  it('forgets what was settled', async () => {
    const { journal, taken } = bridge('one');
    await journal.append(body('a'), 'a');
    await journal.settle({ entry: taken[0]!, parked: [] });
    const state = await journal.keep(0);
    expect(state.entries).toBe(0);
    expect(state).not.toHaveProperty('oldest');
  });

  it('stores a burst first and takes it afterwards', async () => {
    const { journal, taken } = bridge('one', { claimIdle: 10_000 });
    const texts = Array.from({ length: 100 }, (_, n) => `event ${n}`);
    await Promise.all(texts.map((text) => journal.append(body(text), text)));
    // The first went alone; the others waited for it together.
    expect(textsOf(taken)).toEqual(['event 0']);
    await eventually('taken', () => taken.length === 100);
    expect(textsOf(taken)).toEqual(texts);
  });

  it('leaves what an appender has no room for to whoever has', async () => {
    const [full, idle] = [bridge('full'), bridge('idle')];
    full.state.room = 0;
    await full.journal.append(body('a'), 'a');
    await full.journal.append(body('b'), 'b');
    expect(full.taken).toEqual([]);
    await idle.journal.keep(0);
    expect(textsOf(idle.taken)).toEqual(['a', 'b']);
  });

  it('gives an appender older entries first, when nobody has taken them', async () => {
    const { journal, taken, state } = bridge('one');
    state.room = 0;
    await journal.append(body('old'), 'old');
    state.room = 10;
    await journal.append(body('new'), 'new');
    expect(textsOf(taken)).toEqual(['old', 'new']);
  });

  it('takes what is left over once there is room again', async () => {
    const { journal, taken, state } = bridge('one');
    state.room = 0;
    for (let i = 0; i < 300; i += 1) await journal.append(body(String(i)), String(i));
    state.room = 1_000;
    await journal.takeUntaken();
    await journal.takeUntaken();
    expect(taken).toHaveLength(300);
  });

  it('does not take more bytes at a time than Redis can answer without holding up others', async () => {
    const { journal, taken, state } = bridge('one', { claimIdle: 60_000 });
    state.room = 0;
    for (let i = 0; i < 100; i += 1) await journal.append(body('x'.repeat(400_000)), '');
    state.room = 1_000;
    await journal.keep(0);
    expect(taken.length).toBeLessThan(100);
    for (let calls = 0; taken.length < 100 && calls < 10; calls += 1) await journal.takeUntaken();
    expect(taken).toHaveLength(100);
  });

  it('gives the entries of a dead process to another, and those of a busy one not before their time', async () => {
    const [dead, heir] = [bridge('dead', { claimIdle: 10_000 }), bridge('heir', { claimIdle: 400 })];
    await Promise.all(Array.from({ length: 100 }, (_, index) => dead.journal.append(body(String(index)), '')));
    await eventually('taken', () => dead.taken.length === 100);
    await heir.journal.keep(0);
    expect(heir.taken).toEqual([]);
    await eventually('taken over', async () => {
      await heir.journal.keep(0);
      return heir.taken.length === 100;
    });
    expect(new Set(textsOf(heir.taken))).toEqual(new Set(textsOf(dead.taken)));
  });

  it('parks nothing twice when two settle the same entry', async () => {
    const [slow, heir] = [bridge('slow'), bridge('heir')];
    await slow.journal.append(body('a'), 'a');
    await eventually('taken over', async () => {
      await heir.journal.keep(0);
      return heir.taken.length === 1;
    });
    const parked = [{ rule: '1/rule', event: {} as never }];
    await heir.journal.settle({ entry: heir.taken[0]!, parked });
    await slow.journal.settle({ entry: slow.taken[0]!, parked });
    expect((await slow.journal.keep(0)).backlogs).toMatchObject([{ rule: '1/rule', events: 1 }]);
  });

  it('is full at its limit, and not before', async () => {
    const { journal, taken } = bridge('one', { limit: 2 });
    await journal.append(body('a'), 'a');
    await journal.append(body('b'), 'b');
    await expect(journal.append(body('c'), 'c')).rejects.toThrow(JournalFull);
    await journal.settle({ entry: taken[0]!, parked: [] });
    await journal.append(body('d'), 'd');
    expect(textsOf(taken)).toEqual(['a', 'b', 'd']);
  });

  it('is full when too many events wait for their destination', async () => {
    const { journal, taken } = bridge('one', { parkedLimit: 1 });
    await journal.append(body('a'), 'a');
    await journal.settle({ entry: taken[0]!, parked: [{ rule: '1/rule', event: {} as never }] });
    await journal.keep(0);
    await expect(journal.append(body('b'), 'b')).rejects.toThrow(JournalFull);
    const [row] = await journal.readParked(0, '1/rule', '', 10);
    expect(await journal.unpark(0, '1/rule', [row!.id])).toBe(1);
    await journal.keep(0);
    await journal.append(body('c'), 'c');
  });

  it('has one keeper, and another when that one is gone', async () => {
    const [one, other] = [bridge('one'), bridge('other')];
    expect((await one.journal.keep(0)).keeper).toBe(true);
    expect((await other.journal.keep(0)).keeper).toBe(false);
    expect((await one.journal.keep(0)).keeper).toBe(true);
    const [lease] = await client.keys(`${deployment.prefix}:*:keeper`);
    await client.pexpire(lease!, 1);
    await eventually('the other is keeper', async () => (await other.journal.keep(0)).keeper);
    await other.journal.resign();
    expect((await one.journal.keep(0)).keeper).toBe(true);
  });

  it('makes its group again when Redis has lost it', async () => {
    const { journal, taken } = bridge('one');
    await journal.append(body('a'), 'a');
    for (const key of await client.keys(`${deployment.prefix}:*:journal:0`)) await client.xgroup('DESTROY', key, 'bridge');
    await journal.append(body('b'), 'b');
    expect(textsOf(taken)).toEqual(['a', 'a', 'b']);
  });

  it('keeps the order of bodies that have it in common', async () => {
    const { journal, taken } = bridge('one', { partitions: 3, claimIdle: 10_000 });
    const names = Array.from({ length: 300 }, (_, index) => ({ order: `object ${index % 7}`, text: String(index) }));
    await Promise.all(names.map(({ order, text }) => journal.append(body(text), order)));
    await eventually('taken', () => taken.length === 300);
    for (let object = 0; object < 7; object += 1) {
      const numbers = textsOf(taken).map(Number).filter((number) => number % 7 === object);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      expect(numbers.length).toBeGreaterThan(40);
    }
    expect(new Set(taken.map(({ partition }) => partition)).size).toBeGreaterThan(1);
  });

  it('keeps a bounded list of what could not be read', async () => {
    const { journal, taken } = bridge('one', { claimIdle: 10_000 });
    await Promise.all(Array.from({ length: 600 }, (_, index) => journal.append(body(`junk ${index}`), '')));
    await eventually('taken', async () => {
      await journal.takeUntaken();
      return taken.length === 600;
    });
    await Promise.all(taken.map((entry) => journal.settle({ entry, parked: [], unreadable: { ...entry, problems: ['junk'] } })));
    const badInput = new BadInputStore(client, deployment);
    const shown = await badInput.unreadable(1_000);
    expect(shown).toHaveLength(500);
    expect(shown[0]).toMatchObject({ source: 'store', problems: ['junk'], length: 8, excerpt: expect.stringMatching(/^junk/) });
    await journal.keepUnreadable({ source: 'other', receivedAt: 1, bytes: Buffer.from('beginning'), length: 10_000_000, problems: ['too long'] });
    expect(await badInput.unreadable(10, 'other')).toMatchObject([{ source: 'other', problems: ['too long'], length: 10_000_000, excerpt: 'beginning' }]);
    expect(await badInput.unreadable(10, 'nobody')).toEqual([]);
  });
});
