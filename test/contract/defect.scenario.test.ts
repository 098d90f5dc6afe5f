import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { QueueStore } from '#queue/queue-store.js';
import { eventually } from '../support/eventually.js';
import { startRedis } from '../support/redis-server.js';
import { expectMnsError, outcomeOf } from './documents.js';
import { element, exactHeader } from './mns-client.js';
import { startApi, type RunningApi } from './running-api.js';

describe('a defect of ours', () => {
  let api: RunningApi;
  const lines: Record<string, unknown>[] = [];
  beforeEach(async () => {
    lines.length = 0;
    const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
    api = await startApi({ logger: pino({ level: 'error' }, { write }) });
    api.app.get(QueueStore).getQueue = () => Promise.reject(new Error('the secret is 42'));
  });
  afterEach(() => api.stop());

  it('is answered InternalError, logged with the id of the request, and not explained to strangers', async () => {
    const response = await api.client.request('GET', '/queues/q');
    expectMnsError(response, 500, 'InternalError', 'Internal error.', api.url);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      requestId: exactHeader(response, 'x-mns-request-id'),
      operation: 'GetQueueAttributes',
      url: '/queues/q',
      err: { message: 'the secret is 42', stack: expect.any(String) },
    });
  });

  it('is a problem document on the management interface', async () => {
    const response = await api.client.request('GET', '/api/v1/queues/q');
    expect([response.status, exactHeader(response, 'Content-Type')]).toEqual([500, 'application/problem+json']);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'InternalError', detail: 'Internal error.' });
  });
});

describe('a Redis that is full', () => {
  it('refuses what would be stored, with Retry-After, and lets everything else go on', async () => {
    const redis = await startRedis();
    const api = await startApi({ redisUrl: redis.url });
    const admin = new Redis(redis.url);
    const send = () => api.client.request('POST', '/queues/q/messages', { body: '<Message><MessageBody>m</MessageBody></Message>' });
    try {
      await api.client.request('PUT', '/queues/q');
      await send();
      await admin.config('SET', 'maxmemory', '1');
      const refused = await send();
      expect(outcomeOf(refused)).toBe('503 ServiceUnavailable');
      expect(Number(exactHeader(refused, 'Retry-After'))).toBeGreaterThan(0);
      const ready = await fetch(`${api.url}/readyz`);
      expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', refusing: 'new messages', reason: expect.any(String) }]);
      const received = await api.client.request('GET', '/queues/q/messages');
      expect(received.status).toBe(200);
      const handle = element(received.body, 'ReceiptHandle');
      expect((await api.client.request('DELETE', `/queues/q/messages?ReceiptHandle=${handle}`)).status).toBe(204);
      await admin.config('SET', 'maxmemory', '0');
      await eventually('sends are taken again', async () => (await send()).status === 201);
    } finally {
      admin.disconnect();
      await api.stop();
      await redis.stop();
    }
  });
});
