import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { expectMnsError, outcomeOf } from './documents.js';
import { element, exactHeader } from './mns-client.js';
import { startApi, type RunningApi } from './running-api.js';

const MESSAGE =
  'The message store did not answer, the request may or may not have been carried out. Please try again.';

describe('while Redis is away', () => {
  let redis: RedisServer;
  let api: RunningApi;
  beforeAll(async () => {
    redis = await startRedis({ appendOnly: true });
    api = await startApi({ redisUrl: redis.url });
    await api.client.request('PUT', '/queues/q');
    await api.client.request('PUT', '/topics/t');
  });
  afterAll(async () => {
    await api.stop();
    await redis.stop();
  });

  const send = (text: string) =>
    api.client.request('POST', '/queues/q/messages', { body: `<Message><MessageBody>${text}</MessageBody></Message>` });

  it('requests are answered 503 with Retry-After, and what was acknowledged is there when it is back', async () => {
    const acknowledged = new Set<string>();
    for (let i = 0; i < 20; i++) if ((await send(`before-${i}`)).status === 201) acknowledged.add(`before-${i}`);
    const poll = api.client.request('GET', '/queues/q/messages?waitseconds=1&peekonly=true');
    await poll;

    // Some of these are under way when the server dies.
    const underWay = Array.from({ length: 50 }, async (_, i) => {
      const response = await send(`during-${i}`);
      if (response.status === 201) acknowledged.add(`during-${i}`);
      return outcomeOf(response);
    });
    await redis.kill9();
    for (const outcome of await Promise.all(underWay)) expect(['201', '503 ServiceUnavailable']).toContain(outcome);

    const refused = [
      await send('away'),
      await api.client.request('GET', '/queues/q/messages'),
      await api.client.request('GET', '/queues/q/messages?waitseconds=5'),
      await api.client.request('GET', '/queues/q'),
      await api.client.request('GET', '/queues'),
      await api.client.request('PUT', '/queues/another'),
      await api.client.request('POST', '/topics/t/messages', { body: '<Message><MessageBody>m</MessageBody></Message>' }),
      await api.client.request('GET', '/?accountmeta=true'),
    ];
    for (const response of refused) {
      expectMnsError(response, 503, 'ServiceUnavailable', MESSAGE, api.url);
      expect(Number(exactHeader(response, 'Retry-After'))).toBeGreaterThan(0);
    }
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${api.url}/readyz`)).status).toBe(503);

    await redis.restart();
    await eventually('the API is ready again', async () => (await fetch(`${api.url}/readyz`)).status === 200, { within: 10_000 });
    const found = new Set<string>();
    for (;;) {
      const received = await api.client.request('GET', '/queues/q/messages?numOfMessages=16&waitseconds=0');
      if (received.status === 404) break;
      for (const match of received.body.matchAll(/<MessageBody>([^<]*)</g)) found.add(match[1]!);
    }
    for (const text of acknowledged) expect(found).toContain(text);
  });

  it('a poll that waits goes on waiting or is answered 503, and a message that is sent afterwards arrives', async () => {
    const poll = api.client.request('GET', '/queues/q/messages?waitseconds=20');
    await eventually('the poll waits', async () => (await metric(api.url, 'magpie_api_open_polls')) === 1);
    await redis.kill9();
    await redis.restart();
    await eventually('the API is ready again', async () => (await fetch(`${api.url}/readyz`)).status === 200, { within: 10_000 });
    await send('after');
    let answer = await poll;
    // It looked again as soon as its wake-ups were back, which may be before commands are.
    if (outcomeOf(answer) === '503 ServiceUnavailable') answer = await api.client.request('GET', '/queues/q/messages?waitseconds=20');
    expect([answer.status, element(answer.body, 'MessageBody')]).toEqual([200, 'after']);
  });
});

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}
