import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { LimitedClient, perSecond } from './limited-client.js';
import { delivered } from './outcome.js';
import type { Budget, Rate } from './rate-budget.js';
import { dingtalk } from './robot/dingtalk.js';
import { slack } from './robot/slack.js';
import { SharedBudgets } from './shared-budgets.js';

const NEVER = new AbortController().signal;
const url = process.env['MAGPIE_TEST_REDIS_URL']!;
let clients: RedisClient[];
let prefix: string;

beforeAll(() => {
  prefix = `test-${randomUUID()}`;
  clients = [1, 2].map(() => connectRedis(url, { role: 'worker', logger: silentLogger }));
});

afterAll(async () => {
  for (const client of clients) await client.quit();
});

/** The same budget as two processes see it. */
async function openBudgets(rate: Rate, clock?: SettableClock): Promise<Budget[]> {
  const name = randomUUID();
  return await Promise.all(clients.map(async (client) => new SharedBudgets(client, await Deployment.open(client, prefix), clock).of(name, rate)));
}

describe('SharedBudgets', () => {
  it('grants many tokens at a time, and says when more are worth asking for', async () => {
    const clock = new SettableClock(1_700_000_000_000);
    const [one, other] = await openBudgets({ burst: 10, refillMillis: 10 }, clock);
    expect(await one!.take(4)).toEqual({ granted: 4, waitMillis: 0 });
    expect(await other!.take(20)).toEqual({ granted: 6, waitMillis: 50 });
    expect(await one!.take(1)).toEqual({ granted: 0, waitMillis: 10 });
    clock.advance(50);
    expect(await one!.take(9)).toEqual({ granted: 5, waitMillis: 40 });
    clock.advance(60_000);
    expect(await other!.take(20)).toMatchObject({ granted: 10 });
  });

  it.each([
    [dingtalk, 60_000, 20],
    [slack, 1_000, 1],
  ] as const)('keeps what the provider %# allows however many processes send', async ({ rate }, millis, limit) => {
    const clock = new SettableClock(1_700_000_000_000);
    const budgets = await openBudgets(rate, clock);
    const times: number[] = [];
    for (let at = 0; at < 90_000; at += 250) {
      for (const budget of budgets) times.push(...Array<number>((await budget.take(3)).granted).fill(at));
      clock.advance(250);
    }
    const busiest = Math.max(...times.map((start) => times.filter((time) => time >= start && time < start + millis).length));
    expect(busiest).toBeLessThanOrEqual(limit);
    expect(times.length).toBeGreaterThan(15);
  });
});

describe('LimitedClient', () => {
  const sender = (sent: string[]) => ({
    timeLimit: 100,
    send: (message: string) => (sent.push(message), Promise.resolve(delivered(200))),
    check: () => Promise.resolve(delivered(200)),
    close: () => Promise.resolve(),
  });

  it('sends in order as the budget allows, whoever asks it', async () => {
    const sent: string[] = [];
    const limited = (await openBudgets(perSecond(50))).map((budget) => new LimitedClient(sender(sent), budget));
    const start = performance.now();
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, n) => limited[n % 2]!.send(`${n}`, NEVER)));
    expect(outcomes.every(({ kind }) => kind === 'delivered')).toBe(true);
    expect(performance.now() - start).toBeGreaterThan(((20 - 5) / 50) * 1_000 - 50);
    const evens = sent.map(Number).filter((n) => n % 2 === 0);
    expect(evens).toEqual([...evens].sort((one, two) => one - two));
  });

  it('holds what finds no turn in time, and lets go of what is not wanted any more', async () => {
    const sent: string[] = [];
    const [budget] = await openBudgets({ burst: 1, refillMillis: 20_000 });
    const limited = new LimitedClient(sender(sent), budget!);
    expect(await limited.send('first', NEVER)).toMatchObject({ kind: 'delivered' });
    const abort = new AbortController();
    const unwanted = limited.send('unwanted', abort.signal);
    abort.abort(new Error('stopped'));
    await expect(unwanted).rejects.toThrow('stopped');
    expect(await limited.send('second', NEVER)).toMatchObject({ kind: 'held' });
    expect(sent).toEqual(['first']);
  });
});
