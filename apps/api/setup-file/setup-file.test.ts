import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import { EventSourceStore } from '#event-source/event-source-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { TopicStore } from '#topic/topic-store.js';
import { SetupFile, type AppliedSetup } from './setup-file.js';
import type { SetupTarget } from './setup-target.js';

const ACCOUNT = '1234567890123456';

const CHAIN = `
queues:
  orders:
    visibilityTimeout: 60
    deadLetterPolicy: { targetQueue: orders-dead, maxReceiveCount: 5 }
  orders-dead: { messageRetentionPeriod: 604800 }
topics:
  alerts:
    loggingEnabled: true
    subscriptions:
      orders: { endpoint: "acs:mns:::queues/orders", filterTag: paid }
eventSources:
  minio: { endpoint: "http://minio:9000", credentials: { accessKey: magpie, secretKey: secret }, buckets: [photos] }
eventRules:
  photos:
    eventTypes: ["ObjectCreated:*"]
    endpoint: { endpointType: topic, endpointValue: alerts }
`;
const ENTRIES = ['queues.orders-dead', 'queues.orders', 'topics.alerts', 'topics.alerts.subscriptions.orders', 'eventSources.minio', 'eventRules.photos'];

describe('a set-up file', () => {
  let client: RedisClient;
  let target: SetupTarget;

  beforeAll(() => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL'] ?? '', { role: 'subscriber', logger: silentLogger });
  });

  beforeEach(async () => {
    const prefix = `setup-${randomBytes(6).toString('hex')}`;
    target = await open(prefix);
  });

  afterAll(() => client.disconnect());

  /** What one process has: stores with caches of their own. */
  async function open(prefix: string): Promise<SetupTarget> {
    const deployment = await Deployment.open(client, prefix);
    return {
      account: ACCOUNT,
      queues: new QueueStore(client, deployment),
      topics: new TopicStore(client, deployment),
      sources: new EventSourceStore(client, deployment, Buffer.alloc(32, 3)),
      rules: new EventRuleStore(client, deployment),
    };
  }

  function apply(text: string, to = target): Promise<AppliedSetup> {
    return SetupFile.parse('setup.yaml', text, ACCOUNT).apply(to);
  }

  async function problemsWith(text: string): Promise<unknown> {
    return await apply(text).then(
      () => [],
      (error: { problems?: unknown }) => error.problems,
    );
  }

  it('creates what is missing, in an order in which that can be done', async () => {
    expect(await apply(CHAIN)).toEqual({ created: ENTRIES, changed: [] });
    const deadLetterPolicy = { targetQueue: 'orders-dead', maxReceiveCount: 5 };
    expect(await target.queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ visibilityTimeout: 60, delaySeconds: 0, deadLetterPolicy });
    expect(await target.topics.getTopic(ACCOUNT, 'alerts')).toMatchObject({ loggingEnabled: true, maximumMessageSize: 65_536 });
    const subscription = { endpoint: 'acs:mns:::queues/orders', filterTag: 'paid', notifyStrategy: 'BACKOFF_RETRY', notifyContentFormat: 'XML' };
    expect(await target.topics.getSubscription(ACCOUNT, 'alerts', 'orders')).toMatchObject(subscription);
    expect(await target.rules.get(ACCOUNT, 'photos')).toMatchObject({ enabled: true, endpoint: { endpointValue: 'alerts' } });
  });

  it('changes nothing the second time', async () => {
    await apply(CHAIN);
    const before = await target.queues.getQueue(ACCOUNT, 'orders');
    expect(await apply(CHAIN)).toEqual({ created: [], changed: [] });
    expect(await target.queues.getQueue(ACCOUNT, 'orders')).toEqual(before);
  });

  it('sets what it names and leaves the rest', async () => {
    await target.queues.createQueue(ACCOUNT, 'orders', { visibilityTimeout: 10, delaySeconds: 7 });
    await target.queues.createQueue(ACCOUNT, 'other', {});
    await target.topics.createTopic(ACCOUNT, 'alerts', { maximumMessageSize: 2_048 });
    await target.topics.subscribe(ACCOUNT, 'alerts', 'orders', {
      endpoint: 'acs:mns:::queues/orders',
      filterTag: 'old',
      notifyStrategy: 'EXPONENTIAL_DECAY_RETRY',
      notifyContentFormat: 'JSON',
    });
    const changed = ['queues.orders', 'topics.alerts', 'topics.alerts.subscriptions.orders'];
    expect(await apply(CHAIN)).toEqual({ created: ['queues.orders-dead', 'eventSources.minio', 'eventRules.photos'], changed });
    expect(await target.queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ visibilityTimeout: 60, delaySeconds: 7 });
    expect(await target.topics.getTopic(ACCOUNT, 'alerts')).toMatchObject({ loggingEnabled: true, maximumMessageSize: 2_048 });
    const subscription = { filterTag: 'paid', notifyStrategy: 'EXPONENTIAL_DECAY_RETRY', notifyContentFormat: 'JSON' };
    expect(await target.topics.getSubscription(ACCOUNT, 'alerts', 'orders')).toMatchObject(subscription);
    expect(await target.queues.getQueue(ACCOUNT, 'other')).toMatchObject({ name: 'other' });
  });

  it('takes a dead-letter policy away', async () => {
    await apply(CHAIN);
    expect(await apply('queues: { orders: { deadLetterPolicy: null } }')).toEqual({ created: [], changed: ['queues.orders'] });
    expect(await target.queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ visibilityTimeout: 60, deadLetterPolicy: null });
  });

  it('lets two queues be the dead-letter queue of each other', async () => {
    const policy = (targetQueue: string) => `{ deadLetterPolicy: { targetQueue: ${targetQueue}, maxReceiveCount: 1 } }`;
    expect(await apply(`queues: { a: ${policy('b')}, b: ${policy('a')} }`)).toEqual({ created: ['queues.b', 'queues.a'], changed: [] });
  });

  it('is applied by many processes at once, whose work adds up to one', async () => {
    const { prefix } = target.queues.deployment;
    const targets = await Promise.all(Array.from({ length: 12 }, () => open(prefix)));
    const created = await Promise.all(targets.map((each) => apply(CHAIN, each)));
    expect(created.flatMap((applied) => applied.created).sort()).toEqual(expect.arrayContaining([...ENTRIES].sort()));
    const text = CHAIN.replace('visibilityTimeout: 60', 'visibilityTimeout: 90').replace('paid', 'sent').replace('true', 'false');
    await Promise.all(targets.map((each) => apply(text, each)));
    expect(await apply(text)).toEqual({ created: [], changed: [] });
    expect(await target.queues.getQueue(ACCOUNT, 'orders')).toMatchObject({ visibilityTimeout: 90 });
  });

  it('tells all that contradicts what is there, and changes nothing then', async () => {
    await target.queues.createQueue(ACCOUNT, 'orders', {});
    await target.queues.createQueue(ACCOUNT, 'fifo', { queueType: 'fifo' });
    await apply('topics: { alerts: { subscriptions: { hook: { endpoint: "http://127.0.0.1/a" } } } }');
    const problems = await problemsWith(
      [
        'queues:',
        '  new: { deadLetterPolicy: { targetQueue: fifo, maxReceiveCount: 2 } }',
        '  orders: { queueType: fifo }',
        '  more: { deadLetterPolicy: { targetQueue: nowhere, maxReceiveCount: 2 } }',
        'topics:',
        '  alerts:',
        '    subscriptions:',
        '      hook: { endpoint: "http://127.0.0.1/b", notifyContentFormat: JSON }',
        '      queue: { endpoint: "acs:mns:::queues/nowhere" }',
        'eventRules:',
        '  photos: { eventTypes: ["ObjectCreated:*"], endpoint: { endpointType: topic, endpointValue: nowhere } }',
      ].join('\n'),
    );
    const nowhere = (kind: string) => `there is no ${kind} "nowhere", neither in this file nor in the account`;
    const hook = 'topics.alerts.subscriptions.hook';
    const unsubscribe = 'is fixed when it is made: unsubscribe it first';
    expect(problems).toEqual([
      expect.stringMatching(/^setup\.yaml:2:30: queues\.new\.deadLetterPolicy\.targetQueue is "fifo": A FIFO queue cannot be the dead-letter queue/),
      'setup.yaml:3:13: queues.orders.queueType is "fifo": the queue is there as normal, and the type of a queue is fixed when it is created',
      `setup.yaml:4:31: queues.more.deadLetterPolicy.targetQueue is "nowhere": ${nowhere('queue')}`,
      `setup.yaml:8:15: ${hook}.endpoint is "http://127.0.0.1/b": the subscription is there with "http://127.0.0.1/a", and its endpoint ${unsubscribe}`,
      `setup.yaml:8:47: ${hook}.notifyContentFormat is "JSON": the subscription is there with "XML", and its notifyContentFormat ${unsubscribe}`,
      `setup.yaml:9:16: topics.alerts.subscriptions.queue.endpoint is "acs:mns:::queues/nowhere": ${nowhere('queue')}`,
      `setup.yaml:11:79: eventRules.photos.endpoint.endpointValue is "nowhere": ${nowhere('topic')}`,
    ]);
    expect((await target.queues.listQueues(ACCOUNT, {})).names.sort()).toEqual(['fifo', 'orders']);
  });

  it('may lead to what is in the account only', async () => {
    await target.queues.createQueue(ACCOUNT, 'dead', {});
    const text = 'queues: { a: { deadLetterPolicy: { targetQueue: dead, maxReceiveCount: 2 } } }';
    expect(await apply(text)).toEqual({ created: ['queues.a'], changed: [] });
  });

  it('names the entry that the store refuses', async () => {
    const many = Array.from({ length: 101 }, (_, index) => `s${index}: { endpoint: "http://127.0.0.1/" }`).join(', ');
    const message = 'the set-up file could not be applied: topics.t.subscriptions.s100: A topic has at most 100 subscriptions.';
    await expect(apply(`topics: { t: { subscriptions: { ${many} } } }`)).rejects.toThrow(message);
  });
});

describe('a file that cannot be read', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'magpie-setup-'));
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it.each([
    ['missing', undefined, 'there is no such file'],
    ['not UTF-8', Buffer.from([0xff, 0xfe, 0x00]), 'it is not UTF-8'],
    ['too large', Buffer.alloc(1_048_577, '#'), 'it has 1048577 bytes'],
  ])('is %s', async (name, content, reason) => {
    const path = join(directory, name.replace(/\W/g, ''));
    if (content !== undefined) await writeFile(path, content);
    const message = `MAGPIE_SETUP_FILE is "${path}" (${reason}): expected a YAML file of at most 1048576 bytes that the API may read`;
    await expect(SetupFile.read(path, ACCOUNT)).rejects.toThrow(new Error(message));
  });

  it('is a directory', async () => {
    await expect(SetupFile.read(directory, ACCOUNT)).rejects.toThrow('(it is a directory)');
  });
});
