import { afterEach, describe, expect, it } from '@jest/globals';
import { AttemptLog } from '#delivery/attempt-log.js';
import { eventually } from '../support/eventually.js';
import { startPushReceiver, type Answer, type PushReceiver } from '../support/push-receiver.js';
import { startRedis } from '../support/redis-server.js';
import { openPublishingSide, startWorkerProcess, type PublishingSide, type WorkerProcess } from '../support/running-worker.js';
import { ACCOUNT } from '../support/sample-delivery.js';

const sharedRedis = process.env['MAGPIE_TEST_REDIS_URL']!;

/** Milliseconds: lock of a killed worker's job, the next look for such jobs, its leases, and time to spare on a busy machine. */
const TAKE_OVER = 60_000;

describe('a worker that ends in the middle of its work', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function open(redisUrl = sharedRedis): Promise<PublishingSide> {
    const hub = await openPublishingSide(redisUrl);
    cleanUps.push(() => hub.stop());
    return hub;
  }

  async function worker(hub: PublishingSide, redisUrl = sharedRedis): Promise<WorkerProcess> {
    const started = await startWorkerProcess(redisUrl, hub.prefix);
    cleanUps.push(() => started.end('SIGKILL'));
    return started;
  }

  async function receiver(answer: Answer): Promise<PushReceiver> {
    const started = await startPushReceiver(answer);
    cleanUps.push(() => started.stop());
    return started;
  }

  const slowly: Answer = (_push, response) => void setTimeout(() => response.writeHead(204).end(), 30);
  const bodies = (count: number): string[] => Array.from({ length: count }, (_, number) => `message ${number}`);
  const distinct = (endpoint: PushReceiver): string[] => [...new Set(endpoint.pushes.map(({ body }) => body))].sort();

  it('loses nothing when it is killed, and pushes at most those twice that were in flight', async () => {
    const hub = await open();
    const endpoint = await receiver(slowly);
    const topic = await hub.subscribed(endpoint.url);
    const first = await worker(hub);
    const all = bodies(300);
    await Promise.all(all.map((body) => hub.publish(topic, body)));
    await eventually('pushes are in flight', () => endpoint.pushes.length > 60);
    await first.end('SIGKILL');
    await worker(hub);
    await eventually('all pushes', () => distinct(endpoint).length === all.length, { within: TAKE_OVER, every: 50 });
    expect(distinct(endpoint)).toEqual([...all].sort());
    expect(endpoint.pushes.length - all.length).toBeLessThanOrEqual(32);
  }, 90_000);

  it('burns no attempt of a message whose push it could not finish', async () => {
    const hub = await open();
    const endpoint = await receiver(() => undefined);
    const topic = await hub.subscribed(endpoint.url);
    const first = await worker(hub);
    const messageId = await hub.publish(topic, 'hello');
    await eventually('the push is in flight', () => endpoint.pushes.length === 1);
    await first.end('SIGKILL');
    endpoint.answer = 204;
    await worker(hub);
    await eventually('the push is repeated', () => endpoint.pushes.length === 2, { within: TAKE_OVER, every: 50 });
    const log = new AttemptLog(hub.client, hub.deployment);
    await eventually('the attempt is logged', async () => (await log.find(messageId)).length > 0);
    expect(await log.find(messageId)).toMatchObject([{ number: 1, outcome: 'delivered' }]);
  }, 90_000);

  it('doubles nothing in a queue, however often it is killed', async () => {
    const hub = await open();
    await hub.queues.createQueue(ACCOUNT, 'inbox', {});
    const topic = await hub.subscribed(`acs:mns:cn-hangzhou:${ACCOUNT}:queues/inbox`);
    const all = bodies(400);
    const count = async (): Promise<number> => (await hub.queues.getQueue(ACCOUNT, 'inbox')).activeMessages;
    let current = await worker(hub);
    const publishing = Promise.all(all.map((body) => hub.publish(topic, body)));
    for (const mark of [20, 60]) {
      await eventually(`${mark} messages`, async () => (await count()) >= mark, { within: TAKE_OVER, every: 5 });
      await current.end('SIGKILL');
      current = await worker(hub);
    }
    await publishing;
    await eventually('all messages', async () => (await count()) >= all.length, { within: TAKE_OVER, every: 50 });
    const received: string[] = [];
    for (;;) {
      const some = await hub.messages.receiveMessages(ACCOUNT, 'inbox', { count: 16, waitSeconds: 0 });
      if (some.length === 0) break;
      received.push(...some.map(({ body }) => body));
    }
    expect(received.sort()).toEqual([...all].sort());
  }, 150_000);

  it('finishes what is in flight on SIGTERM, leaves the rest to others at once, and exits 0', async () => {
    const hub = await open();
    const endpoint = await receiver(slowly);
    const topic = await hub.subscribed(endpoint.url);
    const first = await worker(hub);
    const second = await worker(hub);
    const all = bodies(400);
    await Promise.all(all.map((body) => hub.publish(topic, body)));
    await eventually('pushes are in flight', () => endpoint.pushes.length > 60);
    const draining = await findDraining([first, second]);
    const end = await draining.end('SIGTERM');
    expect(end).toMatchObject({ code: 0, signal: null });
    expect(end.millis).toBeLessThan(10_000);
    await eventually('all pushes', () => distinct(endpoint).length === all.length, { within: 10_000 });
    expect(endpoint.pushes).toHaveLength(all.length);
  }, 60_000);

  it('exits within 10 s on SIGTERM although an endpoint hangs', async () => {
    const hub = await open();
    const endpoint = await receiver(() => undefined);
    const topic = await hub.subscribed(endpoint.url);
    const only = await worker(hub);
    await Promise.all(bodies(50).map((body) => hub.publish(topic, body)));
    await eventually('pushes are in flight', () => endpoint.pushes.length >= 32);
    const end = await only.end('SIGTERM');
    expect(end).toMatchObject({ code: 0, signal: null });
    expect(end.millis).toBeLessThan(10_000);
  }, 30_000);

  it('goes on by itself after Redis was killed', async () => {
    const redis = await startRedis({ appendOnly: true });
    cleanUps.push(() => redis.stop());
    const hub = await open(redis.url);
    const endpoint = await receiver(slowly);
    const topic = await hub.subscribed(endpoint.url);
    await worker(hub, redis.url);
    const all = bodies(300);
    await Promise.all(all.map((body) => hub.publish(topic, body)));
    await eventually('pushes are in flight', () => endpoint.pushes.length > 60);
    await redis.kill9();
    await redis.restart();
    await eventually('all pushes', () => distinct(endpoint).length === all.length, { within: TAKE_OVER, every: 50 });
    await eventually('a new message is pushed as well', async () => {
      await hub.publish(topic, 'after').catch(() => undefined);
      return distinct(endpoint).includes('after');
    }, { within: TAKE_OVER, every: 200 });
    expect(endpoint.pushes.filter(({ body }) => body !== 'after').length - all.length).toBeLessThanOrEqual(32);
  }, 120_000);
});

/** The worker that has a drain under way, by its own metrics. */
async function findDraining(workers: readonly WorkerProcess[]): Promise<WorkerProcess> {
  return await eventually('a worker drains', async () => {
    for (const worker of workers) {
      const metrics = await (await fetch(`${worker.url}/metrics`)).text();
      if (/^magpie_delivery_drains [1-9]/m.test(metrics)) return worker;
    }
    return undefined;
  });
}
