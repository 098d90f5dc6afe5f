import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { QueueEndpoint } from '#delivery/endpoint.js';
import type { MessageProperty } from '#queue/message.js';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { RedisFull, RedisUnavailable } from '#redis/redis-unavailable.js';
import { silentLogger } from '#runtime/log.js';
import { ACCOUNT, sampleDelivery } from '../../../test/support/sample-delivery.js';
import { describeChannel } from './channel.contract.js';
import { QueueChannel } from './queue.channel.js';

const NEVER = new AbortController().signal;

interface Engine {
  readonly client: RedisClient;
  readonly queues: QueueStore;
  readonly messages: MessageStore;
}

async function openEngine(): Promise<Engine> {
  const client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
  await new Promise((resolve) => client.once('ready', resolve));
  const deployment = await Deployment.open(client, `test-${randomBytes(6).toString('hex')}`);
  const queues = new QueueStore(client, deployment);
  return { client, queues, messages: new MessageStore(queues, new LongPoll(client, deployment)) };
}

async function receiveAll({ messages }: Engine, queue: string) {
  const all = [];
  for (;;) {
    const some = await messages.receiveMessages(ACCOUNT, queue, { count: 16, waitSeconds: 0 });
    if (some.length === 0) return all;
    all.push(...some);
  }
}

const endpointOf = (queue: string): string => `acs:mns:cn-hangzhou:${ACCOUNT}:queues/${queue}`;

describeChannel<QueueEndpoint>('queue', async () => {
  const engine = await openEngine();
  await engine.queues.createQueue(ACCOUNT, 'inbox', {});
  const seen: string[] = [];
  return {
    channel: new QueueChannel(engine.messages),
    accepting: endpointOf('inbox'),
    arrived: async () => {
      seen.push(...(await receiveAll(engine, 'inbox')).map(({ body }) => body));
      return seen;
    },
    refusing: endpointOf('no-such-queue'),
    stop: () => Promise.resolve(engine.client.disconnect()),
  };
});

describe('QueueChannel', () => {
  let engine: Engine;
  let channel: QueueChannel;
  beforeAll(async () => {
    engine = await openEngine();
    channel = new QueueChannel(engine.messages);
  });
  afterAll(() => engine.client.disconnect());

  async function newQueue(attributes = {}): Promise<string> {
    const name = `q-${randomBytes(4).toString('hex')}`;
    await engine.queues.createQueue(ACCOUNT, name, attributes);
    return name;
  }

  it('makes a new message that carries the properties of the published one', async () => {
    const queue = await newQueue();
    const userProperties: MessageProperty[] = [{ name: 'city', value: 'hz', type: 'STRING' }, { name: 'n', value: '7', type: 'NUMBER' }];
    const systemProperties: MessageProperty[] = [{ name: 'traceparent', value: '00-1-1-01', type: 'STRING' }];
    const published = { body: 'hello', userProperties, systemProperties, messageGroupId: 'g' };
    const delivery = sampleDelivery<QueueEndpoint>(endpointOf(queue), published);
    expect(await channel.send(delivery, NEVER)).toEqual({ kind: 'delivered' });
    const [message] = await receiveAll(engine, queue);
    expect(message).toMatchObject({ body: 'hello', priority: 8, userProperties, systemProperties });
    expect(message?.messageId).not.toBe(delivery.pending.messageId);
  });

  it.each(['XML', 'JSON'] as const)('puts the message into %s', async (notifyContentFormat) => {
    const queue = await newQueue();
    const delivery = sampleDelivery<QueueEndpoint>(endpointOf(queue), { messageTag: 'vip' }, { notifyContentFormat });
    await channel.send(delivery, NEVER);
    const [message] = await receiveAll(engine, queue);
    expect(message?.body).toContain(delivery.pending.messageId);
    expect(message?.body).toContain('5D41402ABC4B2A76B9719D911017C592');
    expect(message?.body).toMatch(notifyContentFormat === 'XML' ? /^<\?xml .*<MessageTag>vip</s : /^\{"TopicOwner":.*"MessageTag":"vip"/s);
  });

  it('never doubles a push that is repeated, and tells subscriptions apart', async () => {
    const queue = await newQueue();
    const delivery = sampleDelivery<QueueEndpoint>(endpointOf(queue));
    const pendingQueue = { partition: 17, id: randomBytes(8).toString('base64url') };
    const other = { ...delivery, subscription: { ...delivery.subscription, pendingQueue } };
    await Promise.all([channel.send(delivery, NEVER), channel.send(delivery, NEVER)]);
    expect(await channel.send(delivery, NEVER)).toEqual({ kind: 'delivered' });
    await channel.send(other, NEVER);
    expect(await receiveAll(engine, queue)).toHaveLength(2);
  });

  it('gives up a message that its queue can never hold', async () => {
    const queue = await newQueue({ maximumMessageSize: 1_024 });
    const outcome = await channel.send(sampleDelivery<QueueEndpoint>(endpointOf(queue), { body: 'x'.repeat(1_025) }), NEVER);
    expect(outcome).toMatchObject({ kind: 'permanent', reason: expect.stringContaining('InvalidArgument') });
  });

  it('puts a message into a FIFO queue with its group, and gives it up without one', async () => {
    const queue = await newQueue({ queueType: 'fifo' });
    expect(await channel.send(sampleDelivery<QueueEndpoint>(endpointOf(queue), { messageGroupId: 'g' }), NEVER)).toEqual({ kind: 'delivered' });
    expect(await receiveAll(engine, queue)).toMatchObject([{ messageGroupId: 'g' }]);
    const outcome = await channel.send(sampleDelivery<QueueEndpoint>(endpointOf(queue)), NEVER);
    expect(outcome).toMatchObject({ kind: 'permanent', reason: expect.stringContaining('FifoMissingMessageGroupId') });
  });

  it('says which queue is missing', async () => {
    const outcome = await channel.send(sampleDelivery<QueueEndpoint>(endpointOf('gone')), NEVER);
    expect(outcome).toEqual({ kind: 'retryable', reason: 'QueueNotExist: gone' });
  });

  it('holds what a full Redis does not take, so that no attempts are used up', async () => {
    const full = new QueueChannel({ sendMessages: () => Promise.reject(new RedisFull('full')) });
    expect(await full.send(sampleDelivery<QueueEndpoint>(endpointOf('q')), NEVER)).toEqual({ kind: 'held', seconds: 5 });
  });

  it('tries again when Redis is away', async () => {
    const away = new QueueChannel({ sendMessages: () => Promise.reject(new RedisUnavailable('Connection is closed.')) });
    const outcome = await away.send(sampleDelivery<QueueEndpoint>(endpointOf('q')), NEVER);
    expect(outcome).toEqual({ kind: 'retryable', reason: 'Connection is closed.' });
  });
});
