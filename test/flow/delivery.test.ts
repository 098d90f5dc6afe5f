import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AttemptLog } from '#delivery/attempt-log.js';
import { environmentChannels } from '#delivery/environment-channels.js';
import { PushCertificate } from '#delivery/push-certificate.js';
import { SecretBox } from '#access/secret-box.js';
import { CertificateController } from '../../apps/api/certificate.controller.js';
import { FailedDeliveryStore } from '#topic/failed-delivery-store.js';
import { SubscriptionStore } from '#topic/subscription-store.js';
import { eventually } from '../support/eventually.js';
import { startMailServer } from '../support/mail-server.js';
import { certificateUrlOf, isSignedBy, startPushReceiver, type Answer, type PushReceiver } from '../support/push-receiver.js';
import { openPublishingSide, SECRET_KEY, startWorker, workerSettings } from '../support/running-worker.js';
import type { PublishingSide, RunningWorker } from '../support/running-worker.js';
import { ACCOUNT } from '../support/sample-delivery.js';

const redisUrl = process.env['MAGPIE_TEST_REDIS_URL']!;

class CertificateServer {}

/** What the API serves of it, alone. */
async function serveCertificate(hub: PublishingSide): Promise<{ url: string; stop(): Promise<void> }> {
  const certificate = await PushCertificate.open(hub.client, hub.prefix, new SecretBox(SECRET_KEY));
  const providers = [{ provide: PushCertificate, useValue: certificate }];
  const module: DynamicModule = { module: CertificateServer, controllers: [CertificateController], providers };
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  return { url: `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`, stop: () => app.close() };
}

describe('delivery', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  let hub: PublishingSide;
  let worker: RunningWorker;
  let certificates: { url: string; stop(): Promise<void> };
  beforeAll(async () => {
    hub = await openPublishingSide(redisUrl);
    certificates = await serveCertificate(hub);
    worker = await startWorker(workerSettings(redisUrl, hub.prefix, { publicUrl: certificates.url }), { random: () => 0 });
  });
  afterAll(async () => {
    await worker.stop();
    await certificates.stop();
    await hub.stop();
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${worker.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  }

  async function receiver(answer: Answer = 204): Promise<PushReceiver> {
    const started = await startPushReceiver(answer);
    cleanUps.push(() => started.stop());
    return started;
  }

  it('pushes what is published, signed with the certificate that the API serves', async () => {
    const endpoint = await receiver();
    const topic = await hub.subscribed(`${endpoint.url}/hook`);
    const messageId = await hub.publish(topic, 'hello');
    await eventually('the push', () => endpoint.pushes.length === 1);
    const [push] = endpoint.pushes;
    expect(push?.body).toBe('hello');
    expect(push?.headers.get('x-mns-message-id')).toBe(messageId);
    const url = certificateUrlOf(push!);
    expect(url).toMatch(/\/certificates\/[0-9a-f]{16}\.pem$/);
    const answer = await fetch(url);
    expect(answer.headers.get('content-type')).toContain('application/x-pem-file');
    expect(isSignedBy(push!, await answer.text())).toBe(true);
    expect((await fetch(`${certificates.url}/certificates/0000000000000000.pem`)).status).toBe(404);
  });

  it('remembers each attempt and finds it by message id', async () => {
    const endpoint = await receiver(201);
    const topic = await hub.subscribed(endpoint.url);
    const messageId = await hub.publish(topic, 'hello');
    const log = new AttemptLog(hub.client, hub.deployment);
    const attempts = await eventually('the attempt', async () => {
      const found = await log.find(messageId);
      return found.length === 1 && found;
    });
    expect(attempts[0]).toMatchObject({ messageId, topicName: topic, subscriptionName: 's1', number: 1, outcome: 'delivered', code: 201 });
    expect(attempts[0]?.latencyMillis).toBeLessThan(5_000);
  });

  it('delivers a burst completely and each message once, with at most 32 in flight', async () => {
    const endpoint = await receiver((_push, response) => void setTimeout(() => response.writeHead(204).end(), 5));
    const topic = await hub.subscribed(endpoint.url);
    const bodies = Array.from({ length: 500 }, (_, number) => `message ${number}`);
    await Promise.all(bodies.map((body) => hub.publish(topic, body)));
    await eventually('all pushes', () => endpoint.pushes.length >= bodies.length, { within: 20_000 });
    expect(endpoint.pushes.map(({ body }) => body).sort()).toEqual([...bodies].sort());
    expect(endpoint.mostAtOnce).toBeLessThanOrEqual(32);
    expect(endpoint.mostAtOnce).toBeGreaterThan(8);
  });

  it('retries after 10 s with BACKOFF_RETRY when chance says so', async () => {
    const endpoint = await receiver(500);
    const topic = await hub.subscribed(endpoint.url);
    const messageId = await hub.publish(topic, 'try again');
    await eventually('the first attempt', () => endpoint.pushes.length === 1);
    endpoint.answer = 204;
    await eventually('the second attempt', () => endpoint.pushes.length === 2, { within: 15_000, every: 50 });
    const [first, second] = endpoint.pushes;
    expect(second!.time - first!.time).toBeGreaterThanOrEqual(10_000);
    const log = new AttemptLog(hub.client, hub.deployment);
    await eventually('both attempts are logged', async () => (await log.find(messageId)).length === 2);
    const attempts = await log.find(messageId);
    expect(attempts.map(({ number, outcome, code }) => [number, outcome, code])).toEqual([[1, 'retry', 500], [2, 'delivered', 204]]);
    expect(attempts[0]?.nextAttemptTime).toBeGreaterThanOrEqual(first!.time + 10_000);
  });

  it('retries after 1, 2, 4 seconds with EXPONENTIAL_DECAY_RETRY', async () => {
    const endpoint = await receiver(500);
    const topic = await hub.subscribed(endpoint.url, { notifyStrategy: 'EXPONENTIAL_DECAY_RETRY' });
    const messageId = await hub.publish(topic, 'try again');
    const log = new AttemptLog(hub.client, hub.deployment);
    const attempts = await eventually('four attempts', async () => {
      const logged = await log.find(messageId);
      return logged.length >= 4 ? logged.slice(0, 4) : undefined;
    }, { within: 25_000, every: 50 });
    // What was planned is exact; when it happened depends on the machine, but is never earlier.
    const planned = attempts.map(({ time, latencyMillis, nextAttemptTime = 0 }) => Math.round((nextAttemptTime - time - latencyMillis) / 100) / 10);
    expect(planned).toEqual([1, 2, 4, 8]);
    for (const [index, { nextAttemptTime = 0 }] of attempts.slice(0, 3).entries()) {
      expect(attempts[index + 1]!.time).toBeGreaterThanOrEqual(nextAttemptTime);
    }
    endpoint.answer = 204;
  });

  it('disables the subscription after 410, keeps what it is owed, and goes on when it is resumed', async () => {
    const endpoint = await receiver(410);
    const topic = await hub.subscribed(endpoint.url);
    const subscriptions = new SubscriptionStore(hub.topics, hub.drainQueue);
    const subscription = await hub.topics.getSubscription(ACCOUNT, topic, 's1');
    const messageId = await hub.publish(topic, 'unwanted');
    const log = new AttemptLog(hub.client, hub.deployment);
    const [attempt] = await eventually('the attempt is logged', async () => {
      const found = await log.find(messageId);
      return found.length > 0 && found;
    });
    expect(attempt).toMatchObject({ outcome: 'retry', code: 410, reason: expect.stringContaining('disabled') });
    expect(await subscriptions.getState(subscription)).toMatchObject({ state: 'disabled', pendingDeliveries: 1 });
    expect(await metric('magpie_delivery_endpoint_gone_total')).toBeGreaterThan(0);
    await hub.publish(topic, 'meanwhile');
    endpoint.answer = 204;
    await subscriptions.resume(subscription);
    await eventually('both pushes', () => endpoint.pushes.length === 3);
    expect(endpoint.pushes.map(({ body }) => body).sort()).toEqual(['meanwhile', 'unwanted', 'unwanted']);
  });

  it('keeps what is published while a subscription is paused, over and over, and makes it soon after', async () => {
    const endpoint = await receiver();
    const topic = await hub.subscribed(endpoint.url);
    const subscriptions = new SubscriptionStore(hub.topics, hub.drainQueue);
    const subscription = await hub.topics.getSubscription(ACCOUNT, topic, 's1');
    for (let round = 1; round <= 20; round++) {
      await subscriptions.pause(subscription, 'test');
      // What a push under way has taken before the pause still arrives.
      const before = endpoint.pushes.length;
      await hub.publish(topic, `${round}`);
      expect(endpoint.pushes.length).toBe(before);
      await subscriptions.resume(subscription);
      await eventually('the push', () => endpoint.pushes.length === round, { within: 5_000, every: 2 });
    }
  });

  it('keeps what was given up, makes it again, and brings it to a dead-letter queue', async () => {
    const endpoint = await receiver(500);
    const topic = await hub.subscribed(endpoint.url, { options: { schedule: [] } });
    const subscription = await hub.topics.getSubscription(ACCOUNT, topic, 's1');
    const subscriptions = new SubscriptionStore(hub.topics, hub.drainQueue);
    const failed = new FailedDeliveryStore(hub.topics, hub.drainQueue);
    for (let i = 1; i <= 3; i++) await hub.publish(topic, `${i}`);
    const kept = async (count: number) => (await subscriptions.getState(subscription)).failedDeliveries === count;
    await eventually('all are given up', () => kept(3));
    await failed.startReplay(subscription, { limit: 2, maxPerSecond: 1 });
    await eventually('the end of the replay', async () => (await failed.getReplay(subscription))?.state === 'completed', { within: 35_000, every: 100 });
    await eventually('two more pushes', () => endpoint.pushes.length === 5);
    await eventually('all are given up', () => kept(3));
    await hub.queues.createQueue(ACCOUNT, 'dead', {});
    await hub.topics.setDeliveryOptions(ACCOUNT, topic, 's1', { deadLetterQueue: 'dead' });
    await eventually('the move', () => kept(0), { within: 35_000, every: 100 });
    const letters = await hub.messages.receiveMessages(ACCOUNT, 'dead', { count: 16, waitSeconds: 0 });
    expect(letters.map(({ body }) => body).sort()).toEqual(['1', '2', '3']);
    expect(letters[0]!.userProperties).toContainEqual({ name: 'DLQReason', value: 'HTTP 500', type: 'STRING' });
    expect((await hub.topics.getTopic(ACCOUNT, topic)).messageCount).toBe(0);
  }, 90_000);

  it('puts messages into queues', async () => {
    await hub.queues.createQueue(ACCOUNT, 'inbox', {});
    const topic = await hub.subscribed(`acs:mns:cn-hangzhou:${ACCOUNT}:queues/inbox`, { notifyContentFormat: 'JSON' });
    const messageId = await hub.publish(topic, 'hello');
    const [message] = await eventually('the message', async () => {
      const some = await hub.messages.receiveMessages(ACCOUNT, 'inbox', { count: 1, waitSeconds: 0 });
      return some.length > 0 && some;
    });
    expect(JSON.parse(message!.body)).toMatchObject({ Message: 'hello', MessageId: messageId, TopicName: topic, SubscriptionName: 's1' });
  });

  it('sends mails', async () => {
    const server = await startMailServer();
    const other = await openPublishingSide(redisUrl);
    const channels = environmentChannels({ smtpUrl: server.url, mailFrom: 'hub@example.com' });
    const mailer = await startWorker(workerSettings(redisUrl, other.prefix, { channels }));
    cleanUps.push(() => server.stop(), () => other.stop(), () => mailer.stop());
    const topic = await other.subscribed('mail:directmail:ops@example.com');
    await other.publish(topic, 'hello');
    await eventually('the mail', () => server.mails.length === 1);
    expect(server.mails[0]?.text?.trimEnd()).toBe('hello');
  });

  it('keeps a dead endpoint from delaying a live one', async () => {
    const [dead, live] = [await receiver(() => undefined), await receiver()];
    const deadTopic = await hub.subscribed(dead.url);
    const liveTopic = await hub.subscribed(live.url);
    await Promise.all(Array.from({ length: 200 }, (_, number) => hub.publish(deadTopic, `dead ${number}`)));
    await eventually('the dead endpoint is being tried', () => dead.pushes.length >= 32);
    // Each live push arrives while the dead endpoint keeps its 32 waiting for 5 s.
    for (let number = 0; number < 50; number++) {
      await hub.publish(liveTopic, `live ${number}`);
      await eventually('a live push', () => live.pushes.length === number + 1, { every: 1 });
    }
    expect(dead.mostAtOnce).toBe(32);
  });

  it('leaves an endpoint that fails alone without holding a drain, and is back by itself', async () => {
    const endpoint = await receiver(500);
    const topic = await hub.subscribed(endpoint.url, { notifyStrategy: 'EXPONENTIAL_DECAY_RETRY' });
    const bodies = Array.from({ length: 300 }, (_, number) => `message ${number}`);
    await Promise.all(bodies.map((body) => hub.publish(topic, body)));
    // 32 at once, then one after 1 s and one after 2 s more.
    await eventually('the third pause', () => endpoint.pushes.length >= 34, { within: 15_000, every: 20 });
    expect(endpoint.pushes.length).toBeLessThan(40);
    await eventually('no drain waits', async () => (await metric('magpie_delivery_drains')) === 0);
    expect(await metric('magpie_delivery_paused_endpoints')).toBeGreaterThanOrEqual(1);
    endpoint.answer = 204;
    const owed = async (): Promise<number> => (await hub.topics.getTopic(ACCOUNT, topic)).messageCount;
    await eventually('everything owed is delivered', async () => (await owed()) === 0, { within: 20_000, every: 50 });
    expect(new Set(endpoint.pushes.map(({ body }) => body)).size).toBe(bodies.length);
  });

  it('tells that it is alive and ready, and how it does', async () => {
    expect((await fetch(`${worker.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${worker.url}/readyz`)).status).toBe(200);
    const metrics = await (await fetch(`${worker.url}/metrics`)).text();
    expect(metrics).toMatch(/^magpie_delivery_attempts_total\{channel="http",outcome="delivered"\} [1-9]/m);
    expect(metrics).toContain('magpie_delivery_paused_endpoints');
  });
});
