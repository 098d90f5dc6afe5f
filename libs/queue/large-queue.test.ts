import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { LongPoll } from './long-poll.js';
import { MessageStore } from './message-store.js';
import { QueueNotExist, ReceiptHandleError } from './queue-errors.js';
import { QueueStore } from './queue-store.js';
import { QueueUpkeep } from './upkeep.js';

const ACCOUNT = '1234567890123456';
const MANY = 20_000;
/** Sequence numbers of more chunks than a script unlinks at once. */
const FAR = 1_100 * 4_096;

let client: RedisClient;
let subscriber: RedisClient;
let queues: QueueStore;
let polls: LongPoll;
let messages: MessageStore;
let baseline: number;

beforeAll(() => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
  subscriber = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'subscriber', logger: silentLogger });
});
afterAll(async () => {
  await client.quit();
  subscriber.disconnect();
});
beforeEach(async () => {
  const deployment = await Deployment.open(client, `test-${randomUUID()}`);
  queues = new QueueStore(client, deployment);
  polls = new LongPoll(subscriber, deployment);
  await polls.start();
  messages = new MessageStore(queues, polls);
  await queues.createQueue(ACCOUNT, 'large', {});
  baseline = (await keys()).length;
});

const keys = () => client.keys(`${queues.deployment.prefix}:*`);
const receive = () => messages.receiveMessages(ACCOUNT, 'large', { count: 16, waitSeconds: 0 });
const send = (body: string) => messages.sendMessages(ACCOUNT, 'large', [{ body }]);

/** Ready, delayed and leased ones. */
async function fill(): Promise<void> {
  const batch = Array.from({ length: 16 }, (_, n) => ({ body: `message ${n}`, ...(n === 0 && { delaySeconds: 600 }) }));
  await Promise.all(Array.from({ length: MANY / 16 }, () => messages.sendMessages(ACCOUNT, 'large', batch)));
  await Promise.all(Array.from({ length: 20 }, receive));
}

describe('a queue with very many messages', () => {
  it('is deleted with all its keys, and one of the same name begins empty', async () => {
    await fill();
    const [held] = await receive();
    expect((await keys()).length).toBeGreaterThan(baseline + MANY / 4_096);
    expect(await queues.deleteQueue(ACCOUNT, 'large')).toBe(true);
    await expect(receive()).rejects.toThrow(QueueNotExist);
    await queues.createQueue(ACCOUNT, 'large', {});
    expect((await keys()).length).toBe(baseline);
    expect(await queues.getQueue(ACCOUNT, 'large')).toMatchObject({ activeMessages: 0, delayMessages: 0, inactiveMessages: 0 });
    expect(await receive()).toEqual([]);
    expect(await messages.deleteMessages(ACCOUNT, 'large', [held!.receiptHandle])).toEqual([expect.any(ReceiptHandleError)]);
    await send('new');
    expect(await receive()).toMatchObject([{ body: 'new', dequeueCount: 1 }]);
  }, 30_000);

  it('is purged, and goes on', async () => {
    await fill();
    expect(await queues.purgeQueue(ACCOUNT, 'large')).toBe(MANY);
    expect((await keys()).length).toBe(baseline);
    await send('new');
    expect(await receive()).toMatchObject([{ body: 'new' }]);
  }, 30_000);

  it('leaves what is too much for one step to upkeep', async () => {
    const [state] = await client.keys(`${queues.deployment.prefix}:*:q:*`);
    await send('first');
    // As if so many had been sent in between.
    await client.hset(state!, 'n', FAR);
    await send('last');
    await queues.deleteQueue(ACCOUNT, 'large');
    await queues.createQueue(ACCOUNT, 'large', {});
    await send('new');
    expect((await keys()).some((key) => key.endsWith(':trash'))).toBe(true);
    const upkeep = new QueueUpkeep(queues, { region: 'cn-hangzhou', logger: silentLogger });
    await upkeep.run(queues.deployment.partitionOf(ACCOUNT, 'large'));
    const [message] = await receive();
    expect(message).toMatchObject({ body: 'new' });
    await messages.deleteMessages(ACCOUNT, 'large', [message!.receiptHandle]);
    expect((await keys()).length).toBe(baseline);
  });

  it('is deleted while polls wait for it, and those that wait for its successor get its first message', async () => {
    const wait = () => messages.receiveMessages(ACCOUNT, 'large', { count: 1, waitSeconds: 20 });
    const waiting = Array.from({ length: 50 }, () => wait().catch((error: unknown) => error));
    await queues.getQueue(ACCOUNT, 'large');
    await queues.deleteQueue(ACCOUNT, 'large');
    for (const end of await Promise.all(waiting)) expect(end).toBeInstanceOf(QueueNotExist);
    await queues.createQueue(ACCOUNT, 'large', {});
    const again = wait();
    await send('first');
    expect(await again).toMatchObject([{ body: 'first' }]);
  }, 15_000);
});
