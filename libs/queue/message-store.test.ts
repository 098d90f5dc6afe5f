import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { LongPoll } from './long-poll.js';
import { MessageStore } from './message-store.js';
import { MessageNotExist, QueueNotExist, ReceiptHandleError } from './queue-errors.js';
import { QueueStore } from './queue-store.js';

const ACCOUNT = '1234567890123456';
const START = 1_800_000_000_000;

let client: RedisClient;
let queues: QueueStore;
let messages: MessageStore;
let clock: SettableClock;

beforeAll(async () => {
  const url = process.env['MAGPIE_TEST_REDIS_URL']!;
  client = connectRedis(url, { role: 'worker', logger: silentLogger });
});

afterAll(async () => {
  await client.quit();
});

beforeEach(async () => {
  clock = new SettableClock(START);
  const deployment = await Deployment.open(client, `test-${randomUUID()}`);
  queues = new QueueStore(client, deployment, clock);
  messages = new MessageStore(queues, new LongPoll(new EventEmitter() as RedisClient, deployment));
  await queues.createQueue(ACCOUNT, 'orders', { visibilityTimeout: 30 });
});

const send = (body: string, more = {}) => messages.sendMessages(ACCOUNT, 'orders', [{ body, ...more }]);
const receive = (count = 1) => messages.receiveMessages(ACCOUNT, 'orders', { count });
const bodies = async (count: number) => (await receive(count)).map((message) => message.body);
const counters = async () => {
  const { activeMessages, inactiveMessages, delayMessages } = await queues.getQueue(ACCOUNT, 'orders');
  return [activeMessages, inactiveMessages, delayMessages];
};

describe('sending and receiving', () => {
  it('gives back what was sent, with its times and counters', async () => {
    const [sent] = await send('hello', { priority: 3, userProperties: [{ name: 'city', value: 'hz', type: 'STRING' }] });
    clock.advance(1_000);
    const [message] = await receive();
    expect(message).toMatchObject({
      messageId: sent!.messageId,
      bodyMd5: '5D41402ABC4B2A76B9719D911017C592',
      body: 'hello',
      priority: 3,
      enqueueTime: START,
      firstDequeueTime: START + 1_000,
      nextVisibleTime: START + 31_000,
      dequeueCount: 1,
      userProperties: [{ name: 'city', value: 'hz', type: 'STRING' }],
    });
    expect(await counters()).toEqual([0, 1, 0]);
  });

  it('keeps order of arrival inside a priority, also for what was received before', async () => {
    await messages.sendMessages(ACCOUNT, 'orders', [
      { body: 'a' },
      { body: 'urgent', priority: 1 },
      { body: 'b' },
      { body: 'late', priority: 16 },
    ]);
    expect(await bodies(2)).toEqual(['urgent', 'a']);
    clock.advance(30_000);
    expect(await bodies(16)).toEqual(['urgent', 'a', 'b', 'late']);
  });

  it('hands a message to one consumer until its visibility timeout ends', async () => {
    await send('once');
    expect(await bodies(16)).toEqual(['once']);
    clock.advance(29_999);
    expect(await bodies(16)).toEqual([]);
    clock.advance(1);
    const [again] = await receive();
    expect(again).toMatchObject({ body: 'once', dequeueCount: 2, firstDequeueTime: START });
  });

  it('holds a delayed message back, and shows it when its delay ends', async () => {
    const [sent] = await send('later', { delaySeconds: 10 });
    expect(sent).toMatchObject({ nextVisibleTime: START + 10_000 });
    expect(await counters()).toEqual([0, 0, 1]);
    clock.advance(10_000);
    expect(await counters()).toEqual([1, 0, 0]);
    expect(await bodies(1)).toEqual(['later']);
  });

  it('never delivers a message past its retention', async () => {
    await queues.setQueueAttributes(ACCOUNT, 'orders', { messageRetentionPeriod: 60 });
    await send('old');
    clock.advance(59_999);
    await send('new');
    clock.advance(1);
    expect(await bodies(16)).toEqual(['new']);
  });

  it('knows at once that another process has raised the size limit', async () => {
    await queues.setQueueAttributes(ACCOUNT, 'orders', { maximumMessageSize: 1_024 });
    await expect(send('x'.repeat(1_025))).rejects.toThrow('takes up to 1024');
    await new QueueStore(client, queues.deployment, clock).setQueueAttributes(ACCOUNT, 'orders', { maximumMessageSize: 2_048 });
    await send('x'.repeat(1_025));
    expect(await bodies(1)).toEqual(['x'.repeat(1_025)]);
  });

  it('sends a marked message once', async () => {
    const mark = { id: Buffer.alloc(16, 7), seconds: 3_600 };
    await messages.sendMessages(ACCOUNT, 'orders', [{ body: 'one' }], mark);
    clock.advance(3_599_000);
    await messages.sendMessages(ACCOUNT, 'orders', [{ body: 'one' }], mark);
    expect(await bodies(16)).toEqual(['one']);
  });
});

describe('receipt handles', () => {
  it('delete a message; a second time the message does not exist', async () => {
    await send('x');
    const receiptHandle = (await receive())[0]!.receiptHandle;
    expect(await messages.deleteMessages(ACCOUNT, 'orders', [receiptHandle])).toEqual([undefined]);
    expect(await messages.deleteMessages(ACCOUNT, 'orders', [receiptHandle])).toEqual([expect.any(MessageNotExist)]);
    expect(await counters()).toEqual([0, 0, 0]);
  });

  it('end with their delivery', async () => {
    await send('x');
    const [first] = await receive();
    clock.advance(30_000);
    expect(await messages.deleteMessages(ACCOUNT, 'orders', [first!.receiptHandle])).toEqual([expect.any(MessageNotExist)]);
    const [second] = await receive();
    expect(await messages.deleteMessages(ACCOUNT, 'orders', [first!.receiptHandle, second!.receiptHandle])).toEqual([
      expect.any(MessageNotExist),
      undefined,
    ]);
  });

  it('of one delivery are all good until it ends, also after its visibility was changed', async () => {
    await send('x');
    const [first] = await receive();
    const changed = await messages.changeVisibility(ACCOUNT, 'orders', first!.receiptHandle, 100);
    expect(changed.nextVisibleTime).toBe(START + 100_000);
    expect(changed.receiptHandle).not.toBe(first!.receiptHandle);
    clock.advance(99_999);
    expect(await messages.deleteMessages(ACCOUNT, 'orders', [first!.receiptHandle])).toEqual([undefined]);
  });

  it('of a delayed message let its sender delete it or show it earlier', async () => {
    const [one] = await send('one', { delaySeconds: 100 });
    const [two] = await send('two', { delaySeconds: 100 });
    await messages.deleteMessages(ACCOUNT, 'orders', [one!.receiptHandle!]);
    await messages.changeVisibility(ACCOUNT, 'orders', two!.receiptHandle!, 1);
    clock.advance(1_000);
    expect(await bodies(16)).toEqual(['two']);
  });

  it('that were never issued, or belong to another queue, are an error of their own', async () => {
    await queues.createQueue(ACCOUNT, 'other', {});
    await send('x');
    const [message] = await receive();
    const forged = `${message!.receiptHandle.slice(0, -1)}${message!.receiptHandle.endsWith('A') ? 'B' : 'A'}`;
    const results = await messages.deleteMessages(ACCOUNT, 'orders', [forged, 'nonsense', '1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA==']);
    expect(results).toEqual([expect.any(ReceiptHandleError), expect.any(ReceiptHandleError), expect.any(ReceiptHandleError)]);
    await expect(messages.changeVisibility(ACCOUNT, 'other', message!.receiptHandle, 5)).rejects.toThrow(ReceiptHandleError);
  });

  it('that are given back make the message visible at once and uncounted', async () => {
    await send('x');
    const lost = await receive();
    await messages.returnMessages(ACCOUNT, 'orders', lost);
    clock.advance(5);
    const [again] = await receive();
    expect(again).toMatchObject({ dequeueCount: 1, firstDequeueTime: START + 5 });
    expect(await messages.deleteMessages(ACCOUNT, 'orders', [lost[0]!.receiptHandle])).toEqual([expect.any(MessageNotExist)]);
  });
});

describe('peeking', () => {
  it('shows ready messages only and changes nothing', async () => {
    await send('a');
    await send('b', { delaySeconds: 5 });
    const [peeked, ...others] = await messages.peekMessages(ACCOUNT, 'orders', 16);
    expect(others).toEqual([]);
    expect(peeked).toMatchObject({ body: 'a', dequeueCount: 0, firstDequeueTime: START });
    expect(await counters()).toEqual([1, 0, 1]);
  });
});

describe('a queue that is deleted', () => {
  it('takes its messages along; one made again under the name starts empty', async () => {
    await send('x');
    const [message] = await receive();
    await queues.deleteQueue(ACCOUNT, 'orders');
    await expect(receive()).rejects.toThrow(QueueNotExist);
    await queues.createQueue(ACCOUNT, 'orders', {});
    expect(await bodies(16)).toEqual([]);
    expect(await messages.deleteMessages(ACCOUNT, 'orders', [message!.receiptHandle])).toEqual([expect.any(ReceiptHandleError)]);
  });

  it('leaves no key behind after everything was consumed', async () => {
    const keys = async () => (await client.keys(`${queues.deployment.prefix}:*`)).sort();
    const before = await keys();
    for (let i = 0; i < 40; i++) await send(`${i}`, i % 3 === 0 ? { delaySeconds: 1 } : {});
    clock.advance(1_000);
    for (let i = 0; i < 40; i++) {
      const [message] = await receive();
      await messages.deleteMessages(ACCOUNT, 'orders', [message!.receiptHandle]);
    }
    expect(await keys()).toEqual(before);
  });
});
