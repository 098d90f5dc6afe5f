import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SecretBox } from '#access/secret-box.js';
import { AttemptLog } from '#delivery/attempt-log.js';
import { sealContext } from '#delivery/http-options.js';
import { PushCertificate } from '#delivery/push-certificate.js';
import { webhookHeaders, webhookKey } from '#delivery/webhook-signature.js';
import { eventually } from '../support/eventually.js';
import { isSignedBy, startPushReceiver, type PushReceiver, type ReceivedPush } from '../support/push-receiver.js';
import { openPublishingSide, SECRET_KEY, startWorker, workerSettings } from '../support/running-worker.js';
import type { PublishingSide, RunningWorker } from '../support/running-worker.js';
import { ACCOUNT } from '../support/sample-delivery.js';

const redisUrl = process.env['MAGPIE_TEST_REDIS_URL']!;
const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;

interface Document {
  readonly MessageId: string;
  readonly Message: string;
}

describe('batches', () => {
  let hub: PublishingSide;
  let worker: RunningWorker;
  const receivers: PushReceiver[] = [];
  beforeAll(async () => {
    hub = await openPublishingSide(redisUrl);
    worker = await startWorker(workerSettings(redisUrl, hub.prefix), { random: () => 0 });
  });
  afterAll(async () => {
    await worker.stop();
    await hub.stop();
  });
  afterEach(async () => {
    for (const receiver of receivers.splice(0)) await receiver.stop();
  });

  const subscribed = async (options: Record<string, unknown>) => {
    const receiver = await startPushReceiver();
    receivers.push(receiver);
    const topic = await hub.subscribed(`${receiver.url}/hook`, { notifyContentFormat: 'JSON' });
    const box = new SecretBox(SECRET_KEY);
    await hub.topics.setDeliveryOptions(ACCOUNT, topic, 's1', options, (secret, purpose) => box.seal(secret, sealContext(ACCOUNT, topic, 's1', purpose)));
    return { receiver, topic };
  };
  const arrayOf = ({ body }: ReceivedPush) => JSON.parse(body) as Document[];
  const publishAll = (topic: string, count: number) => Promise.all(Array.from({ length: count }, (_, index) => hub.publish(topic, `m${index}`)));

  it('carry all messages, several in each push, signed as a whole', async () => {
    const { receiver, topic } = await subscribed({ batch: { size: 50, waitMillis: 200 }, signature: 'both', signingSecrets: [SECRET] });
    const ids = await publishAll(topic, 300);
    await eventually('all messages', () => receiver.pushes.flatMap(arrayOf).length >= 300);
    const documents = receiver.pushes.flatMap(arrayOf);
    expect(new Set(documents.map(({ MessageId }) => MessageId))).toEqual(new Set(ids));
    expect(documents).toHaveLength(300);
    expect(receiver.pushes.length).toBeLessThan(60);
    expect(Math.max(...receiver.pushes.map((push) => arrayOf(push).length))).toBe(50);
    const { pem } = await PushCertificate.open(hub.client, hub.prefix, new SecretBox(SECRET_KEY));
    for (const push of receiver.pushes) {
      expect(push.headers.get('x-mns-batch-size')).toBe(String(arrayOf(push).length));
      expect(push.headers.get('Content-Type')).toBe('text/json;charset=utf-8');
      expect(isSignedBy(push, pem)).toBe(true);
      const id = push.headers.get('webhook-id')!;
      expect(id).toMatch(/^batch_[0-9a-f]{32}$/);
      const now = Number(push.headers.get('webhook-timestamp')) * 1_000;
      const expected = Object.fromEntries(webhookHeaders(id, now, push.body, [webhookKey(SECRET)]));
      expect(push.headers.get('webhook-signature')).toBe(expected['webhook-signature']);
    }
  });

  it('come as lines where that is asked for, a lone message too', async () => {
    const { receiver, topic } = await subscribed({ batch: { size: 10, form: 'lines' } });
    const id = await hub.publish(topic, 'two\nlines');
    await eventually('the push', () => receiver.pushes.length === 1);
    const [push] = receiver.pushes;
    expect(push!.headers.get('Content-Type')).toBe('application/x-ndjson;charset=utf-8');
    expect(push!.body.endsWith('}\n')).toBe(true);
    expect(push!.body.trimEnd().split('\n').map((line) => JSON.parse(line) as Document)).toMatchObject([{ MessageId: id, Message: 'two\nlines' }]);
  });

  it('that are refused are tried again as a whole, in smaller ones, and each message has its own attempts', async () => {
    const { receiver, topic } = await subscribed({ batch: { size: 8, waitMillis: 100 }, schedule: [0, 0, 0, 0, 0] });
    receiver.answer = (push, response) => void response.writeHead(arrayOf(push).some(({ Message }) => Message === 'm3') ? 400 : 204).end();
    const ids = await publishAll(topic, 8);
    const log = new AttemptLog(hub.client, hub.deployment);
    await eventually('the give-up', async () => (await log.find(ids[3]!)).at(-1)?.outcome === 'failed');
    for (const [index, id] of ids.entries()) {
      const attempts = await eventually('the last attempt', async () => {
        const found = await log.find(id);
        return found.at(-1)?.outcome === (index === 3 ? 'failed' : 'delivered') ? found : undefined;
      });
      expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, at) => at + 1));
      if (index === 3) expect(attempts.map(({ code }) => code)).toEqual([400, 400, 400, 400, 400, 400]);
      else expect(attempts.length).toBeLessThan(5);
    }
  });

  it('to an endpoint that is gone wait all together', async () => {
    const { receiver, topic } = await subscribed({ batch: { size: 5, waitMillis: 100 } });
    receiver.answer = 410;
    await publishAll(topic, 5);
    const key = await hub.topics.getSubscription(ACCOUNT, topic, 's1');
    const state = `${hub.deployment.base(key.pendingQueue.partition)}:q:${key.pendingQueue.id}`;
    await eventually('the disabling', async () => (await hub.client.hget(state, 'ps')) === 'disabled');
    await eventually('the settlement', async () => (await hub.client.zcard(`${state}:l`)) === 0);
    expect((await hub.client.zcard(`${state}:d`)) + (await hub.client.zcard(`${state}:r`))).toBe(5);
  });
});
