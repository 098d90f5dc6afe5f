import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Queue, Worker, type Job as BullJob } from 'bullmq';
import { connectRedis } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../test/support/eventually.js';
import { freePort } from '../../test/support/free-port.js';
import { startRedis } from '../../test/support/redis-server.js';
import { DRAIN_QUEUE, drainKeyPrefix, DrainQueue } from './drain-queue.js';

type Job = BullJob<Record<string, unknown>>;

const shared = process.env['MAGPIE_TEST_REDIS_URL']!;
const address = { partition: 7, id: 'AAAAAAAAAAA' };

describe('DrainQueue', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  function open(url = shared, prefix = `test-${randomBytes(6).toString('hex')}`): { drains: DrainQueue; prefix: string } {
    const drains = new DrainQueue({ url, prefix, logger: silentLogger });
    cleanUps.push(() => drains.close());
    return { drains, prefix };
  }

  /** Takes every job of the queue and remembers it. */
  function taking(prefix: string, url = shared): Job[] {
    const connection = connectRedis(url, { role: 'worker', logger: silentLogger });
    const taken: Job[] = [];
    const take = (job: Job): Promise<void> => Promise.resolve(void taken.push(job));
    const worker = new Worker(DRAIN_QUEUE, take, { connection, prefix: drainKeyPrefix(prefix) });
    worker.on('error', () => undefined);
    cleanUps.push(async () => {
      await worker.close();
      connection.disconnect();
    });
    return taken;
  }

  it('starts one drain for each wake-up and leaves nothing of it behind', async () => {
    const { drains, prefix } = open();
    const taken = taking(prefix);
    await drains.wake([{ ...address, epoch: 1 }, { ...address, epoch: 2 }]);
    await drains.wake([{ partition: 8, id: 'BBBBBBBBBBB', epoch: 1 }]);
    await eventually('three drains', () => taken.length === 3);
    expect(taken.map((job) => [job.name, job.id, job.data])).toEqual([
      ['drain', 'sAAAAAAAAAAA.1', { ...address, epoch: 1 }],
      ['drain', 'sAAAAAAAAAAA.2', { ...address, epoch: 2 }],
      ['drain', 'sBBBBBBBBBBB.1', { partition: 8, id: 'BBBBBBBBBBB', epoch: 1 }],
    ]);
    await eventually('no job is left', async () => (await jobKeys(prefix)).length === 0);
  });

  it('waits with a timer until it is due, and with a drain that goes on later', async () => {
    const { drains, prefix } = open();
    const taken = taking(prefix);
    const due = Date.now() + 150;
    await drains.addTimer(address, due);
    await drains.resume(address, 5, due + 1, 2_000);
    await eventually('both ran', () => taken.length === 2);
    expect(Date.now()).toBeGreaterThanOrEqual(due);
    expect(new Map(taken.map((job) => [job.name, job.data]))).toEqual(
      new Map<string, object>([
        ['timer', { ...address, due }],
        ['drain', { ...address, epoch: 5, pause: 2_000 }],
      ]),
    );
  });

  it('runs what is already due at once', async () => {
    const { drains, prefix } = open();
    const taken = taking(prefix);
    await drains.addTimer(address, Date.now() - 60_000);
    await eventually('the timer ran', () => taken.length === 1);
  });

  it('has one job of duties however many workers ask for it', async () => {
    const { drains, prefix } = open();
    const other = open(shared, prefix).drains;
    await Promise.all([drains.scheduleDuties(3_600_000), other.scheduleDuties(3_600_000)]);
    await drains.scheduleDuties(3_600_000);
    expect(await jobKeys(prefix)).toHaveLength(1);
  });

  it('keeps deployments that share a Redis apart', async () => {
    const [one, other] = [open(), open()];
    const taken = taking(other.prefix);
    await one.drains.wake([{ ...address, epoch: 1 }]);
    await other.drains.wake([{ ...address, epoch: 9 }]);
    await eventually('a drain', () => taken.length === 1);
    expect(taken[0]?.data.epoch).toBe(9);
  });

  it('never fails or holds up a publisher while Redis is away, and works again when it is back', async () => {
    const server = await startRedis({ appendOnly: true });
    cleanUps.push(() => server.stop());
    const { drains, prefix } = open(server.url);
    await eventually('it works', async () => {
      await drains.wake([{ ...address, epoch: 1 }]);
      return (await countWaiting(server.url, prefix)) === 1;
    });
    await server.kill9();
    const before = Date.now();
    await drains.wake([{ ...address, epoch: 2 }]);
    await expect(drains.addTimer(address, Date.now())).rejects.toThrow();
    expect(Date.now() - before).toBeLessThan(5_000);
    await server.restart();
    await eventually('it works again', async () => {
      await drains.wake([{ ...address, epoch: 3 }]);
      return (await countWaiting(server.url, prefix)) === 2;
    });
  });

  it('works although Redis was not there at the start', async () => {
    const port = await freePort();
    const { drains, prefix } = open(`redis://127.0.0.1:${port}`);
    const before = Date.now();
    await drains.wake([{ ...address, epoch: 1 }]);
    expect(Date.now() - before).toBeLessThan(5_000);
    const server = await startRedis({ port });
    cleanUps.unshift(() => server.stop());
    await eventually('it works', async () => {
      await drains.wake([{ ...address, epoch: 2 }]);
      return (await countWaiting(server.url, prefix)) === 1;
    });
  });
});

async function jobKeys(prefix: string): Promise<string[]> {
  const client = connectRedis(shared, { role: 'subscriber', logger: silentLogger });
  const keys = (await client.call('KEYS', `{${prefix}:*:drain:*`)) as string[];
  client.disconnect();
  return keys.filter((key) => /:(s[\w-]+[.@].*|repeat:duties:\d+)$/.test(key));
}

async function countWaiting(url: string, prefix: string): Promise<number> {
  const connection = connectRedis(url, { role: 'subscriber', logger: silentLogger });
  const queue = new Queue(DRAIN_QUEUE, { connection, prefix: drainKeyPrefix(prefix) });
  const count = await queue.getWaitingCount();
  await queue.close();
  connection.disconnect();
  return count;
}
