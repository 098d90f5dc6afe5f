import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { LongPoll } from './long-poll.js';
import { MessageStore } from './message-store.js';
import { QueueStore } from './queue-store.js';
import { QueueNotExist } from './queue-errors.js';

const ACCOUNT = '1234567890123456';
/** Milliseconds: a poll of 20 s that nothing wakes takes longer; how much faster it is, the benchmark shows. */
const WITHOUT_WAKE_UP = 15_000;

let client: RedisClient;
let subscriber: RedisClient;
let deployment: Deployment;
let queues: QueueStore;
let polls: LongPoll;
let messages: MessageStore;

beforeAll(async () => {
  const url = process.env['MAGPIE_TEST_REDIS_URL']!;
  client = connectRedis(url, { role: 'worker', logger: silentLogger });
  subscriber = connectRedis(url, { role: 'subscriber', logger: silentLogger });
  deployment = await Deployment.open(client, `test-${randomUUID()}`);
  queues = new QueueStore(client, deployment);
  polls = new LongPoll(subscriber, deployment);
  await polls.start();
  messages = new MessageStore(queues, polls);
});

afterAll(async () => {
  await Promise.all([client.quit(), subscriber.quit()]);
});

let queue: string;

beforeEach(async () => {
  queue = `q-${randomUUID()}`;
  await queues.createQueue(ACCOUNT, queue, { visibilityTimeout: 1 });
});

const poll = (waitSeconds: number, signal?: AbortSignal) => messages.receiveMessages(ACCOUNT, queue, { count: 1, waitSeconds, watch: signal && (() => ({ signal, close: () => undefined })) });
const send = (body: string, delaySeconds = 0) => messages.sendMessages(ACCOUNT, queue, [{ body, delaySeconds }]);

/** Resolves when so many polls wait. */
async function waiting(count: number): Promise<void> {
  while (polls.waiting !== count) await new Promise((resolve) => setTimeout(resolve, 2));
  await client.ping();
}

async function timed<T>(step: Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  return [await step, performance.now() - start];
}

describe('a waiting poll', () => {
  it('is woken by a send', async () => {
    const answer = poll(20);
    await waiting(1);
    const [[message], took] = await timed(send('x').then(() => answer));
    expect(message!.body).toBe('x');
    expect(took).toBeLessThan(WITHOUT_WAKE_UP);
  });

  it('is woken by the end of a delay, also of a message sent before it began', async () => {
    await send('later', 1);
    const [[message], took] = await timed(poll(20));
    expect(message!.body).toBe('later');
    expect(took).toBeGreaterThan(800);
    expect(took).toBeLessThan(WITHOUT_WAKE_UP);
  });

  it('is woken by the end of a delay of a message sent while it waits', async () => {
    const answer = poll(20);
    await waiting(1);
    const [[message], took] = await timed(send('later', 1).then(() => answer));
    expect(message!.body).toBe('later');
    expect(took).toBeLessThan(WITHOUT_WAKE_UP);
  });

  it('is woken by the end of a visibility timeout', async () => {
    await send('x');
    await poll(0);
    const [[message], took] = await timed(poll(20));
    expect(message).toMatchObject({ body: 'x', dequeueCount: 2 });
    expect(took).toBeLessThan(WITHOUT_WAKE_UP);
  });

  it('is woken by a change of visibility', async () => {
    await queues.setQueueAttributes(ACCOUNT, queue, { visibilityTimeout: 600 });
    await send('x');
    const [held] = await poll(0);
    const answer = poll(20);
    await waiting(1);
    const [[message], took] = await timed(messages.changeVisibility(ACCOUNT, queue, held!.receiptHandle, 1).then(() => answer));
    expect(message!.body).toBe('x');
    expect(took).toBeLessThan(WITHOUT_WAKE_UP);
  });

  it('ends empty when its time is over', async () => {
    const [answer, took] = await timed(poll(1));
    expect(answer).toEqual([]);
    expect(took).toBeGreaterThan(900);
  });

  it('ends at once with the queue', async () => {
    const answers = Promise.allSettled([poll(20), poll(20), poll(20)]);
    await waiting(3);
    const [ends, took] = await timed(queues.deleteQueue(ACCOUNT, queue).then(() => answers));
    for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: expect.any(QueueNotExist) });
    expect(took).toBeLessThan(WITHOUT_WAKE_UP);
  });
});

describe('many waiting polls', () => {
  it('each get their message, one that went away swallows none', async () => {
    const gone = new AbortController();
    const lost = [poll(20, gone.signal), poll(20, gone.signal), poll(20, gone.signal)];
    await waiting(3);
    const answers = Array.from({ length: 20 }, () => poll(20));
    await waiting(23);
    gone.abort();
    await Promise.all(Array.from({ length: 20 }, (_, n) => send(`${n}`)));
    const bodies = (await Promise.all(answers)).map(([message]) => Number(message!.body));
    expect(bodies.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect((await Promise.all(lost)).flat()).toEqual([]);
    expect(polls.waiting).toBe(0);
  });

  it('look again after the wake-up channel was lost', async () => {
    const answer = poll(20);
    await waiting(1);
    (subscriber as { disconnect(reconnect: boolean): void }).disconnect(true);
    await send('x');
    const [[message], took] = await timed(answer);
    expect(message!.body).toBe('x');
    expect(took).toBeLessThan(WITHOUT_WAKE_UP);
  });
});
