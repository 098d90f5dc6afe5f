import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeAttempt } from '#delivery/attempt-log.js';
import { Deployment } from '#redis/deployment.js';
import type { RedisClient } from '#redis/redis-client.js';
import { PendingDeliveries } from '#topic/pending-deliveries.js';
import { TopicStore } from '#topic/topic-store.js';
import { REDIS_COMMANDS } from '../../apps/api/injection-tokens.js';
import { drainRun } from '../support/sample-delivery.js';
import { element } from './mns-client.js';
import { ACCOUNT, startApi, type RunningApi } from './running-api.js';

interface FoundDeliveries {
  readonly attempts: readonly { readonly messageId: string; readonly time: number; readonly outcome: string }[];
  readonly nextMarker?: string;
}

const PATH = '/api/v1/topics/news/subscriptions/s1';

describe('management of subscriptions', () => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await startApi();
    await api.client.request('PUT', '/topics/news');
    const body = '<Subscription><Endpoint>http://example.com/hook</Endpoint><FilterTag>vip</FilterTag></Subscription>';
    await api.client.request('PUT', '/topics/news/subscriptions/s1', { body });
  });
  afterAll(() => api.stop());

  const call = async (method: string, path: string, body?: unknown) => {
    const authorization = `Basic ${Buffer.from('contract-key:contract-secret').toString('base64')}`;
    const response = await fetch(api.url + path, { method, headers: { authorization }, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const text = await response.text();
    return { status: response.status, type: response.headers.get('content-type'), json: text === '' ? undefined : JSON.parse(text) };
  };
  const publish = (tag: string) =>
    api.client.request('POST', '/topics/news/messages', {
      body: `<Message><MessageBody>m</MessageBody><MessageTag>${tag}</MessageTag></Message>`,
    });

  /** As a worker would whose endpoint takes nothing. */
  const giveUpAll = () => settleAll('failed');
  const settleAll = async (outcome: 'failed' | 'delivered') => {
    const client = api.app.get<RedisClient>(REDIS_COMMANDS);
    const deployment = api.app.get(Deployment);
    const { pendingQueue } = await api.app.get(TopicStore).getSubscription(ACCOUNT, 'news', 's1');
    const { partition, id } = pendingQueue;
    const epoch = Number(await client.hget(`${deployment.base(partition)}:q:${id}`, 'e'));
    const pending = new PendingDeliveries(client, deployment);
    const reply = await pending.lease(pendingQueue, drainRun(epoch), { count: 100, leaseMillis: 15_000, lastLook: true });
    const facts = { pendingQueueId: id, topicOwner: ACCOUNT, topicName: 'news', subscriptionName: 's1', number: 1, latencyMillis: 1 };
    const settlements = (reply.state === 'leased' ? reply.deliveries : []).map(({ handle, messageId }) => {
      const attempt = encodeAttempt({ ...facts, messageId, time: Date.now(), outcome, ...(outcome === 'failed' && { reason: 'HTTP 500' }) });
      return { handle, outcome, reason: 'HTTP 500', attempt } as const;
    });
    await pending.settle(pendingQueue, settlements);
  };

  it('shows attributes, options and state', async () => {
    const { status, json } = await call('GET', PATH);
    expect([status, json]).toEqual([
      200,
      {
        topicName: 'news',
        name: 's1',
        endpoint: 'http://example.com/hook',
        filterTag: 'vip',
        notifyStrategy: 'BACKOFF_RETRY',
        notifyContentFormat: 'XML',
        createTime: expect.any(Number),
        lastModifyTime: expect.any(Number),
        options: expect.objectContaining({ deadLetterQueue: null, retentionSeconds: 86_400, schedule: null }),
        state: 'enabled',
        reason: null,
        since: null,
        pendingDeliveries: 0,
        oldestPublishTime: null,
        failedDeliveries: 0,
        droppedDeliveries: 0,
        expiredDeliveries: 0,
        keptDeliveries: 0,
      },
    ]);
  });

  it('replaces the options that are named', async () => {
    const set = await call('PUT', PATH, { options: { deadLetterQueue: 'dead', schedule: [1, 2, 3] } });
    expect([set.status, set.json.options]).toMatchObject([200, { deadLetterQueue: 'dead', retentionSeconds: 86_400, schedule: [1, 2, 3] }]);
    const reset = await call('PUT', PATH, { options: { deadLetterQueue: null, retentionSeconds: 3_600 } });
    expect(reset.json.options).toMatchObject({ deadLetterQueue: null, retentionSeconds: 3_600, schedule: [1, 2, 3] });
    const body = '<Subscription><NotifyStrategy>EXPONENTIAL_DECAY_RETRY</NotifyStrategy></Subscription>';
    expect((await api.client.request('PUT', '/topics/news/subscriptions/s1?metaoverride=true', { body })).status).toBe(204);
    expect((await call('GET', PATH)).json).toMatchObject({
      notifyStrategy: 'EXPONENTIAL_DECAY_RETRY',
      options: { retentionSeconds: 3_600, schedule: [1, 2, 3] },
    });
  });

  it('pauses, keeps what is owed meanwhile, and resumes', async () => {
    const paused = await call('POST', `${PATH}/pause`, { reason: 'maintenance' });
    expect([paused.status, paused.json]).toMatchObject([200, { state: 'paused', reason: 'maintenance', since: expect.any(Number) }]);
    for (const tag of ['vip', 'other', 'vip']) await publish(tag);
    const owed = await call('POST', `${PATH}/pause`);
    expect(owed.json).toMatchObject({ state: 'paused', reason: 'maintenance', pendingDeliveries: 2, oldestPublishTime: expect.any(Number) });
    const resumed = await call('POST', `${PATH}/resume`);
    expect([resumed.status, resumed.json]).toMatchObject([200, { state: 'enabled', reason: null, since: null, pendingDeliveries: 2 }]);
    expect((await call('POST', `${PATH}/resume`)).status).toBe(200);
  });

  it('makes again what was given up: one delivery, or all of a span of time', async () => {
    await call('PUT', PATH, { options: { retentionSeconds: null, schedule: null } });
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(element((await publish('vip')).body, 'MessageId')!);
    await giveUpAll();
    expect((await call('GET', PATH)).json).toMatchObject({ pendingDeliveries: 0, failedDeliveries: 5 });
    const { deliveries } = (await call('GET', `${PATH}/failed`)).json as { deliveries: { messageId: string }[] };
    expect(deliveries.map(({ messageId }) => messageId)).toEqual(expect.arrayContaining(ids));
    const facts = { messageTag: 'vip', reason: 'HTTP 500', attempts: 1, time: expect.any(Number), publishTime: expect.any(Number), bytes: expect.any(Number) };
    for (const delivery of deliveries) expect(delivery).toEqual({ messageId: delivery.messageId, ...facts });
    const { nextMarker } = (await call('GET', `${PATH}/failed?limit=2`)).json;
    expect((await call('GET', `${PATH}/failed?limit=100&marker=${nextMarker}`)).json).toEqual({ deliveries: deliveries.slice(2) });
    expect((await call('GET', `${PATH}/failed?until=5`)).json).toEqual({ deliveries: [] });
    expect((await call('GET', `${PATH}/delivered`)).json).toEqual({ deliveries: [] });

    const replayed = await call('POST', `/api/v1/deliveries/${ids[1]}/replay?subscription=s1`);
    expect([replayed.status, replayed.json]).toEqual([202, { messageId: ids[1], topicName: 'news', subscriptionName: 's1' }]);
    expect((await call('POST', `/api/v1/deliveries/${ids[1]}/replay?subscription=s1`)).json).toMatchObject({ status: 404, code: 'NotFound' });
    expect((await call('POST', `/api/v1/deliveries/${ids[1]}/replay?subscription=none`)).json).toMatchObject({ status: 404, code: 'NotFound' });
    expect((await call('POST', `/api/v1/deliveries/${ids[1]}/replay`)).json).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect((await call('POST', '/api/v1/deliveries/x/replay?subscription=s1')).json).toMatchObject({ status: 400, code: 'InvalidArgument' });

    expect((await call('GET', `${PATH}/replay`)).json).toMatchObject({ status: 404, code: 'NotFound' });
    const started = await call('POST', `${PATH}/replay`, { from: 0, limit: 3, maxPerSecond: 1 });
    const running = { state: 'running', outcome: 'failed', maxPerSecond: 1, totalDeliveries: 3, replayedDeliveries: 1, endTime: null };
    expect([started.status, started.json]).toMatchObject([202, running]);
    expect((await call('POST', `${PATH}/replay`)).json).toMatchObject({ status: 409, code: 'Conflict' });
    expect((await call('DELETE', `${PATH}/replay`)).status).toBe(204);
    expect((await call('GET', `${PATH}/replay`)).json).toMatchObject({ state: 'cancelled', endTime: expect.any(Number) });
    const all = await call('POST', `${PATH}/replay`);
    expect(all.json).toMatchObject({ state: 'completed', totalDeliveries: 3, replayedDeliveries: 3 });
    expect((await call('GET', PATH)).json).toMatchObject({ pendingDeliveries: 5, failedDeliveries: 0 });
  });

  it('keeps what was delivered where it is told so, and makes it again', async () => {
    const refusal = { status: 409, code: 'Conflict', detail: expect.stringContaining('keepDelivered') };
    const forgotten = element((await publish('vip')).body, 'MessageId')!;
    await settleAll('delivered');
    expect((await call('POST', `/api/v1/deliveries/${forgotten}/replay?subscription=s1`)).json).toMatchObject(refusal);
    expect((await call('PUT', PATH, { options: { keepDelivered: 60 } })).json.options).toMatchObject({ keepDelivered: 60 });
    const id = element((await publish('vip')).body, 'MessageId')!;
    await settleAll('delivered');
    expect((await call('GET', PATH)).json).toMatchObject({ keptDeliveries: 1, pendingDeliveries: 0 });
    expect((await call('GET', `${PATH}/delivered`)).json).toMatchObject({ deliveries: [{ messageId: id, messageTag: 'vip', attempts: 1 }] });
    expect((await call('POST', `/api/v1/deliveries/${forgotten}/replay?subscription=s1`)).json).toMatchObject({ status: 404, code: 'NotFound' });
    expect((await call('POST', `/api/v1/deliveries/${id}/replay?subscription=s1&topic=news`)).status).toBe(202);
    await settleAll('delivered');
    const replay = await call('POST', `${PATH}/replay`, { outcome: 'delivered' });
    expect(replay.json).toMatchObject({ state: 'completed', outcome: 'delivered', totalDeliveries: 1, replayedDeliveries: 1 });
    expect((await call('GET', PATH)).json).toMatchObject({ keptDeliveries: 0, pendingDeliveries: 1 });
    await call('PUT', PATH, { options: { keepDelivered: null } });
  });

  it('finds attempts by subscription, outcome and time, in pages', async () => {
    const find = async (query: string) => (await call('GET', `/api/v1/deliveries?${query}`)).json as FoundDeliveries;
    const all = await find('topic=news&subscription=s1&outcome=failed');
    expect(all.attempts.length).toBeGreaterThanOrEqual(5);
    expect(all).not.toHaveProperty('nextMarker');
    const times = all.attempts.map(({ time }) => time);
    expect(times).toEqual(times.toSorted((one, other) => other - one));
    const first = await find('topic=news&outcome=failed&limit=2');
    const second = await find(`topic=news&outcome=failed&limit=1000&marker=${first.nextMarker}`);
    expect([...first.attempts, ...second.attempts]).toEqual(all.attempts);
    const every = (await find('topic=news')).attempts;
    expect(every.filter(({ outcome }) => outcome === 'failed')).toEqual(all.attempts);
    expect(every.length).toBeGreaterThan(all.attempts.length);
    expect(await find(`topic=news&until=${times.at(-1)! - 1}`)).toEqual({ attempts: [] });
    expect(await find('topic=news&outcome=confirmed')).toEqual({ attempts: [] });
    expect(await find('topic=other')).toEqual({ attempts: [] });
    const { messageId } = all.attempts[0]!;
    expect(await find(`messageId=${messageId}&subscription=s1&outcome=failed`)).toEqual({ messageId, attempts: [all.attempts[0]] });
    expect(await find(`messageId=${messageId}&subscription=s2`)).toEqual({ messageId, attempts: [] });
  });

  it.each<[number, string, string, string, unknown]>([
    [400, 'InvalidArgument', 'GET', '/api/v1/deliveries', undefined],
    [400, 'InvalidArgument', 'GET', '/api/v1/deliveries?subscription=s1', undefined],
    [400, 'InvalidArgument', 'GET', '/api/v1/deliveries?topic=news&outcome=lost', undefined],
    [400, 'InvalidArgument', 'GET', '/api/v1/deliveries?topic=news&marker=x', undefined],
    [400, 'InvalidArgument', 'GET', '/api/v1/deliveries?topic=news&limit=0', undefined],
    [400, 'InvalidArgument', 'GET', '/api/v1/deliveries?topic=news&since=5&until=4', undefined],
    [400, 'TopicNameInvalid', 'GET', '/api/v1/deliveries?topic=!', undefined],
    [400, 'InvalidArgument', 'PUT', PATH, { options: { retentionSeconds: 1 } }],
    [400, 'InvalidArgument', 'PUT', PATH, { options: { misspelt: 1 } }],
    [400, 'InvalidArgument', 'PUT', PATH, { options: { schedule: [50_000] } }],
    [400, 'InvalidArgument', 'PUT', PATH, { options: null }],
    [400, 'InvalidArgument', 'PUT', PATH, { endpoint: 'http://example.com/' }],
    [400, 'InvalidQueueName', 'PUT', PATH, { options: { deadLetterQueue: '!' } }],
    [400, 'InvalidArgument', 'PUT', PATH, { options: { keepDelivered: 604_801 } }],
    [400, 'InvalidArgument', 'PUT', PATH, { options: { batch: { size: 1 } } }],
    // Its format is XML.
    [400, 'InvalidArgument', 'PUT', PATH, { options: { batch: { size: 10 } } }],
    [400, 'InvalidArgument', 'GET', `${PATH}/failed?limit=101`, undefined],
    [400, 'InvalidArgument', 'GET', `${PATH}/failed?marker=x`, undefined],
    [404, 'SubscriptionNotExist', 'GET', '/api/v1/topics/news/subscriptions/none/failed', undefined],
    [400, 'InvalidArgument', 'POST', `${PATH}/replay`, { outcome: 'retry' }],
    [409, 'Conflict', 'POST', `${PATH}/replay`, { outcome: 'delivered' }],
    [400, 'InvalidArgument', 'POST', `${PATH}/pause`, { reason: 5 }],
    [400, 'InvalidArgument', 'POST', `${PATH}/replay`, { from: 5, to: 4 }],
    [400, 'InvalidArgument', 'POST', `${PATH}/replay`, { from: 'yesterday' }],
    [400, 'InvalidArgument', 'POST', `${PATH}/replay`, { limit: 0 }],
    [400, 'InvalidArgument', 'POST', `${PATH}/replay`, { maxPerSecond: 1_001 }],
    [404, 'SubscriptionNotExist', 'POST', '/api/v1/topics/news/subscriptions/none/replay', undefined],
    [404, 'SubscriptionNotExist', 'GET', '/api/v1/topics/news/subscriptions/none', undefined],
    [404, 'SubscriptionNotExist', 'PUT', '/api/v1/topics/news/subscriptions/none', {}],
    [404, 'SubscriptionNotExist', 'POST', '/api/v1/topics/news/subscriptions/none/resume', undefined],
    [404, 'TopicNotExist', 'GET', '/api/v1/topics/none/subscriptions/s1', undefined],
    [400, 'SubscriptionNameInvalid', 'GET', '/api/v1/topics/news/subscriptions/!', undefined],
  ])('answers %d %s to %s %s', async (status, code, method, path, body) => {
    expect(await call(method, path, body)).toMatchObject({ status, type: 'application/problem+json', json: { status, code } });
  });
});
