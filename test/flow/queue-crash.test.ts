import { afterEach, describe, expect, it } from '@jest/globals';
import { outcomeOf } from '../contract/documents.js';
import { Random } from '../contract/fuzz/random.js';
import { element } from '../contract/mns-client.js';
import { eventually } from '../support/eventually.js';
import { ApiFleet } from './queue-crash/api-fleet.js';
import { runQueueFaults } from './queue-crash/queue-run.js';

const seed = Number(process.env['MAGPIE_TEST_SEED'] ?? 1_884_620_649);

/** When which process is killed, and who does what; how the processes share the machine is another matter. */
const random = new Random(seed);

describe('one queue on several API processes', () => {
  let fleet: ApiFleet | undefined;
  afterEach(async () => {
    await fleet?.stop();
    fleet = undefined;
  });

  it('loses, doubles and miscounts nothing while these and Redis are killed', async () => {
    const { violations, ...counts } = await runQueueFaults({
      processes: 3,
      producers: 4,
      consumers: 8,
      rounds: 1,
      roundMillis: 4_000,
      killEvery: 500,
      killRedis: true,
      visibility: 2,
      random: () => random.next(),
    });
    process.stderr.write(`queue on three processes: ${JSON.stringify(counts)}\n`);
    expect(violations).toEqual([]);
    expect(counts).toMatchObject({ lost: 0, redisKills: 1, quietPoints: 1 });
    expect(counts.kills).toBeGreaterThan(0);
    expect(counts.acknowledged).toBeGreaterThan(50);
    expect(counts.receivedAgain).toBeGreaterThan(0);
  }, 60_000);

  it('ends the polls of all processes when it is deleted, and serves those who come after it was made again', async () => {
    fleet = await ApiFleet.start(process.env['MAGPIE_TEST_REDIS_URL']!, 2);
    const { clients } = fleet;
    const [one, other] = clients;
    const poll = () => clients.flatMap((client) => [1, 2, 3].map(() => client.request('GET', '/queues/q/messages?waitseconds=20')));
    const waiting = async (): Promise<boolean> => (await Promise.all(clients.map(pollsOf))).every((count) => count === 3);
    await one!.request('PUT', '/queues/q');
    const polls = poll();
    await eventually('three polls wait in each process', waiting);
    const started = performance.now();
    await one!.request('DELETE', '/queues/q');
    expect((await Promise.all(polls)).map(outcomeOf)).toEqual(Array(6).fill('404 QueueNotExist'));
    expect(performance.now() - started).toBeLessThan(2_000);

    await other!.request('PUT', '/queues/q');
    const later = poll();
    await eventually('three polls wait in each process again', waiting);
    const messages = '<Message><MessageBody>x</MessageBody></Message>'.repeat(6);
    await one!.request('POST', '/queues/q/messages', { body: `<Messages>${messages}</Messages>` });
    expect((await Promise.all(later)).map(({ body }) => element(body, 'MessageBody'))).toEqual(Array(6).fill('x'));
  }, 30_000);
});

async function pollsOf({ port }: { readonly port: number }): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^magpie_api_open_polls (\d+)$/m.exec(metrics)?.[1]);
}
