import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { LongPoll } from './long-poll.js';
import type { NewMessage } from './message.js';
import { MessageStore } from './message-store.js';
import { FifoMissingMessageGroupId, MessageNotExist } from './queue-errors.js';
import { QueueStore } from './queue-store.js';
import { QueueUpkeep } from './upkeep.js';

const ACCOUNT = '1234567890123456';
const START = 1_500_000_000_000;

let client: RedisClient;
let subscriber: RedisClient;
let queues: QueueStore;
let messages: MessageStore;
let upkeep: QueueUpkeep;
let clock: SettableClock;

beforeAll(() => {
  const url = process.env['MAGPIE_TEST_REDIS_URL']!;
  client = connectRedis(url, { role: 'worker', logger: silentLogger });
  subscriber = connectRedis(url, { role: 'subscriber', logger: silentLogger });
});

afterAll(async () => {
  await Promise.all([client.quit(), subscriber.quit()]);
});

beforeEach(async () => {
  clock = new SettableClock(START);
  const deployment = await Deployment.open(client, `test-${randomUUID()}`);
  queues = new QueueStore(client, deployment, clock);
  messages = new MessageStore(queues, new LongPoll(new EventEmitter() as RedisClient, deployment));
  upkeep = new QueueUpkeep(queues, { region: 'cn-hangzhou', logger: silentLogger });
  await queues.createQueue(ACCOUNT, 'orders', { queueType: 'fifo', visibilityTimeout: 30, messageRetentionPeriod: 600 });
});

/** `a1` is a message of group `a`. */
const grouped = (body: string, more: Partial<NewMessage> = {}): NewMessage => ({ body, messageGroupId: body.replace(/\d+$/, ''), ...more });
const send = (...bodies: string[]) => messages.sendMessages(ACCOUNT, 'orders', bodies.map((body) => grouped(body)));
const receive = (count = 16) => messages.receiveMessages(ACCOUNT, 'orders', { count });
const bodies = async (count = 16) => (await receive(count)).map(({ body }) => body);
const peeked = async () => (await messages.peekMessages(ACCOUNT, 'orders', 16)).map(({ body }) => body);
const dead = () => messages.receiveMessages(ACCOUNT, 'dead', { count: 16 });
const visit = () => upkeep.run(queues.deployment.partitionOf(ACCOUNT, 'orders'));
const remove = (handle: string) => messages.deleteMessages(ACCOUNT, 'orders', [handle]);
const keys = async () => (await client.keys(`${queues.deployment.prefix}:*`)).sort();
const counters = async () => {
  const { activeMessages, inactiveMessages, delayMessages } = await queues.getQueue(ACCOUNT, 'orders');
  return [activeMessages, inactiveMessages, delayMessages];
};

describe('a message group', () => {
  it('is received one message at a time, in the order of arrival, whatever the priorities', async () => {
    const batch = [grouped('a1', { priority: 16 }), grouped('a2', { priority: 1 }), grouped('b1'), grouped('a3')];
    await messages.sendMessages(ACCOUNT, 'orders', batch);
    expect(await peeked()).toEqual(['a1', 'b1']);
    expect(await counters()).toEqual([4, 0, 0]);
    for (const wanted of [['a1', 'b1'], ['a2'], ['a3'], []]) {
      const got = await receive();
      expect(got.map(({ body }) => body)).toEqual(wanted);
      expect(await bodies()).toEqual([]);
      for (const { receiptHandle } of got) expect(await remove(receiptHandle)).toEqual([undefined]);
    }
  });

  it('shows the priority that a message was sent with', async () => {
    await messages.sendMessages(ACCOUNT, 'orders', [grouped('a1', { priority: 3 })]);
    expect(await receive()).toMatchObject([{ priority: 3, messageGroupId: 'a' }]);
  });

  it('is locked until the visibility timeout ends, and then begins with the same message', async () => {
    await send('a1', 'a2');
    const [first] = await receive();
    clock.advance(29_999);
    expect(await bodies()).toEqual([]);
    clock.advance(1);
    expect(await receive()).toMatchObject([{ body: 'a1', dequeueCount: 2 }]);
    expect((await remove(first!.receiptHandle))[0]).toBeInstanceOf(MessageNotExist);
  });

  it('stays locked when the visibility timeout is changed, until the new time', async () => {
    await send('a1', 'a2');
    const [first] = await receive();
    const changed = await messages.changeVisibility(ACCOUNT, 'orders', first!.receiptHandle, 100);
    expect(changed.nextVisibleTime).toBe(START + 100_000);
    clock.advance(99_999);
    expect(await bodies()).toEqual([]);
    expect(await remove(changed.receiptHandle)).toEqual([undefined]);
    expect(await bodies()).toEqual(['a2']);
  });

  it('begins anew with a message that is given back', async () => {
    await send('a1', 'a2');
    await messages.returnMessages(ACCOUNT, 'orders', await receive());
    expect(await receive()).toMatchObject([{ body: 'a1', dequeueCount: 1 }]);
  });

  it('is not held up by a delayed message, which comes first of those that wait once it appears', async () => {
    await messages.sendMessages(ACCOUNT, 'orders', [grouped('a1', { delaySeconds: 10 }), grouped('a2'), grouped('a3')]);
    expect(await counters()).toEqual([2, 0, 1]);
    const [second] = await receive();
    expect(second!.body).toBe('a2');
    clock.advance(10_000);
    expect(await bodies()).toEqual([]);
    await remove(second!.receiptHandle);
    expect((await receive()).map(({ body }) => body)).toEqual(['a1']);
  });

  it('lets a delayed message that appears overtake one that nobody has', async () => {
    await messages.sendMessages(ACCOUNT, 'orders', [grouped('a1', { delaySeconds: 10 }), grouped('a2')]);
    expect(await peeked()).toEqual(['a2']);
    clock.advance(10_000);
    expect(await peeked()).toEqual(['a1']);
    const [first] = await receive();
    await remove(first!.receiptHandle);
    expect(await bodies()).toEqual(['a2']);
  });

  it('can lose a delayed message by the handle of its sender', async () => {
    const [delayed] = await messages.sendMessages(ACCOUNT, 'orders', [grouped('a1', { delaySeconds: 10 }), grouped('a2')]);
    expect(await remove(delayed!.receiptHandle!)).toEqual([undefined]);
    expect(await bodies()).toEqual(['a2']);
    expect(await counters()).toEqual([0, 1, 0]);
  });

  it('goes on behind a message that has expired, ready or received', async () => {
    await send('a1', 'b1');
    clock.advance(300_000);
    await send('a2', 'b2');
    const [a1] = await receive(1);
    await messages.changeVisibility(ACCOUNT, 'orders', a1!.receiptHandle, 40_000);
    clock.advance(300_000);
    expect(await peeked()).toEqual(['a2', 'b2']);
    expect(await bodies()).toEqual(['a2', 'b2']);
  });

  it('goes on behind an expired message also when only upkeep looks', async () => {
    await send('a1');
    clock.advance(300_000);
    await send('a2');
    clock.advance(300_000);
    await visit();
    expect(await counters()).toEqual([1, 0, 0]);
    expect(await bodies()).toEqual(['a2']);
  });

  it('keeps its order among dead letters that a lowered limit makes of several at once', async () => {
    await queues.createQueue(ACCOUNT, 'dead', { queueType: 'fifo' });
    await queues.setQueueAttributes(ACCOUNT, 'orders', { deadLetterPolicy: { targetQueue: 'dead', maxReceiveCount: 3 }, visibilityTimeout: 1 });
    // Their places in the queue have numbers with one digit more from the second one on.
    await send('b1', 'c1', 'd1', 'e1', 'f1');
    await messages.sendMessages(ACCOUNT, 'orders', [grouped('a1', { delaySeconds: 10 }), grouped('a2')]);
    for (const wait of [10_000, 1_000]) {
      await receive();
      clock.advance(wait);
    }
    await queues.setQueueAttributes(ACCOUNT, 'orders', { deadLetterPolicy: { targetQueue: 'dead', maxReceiveCount: 1 } });
    expect(await bodies()).toEqual([]);
    await visit();
    const letters: string[] = [];
    for (let got = await dead(); got.length > 0; got = await dead()) {
      letters.push(...got.map(({ body }) => body));
      await messages.deleteMessages(ACCOUNT, 'dead', got.map(({ receiptHandle }) => receiptHandle));
    }
    expect(letters.filter((body) => body.startsWith('a'))).toEqual(['a1', 'a2']);
  });

  it('goes on behind a dead letter', async () => {
    await queues.createQueue(ACCOUNT, 'dead', { queueType: 'fifo' });
    await queues.setQueueAttributes(ACCOUNT, 'orders', { deadLetterPolicy: { targetQueue: 'dead', maxReceiveCount: 1 } });
    await send('a1', 'a2');
    await receive();
    clock.advance(30_000);
    await visit();
    expect(await bodies()).toEqual(['a2']);
    expect(await messages.receiveMessages(ACCOUNT, 'dead', { count: 16 })).toMatchObject([{ body: 'a1', messageGroupId: 'a' }]);
  });

  it('wakes a waiting poll when its lock ends', async () => {
    const polls = new LongPoll(subscriber, queues.deployment);
    await polls.start();
    await send('a1', 'a2');
    const [first] = await receive();
    const poll = new MessageStore(queues, polls).receiveMessages(ACCOUNT, 'orders', { count: 16, waitSeconds: 20 });
    // The poll has been registered when a call behind it has been answered.
    await messages.peekMessages(ACCOUNT, 'orders', 1);
    await remove(first!.receiptHandle);
    expect((await poll).map(({ body }) => body)).toEqual(['a2']);
  });

  const alike = [['a', 'ab'], ['a', 'a\u0000'], ['\u00ff', '\u00ff\u00ff'], ['x', 'x'.repeat(128)]] as const;
  it.each(alike)('%j is another group than %j', async (one, other) => {
    const groups = [one, other, other, one, one, other];
    await messages.sendMessages(ACCOUNT, 'orders', groups.map((messageGroupId, n) => ({ body: `${n}`, messageGroupId })));
    for (const wanted of [['0', '1'], ['2', '3'], ['4', '5']]) {
      const got = await receive();
      expect(got.map(({ body }) => body)).toEqual(wanted);
      for (const { receiptHandle } of got) await remove(receiptHandle);
    }
  });

  it('is found behind properties of a message', async () => {
    const userProperties = [{ name: 'n', value: '1', type: 'NUMBER' as const }];
    const systemProperties = [{ name: 'traceparent', value: '00-1', type: 'STRING' as const }];
    const more = [{}, { userProperties }, { systemProperties }, { userProperties, systemProperties }];
    await messages.sendMessages(ACCOUNT, 'orders', more.map((properties, n) => grouped(`a${n}`, properties)));
    expect(await bodies()).toEqual(['a0']);
  });
});

describe('a FIFO queue', () => {
  it('takes no message without a group, and then nothing of the batch', async () => {
    for (const message of [{ body: 'b' }, { body: 'b', messageGroupId: '' }]) {
      await expect(messages.sendMessages(ACCOUNT, 'orders', [grouped('a1'), message])).rejects.toThrow(FifoMissingMessageGroupId);
    }
    await expect(messages.sendMessages(ACCOUNT, 'orders', [{ body: 'b', messageGroupId: 'g'.repeat(129) }])).rejects.toThrow('MessageGroupId');
    expect(await counters()).toEqual([0, 0, 0]);
  });

  it('keeps its type', async () => {
    await expect(queues.setQueueAttributes(ACCOUNT, 'orders', { queueType: 'normal' })).rejects.toThrow('fixed');
    const others = { visibilityTimeout: 30, messageRetentionPeriod: 600 };
    await expect(queues.createQueue(ACCOUNT, 'orders', { ...others, queueType: 'normal' })).rejects.toThrow('already exist');
    expect(await queues.createQueue(ACCOUNT, 'orders', others)).toBe('unchanged');
    expect(await queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ queueType: 'fifo' });
  });

  it('is known for what it is when it was made anew elsewhere with another type', async () => {
    const elsewhere = new QueueStore(client, queues.deployment, clock);
    await elsewhere.deleteQueue(ACCOUNT, 'orders');
    await elsewhere.createQueue(ACCOUNT, 'orders', { maximumMessageSize: 2_048 });
    await messages.sendMessages(ACCOUNT, 'orders', [{ body: 'no group' }]);
    await elsewhere.setQueueAttributes(ACCOUNT, 'orders', { maximumMessageSize: 65_536 });
    await messages.sendMessages(ACCOUNT, 'orders', [{ body: 'x'.repeat(3_000) }]);
    const otherMessages = new MessageStore(elsewhere, new LongPoll(new EventEmitter() as RedisClient, queues.deployment));
    await elsewhere.deleteQueue(ACCOUNT, 'orders');
    await elsewhere.createQueue(ACCOUNT, 'orders', { queueType: 'fifo' });
    await otherMessages.sendMessages(ACCOUNT, 'orders', [grouped('a1')]);
    const [message] = await otherMessages.receiveMessages(ACCOUNT, 'orders', { count: 1 });
    expect(await remove(message!.receiptHandle)).toEqual([undefined]);
  });

  it('leaves nothing behind when it is drained, purged or deleted', async () => {
    const [state] = (await keys()).filter((key) => key.includes(':q:'));
    const before = await keys();
    const fill = () => Promise.all(Array.from({ length: 40 }, (_, n) => send(`a${n}`, `b${n}`, `g${'x'.repeat(n)}${n}`)));
    await fill();
    for (let got = await receive(); got.length > 0; got = await receive()) {
      for (const { receiptHandle } of got) await remove(receiptHandle);
    }
    expect(await keys()).toEqual(before);
    await fill();
    await messages.sendMessages(ACCOUNT, 'orders', [grouped('a41', { delaySeconds: 5 })]);
    await receive();
    expect(await queues.purgeQueue(ACCOUNT, 'orders')).toBe(121);
    expect(await keys()).toEqual(before);
    await send('a1');
    expect(await bodies()).toEqual(['a1']);
    await queues.deleteQueue(ACCOUNT, 'orders');
    expect((await keys()).filter((key) => key.startsWith(state!))).toEqual([]);
  });

  it('has no key for a group, however many there are and however long', async () => {
    for (let at = 0; at < 8_000; at += 16) {
      const batch = Array.from({ length: 16 }, (_, n) => grouped(n % 2 === 0 ? `long${at + n}` : `g${'y'.repeat(n)}-${at}-${n}`));
      await messages.sendMessages(ACCOUNT, 'orders', batch);
    }
    expect(await counters()).toEqual([8_000, 0, 0]);
    // The state of one queue, its sets, and two chunks: no key for a group or a message.
    expect((await keys()).filter((key) => key.includes(':q:')).length).toBeLessThanOrEqual(6);
    const [first] = await receive(1);
    expect(first!.body).toBe('long0');
    await remove(first!.receiptHandle);
    expect((await messages.peekMessages(ACCOUNT, 'orders', 1)).map(({ body }) => body)).not.toEqual(['long0']);
  });
});
