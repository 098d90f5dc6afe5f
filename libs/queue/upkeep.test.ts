import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setAdmission } from '#redis/admission.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { RedisFull } from '#redis/redis-unavailable.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { LongPoll } from './long-poll.js';
import { MessageStore } from './message-store.js';
import { QueueStore } from './queue-store.js';
import { RedriveStore } from './redrive-store.js';
import { QueueUpkeep } from './upkeep.js';

const ACCOUNT = '1234567890123456';

let client: RedisClient;
let queues: QueueStore;
let messages: MessageStore;
let upkeep: QueueUpkeep;
let clock: SettableClock;

beforeAll(() => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
});

afterAll(async () => {
  await client.quit();
});

beforeEach(async () => {
  clock = new SettableClock(1_000_000_000_000);
  const deployment = await Deployment.open(client, `test-${randomUUID()}`);
  queues = new QueueStore(client, deployment, clock);
  messages = new MessageStore(queues, new LongPoll(new EventEmitter() as RedisClient, deployment));
  upkeep = new QueueUpkeep(queues, { region: 'cn-hangzhou', logger: silentLogger });
});

const everywhere = async () => {
  for (let partition = 0; partition < queues.deployment.partitions; partition++) await upkeep.run(partition);
};
const keyCount = async () => (await client.keys(`${queues.deployment.prefix}:*`)).length;
const receive = (queue: string) => messages.receiveMessages(ACCOUNT, queue, { count: 16 });

describe('retention', () => {
  it('frees the memory of expired messages without traffic on the queue', async () => {
    await queues.createQueue(ACCOUNT, 'orders', { messageRetentionPeriod: 60 });
    const before = await keyCount();
    for (let i = 0; i < 600; i += 16) {
      await messages.sendMessages(ACCOUNT, 'orders', Array.from({ length: 16 }, (_, n) => ({ body: `${i + n}`, delaySeconds: n % 2 })));
    }
    await receive('orders');
    clock.advance(60_000);
    await everywhere();
    expect(await queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ activeMessages: 0, inactiveMessages: 0, delayMessages: 0 });
    expect(await keyCount()).toBe(before);
  });

  it('leaves what is still good', async () => {
    await queues.createQueue(ACCOUNT, 'orders', { messageRetentionPeriod: 60 });
    await messages.sendMessages(ACCOUNT, 'orders', [{ body: 'old' }]);
    clock.advance(1);
    await messages.sendMessages(ACCOUNT, 'orders', [{ body: 'new' }]);
    clock.advance(59_999);
    await everywhere();
    expect(await queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ activeMessages: 1 });
  });
});

describe('dead letters', () => {
  beforeEach(async () => {
    await queues.createQueue(ACCOUNT, 'orders', { deadLetterPolicy: { targetQueue: 'dead', maxReceiveCount: 2 }, visibilityTimeout: 10 });
    await messages.sendMessages(ACCOUNT, 'orders', [{ body: 'poison', priority: 3 }, { body: 'good' }]);
  });

  const useUp = async () => {
    for (let i = 0; i < 2; i++) {
      const received = await receive('orders');
      expect(received.map(({ dequeueCount }) => dequeueCount)).toEqual(received.map(() => i + 1));
      const good = received.find(({ body }) => body === 'good');
      if (good) await messages.deleteMessages(ACCOUNT, 'orders', [good.receiptHandle]);
      clock.advance(10_000);
    }
  };

  it('move after the last allowed delivery, without a poll, and say where they come from', async () => {
    await queues.createQueue(ACCOUNT, 'dead', {});
    await useUp();
    await everywhere();
    expect(await queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ activeMessages: 0, inactiveMessages: 0, deadLettering: 0 });
    const [letter] = await receive('dead');
    expect(letter).toMatchObject({ body: 'poison', priority: 3, dequeueCount: 1, enqueueTime: 1_000_000_000_000 });
    expect(letter!.systemProperties?.map(({ name }) => name)).toEqual(['DLQMessageType', 'DLQSourceArn', 'DLQOriginMessageId']);
  });

  it('wait, counted, while their queue does not exist', async () => {
    await useUp();
    await everywhere();
    expect(await queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ activeMessages: 0, deadLettering: 1 });
    await queues.createQueue(ACCOUNT, 'dead', {});
    clock.advance(10_000);
    await everywhere();
    expect(await queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ deadLettering: 0 });
    expect((await receive('dead')).map(({ body }) => body)).toEqual(['poison']);
  });

  it('are never delivered once more, also when nobody has moved them yet', async () => {
    await queues.createQueue(ACCOUNT, 'dead', {});
    await useUp();
    expect(await receive('orders')).toEqual([]);
    await everywhere();
    expect((await receive('dead')).length).toBe(1);
  });
});

describe('while nothing new is stored', () => {
  it('dead letters and redrives wait, memory is freed all the same, and they go on afterwards', async () => {
    let full = false;
    const admit = (): void => {
      if (full) throw new RedisFull('full');
    };
    setAdmission(client, { admit, refusedByRedis: () => undefined });
    try {
      for (const name of ['dead', 'other']) await queues.createQueue(ACCOUNT, name, {});
      await queues.createQueue(ACCOUNT, 'orders', { visibilityTimeout: 1, deadLetterPolicy: { targetQueue: 'dead', maxReceiveCount: 1 } });
      await queues.createQueue(ACCOUNT, 'short', { messageRetentionPeriod: 60 });
      await messages.sendMessages(ACCOUNT, 'orders', [{ body: 'spent' }]);
      await messages.sendMessages(ACCOUNT, 'short', [{ body: 'expired' }]);
      await messages.sendMessages(ACCOUNT, 'other', [{ body: 'redriven' }]);
      await new RedriveStore(queues).start(ACCOUNT, 'other', { target: 'dead' });
      await receive('orders');
      const before = await keyCount();
      full = true;
      clock.advance(61_000);
      await everywhere();
      expect(await queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ deadLettering: 1 });
      expect(await queues.getQueue(ACCOUNT, 'dead')).toMatchObject({ activeMessages: 0 });
      expect(await queues.getQueue(ACCOUNT, 'short')).toMatchObject({ activeMessages: 0 });
      expect(await keyCount()).toBeLessThan(before);
      full = false;
      clock.advance(61_000);
      await everywhere();
      const bodies = (await receive('dead')).map(({ body }) => body);
      expect(bodies.sort()).toEqual(['redriven', 'spent']);
    } finally {
      setAdmission(client, { admit: () => undefined, refusedByRedis: () => undefined });
    }
  });
});
