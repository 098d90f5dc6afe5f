import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { eventually } from '../support/eventually.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import * as alicloudMns from './conformance/alicloud-mns.js';
import * as aliMns from './conformance/ali-mns.js';
import * as javaSdk from './conformance/java-sdk.js';
import { Refusal, type Endpoint, type MnsScenarioClient } from './conformance/operations.js';
import * as pythonSdk from './conformance/python-sdk.js';
import { expectMnsError, outcomeOf } from './documents.js';
import { element, exactHeader, type MnsResponse } from './mns-client.js';
import { ACCOUNT, startApi, type RunningApi } from './running-api.js';

const FULL = 'The message store is full: nothing new is stored until messages are received and deleted. Please try again later.';
const MEGABYTE = 1_048_576;
const MESSAGE = `<Message><MessageBody>${randomBytes(3_000).toString('base64')}</MessageBody></Message>`;
const BATCH = `<Messages>${MESSAGE.repeat(15)}</Messages>`;

let redis: RedisServer;
let api: RunningApi;
const log: { level: number; msg: string }[] = [];
const call = (method: string, target: string, body?: string): Promise<MnsResponse> =>
  api.client.request(method, target, body === undefined ? {} : { body });

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${api.url}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
}

/** Sends batches until one is refused. */
async function fill(): Promise<MnsResponse> {
  for (let sent = 0; sent < 2_000; sent++) {
    const response = await call('POST', '/queues/q/messages', BATCH);
    if (response.status !== 201) return response;
  }
  throw new Error('nothing was refused');
}

/** Receives and deletes until `enough`. */
async function drain(enough: () => Promise<boolean>): Promise<void> {
  while (!(await enough())) {
    const { body, status } = await call('GET', '/queues/q/messages?numOfMessages=16&waitseconds=0');
    if (status === 404) return;
    const handles = Array.from(body.matchAll(/<ReceiptHandle>[^<]+<\/ReceiptHandle>/g), ([handle]) => handle);
    expect(outcomeOf(await call('DELETE', '/queues/q/messages', `<ReceiptHandles>${handles.join('')}</ReceiptHandles>`))).toBe('204');
  }
}

beforeAll(async () => {
  redis = await startRedis({ args: ['--maxmemory', String(30 * MEGABYTE), '--maxmemory-policy', 'noeviction'] });
  const logger = pino({ level: 'info' }, { write: (line: string) => log.push(JSON.parse(line) as { level: number; msg: string }) });
  api = await startApi({ redisUrl: redis.url, logger });
  for (const path of ['/queues/q', '/topics/t']) await call('PUT', path);
  const subscription = `<Subscription><Endpoint>acs:mns:cn-hangzhou:${ACCOUNT}:queues/q</Endpoint></Subscription>`;
  await call('PUT', '/topics/t/subscriptions/s', subscription);
});
afterAll(async () => {
  await api.stop();
  await redis.stop();
});

describe('while the memory of Redis is above the high-water mark', () => {
  it('is refused what stores something, before Redis itself is full', async () => {
    expect(await metric('magpie_redis_refusing')).toBe(0);
    const refused = await fill();
    expectMnsError(refused, 503, 'ServiceUnavailable', FULL, api.url);
    expect(exactHeader(refused, 'Retry-After')).toBe('5');
    expect(await metric('magpie_redis_refusing')).toBe(1);
    expect(await metric('magpie_redis_memory_mark_bytes')).toBe(0.85 * 30 * MEGABYTE);
    expect(await metric('magpie_redis_memory_used_bytes')).toBeLessThan(30 * MEGABYTE);
    const subscription = `<Subscription><Endpoint>acs:mns:cn-hangzhou:${ACCOUNT}:queues/q</Endpoint></Subscription>`;
    const others = [
      await call('POST', '/queues/q/messages', MESSAGE),
      await call('POST', '/topics/t/messages', MESSAGE),
      await call('PUT', '/queues/new'),
      await call('PUT', '/topics/new'),
      await call('PUT', '/topics/t/subscriptions/new', subscription),
    ];
    for (const response of others) expectMnsError(response, 503, 'ServiceUnavailable', FULL, api.url);
    expect(await metric('magpie_redis_refused_total')).toBe(6);
  });

  it('what is there already can be made sure of', async () => {
    const subscription = `<Subscription><Endpoint>acs:mns:cn-hangzhou:${ACCOUNT}:queues/q</Endpoint></Subscription>`;
    expect(outcomeOf(await call('PUT', '/queues/q'))).toBe('204');
    expect(outcomeOf(await call('PUT', '/topics/t'))).toBe('204');
    expect(outcomeOf(await call('PUT', '/topics/t/subscriptions/s', subscription))).toBe('204');
    expect(outcomeOf(await call('PUT', '/topics/gone/subscriptions/s', subscription))).toBe('404 TopicNotExist');
    const other = '<Queue><VisibilityTimeout>77</VisibilityTimeout></Queue>';
    expect(outcomeOf(await call('PUT', '/queues/q', other))).toBe('409 QueueAlreadyExist');
  });

  it('the process is ready and says what it refuses', async () => {
    const response = await fetch(`${api.url}/readyz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ready', refusing: 'new messages', reason: expect.stringMatching(/of 30\.0 MB, more than its high-water mark of 25\.5 MB$/) });
  });

  it('SDKs tell the code', async () => {
    const endpoint: Endpoint = { url: api.url, account: ACCOUNT, ...api.credentials };
    const [python, ...java] = [
      { sdk: await pythonSdk.prepare(), open: pythonSdk.open },
      ...(['2.0.0', '1.1.9.1'] as const).map((version) => {
        const choice = { version, signature: 'V2' } as const;
        return { sdk: javaSdk.prepare(choice), open: (to: Endpoint, directory: string) => javaSdk.open(to, directory, choice) };
      }),
    ];
    const clients: MnsScenarioClient[] = [new alicloudMns.AlicloudMns(endpoint), new aliMns.AliMns(endpoint)];
    for (const { sdk, open } of [python, ...java]) {
      const prepared = await sdk;
      if ('directory' in prepared) clients.push(open(endpoint, prepared.directory));
    }
    for (const client of clients) {
      const refusal: unknown = await client.call('sendMessage', { queue: 'q', body: 'm' }).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(Refusal);
      expect(refusal).toMatchObject({ code: 'ServiceUnavailable' });
      const published: unknown = await client.call('publishMessage', { topic: 't', body: 'm' }).catch((error: unknown) => error);
      expect(published).toMatchObject({ code: 'ServiceUnavailable' });
    }
    await Promise.all(clients.map((client) => client.stop()));
  }, 60_000);

  it('messages are received, kept, shown, deleted and purged, and there is room again', async () => {
    const received = await call('GET', '/queues/q/messages');
    const changed = await call('PUT', `/queues/q/messages?ReceiptHandle=${element(received.body, 'ReceiptHandle')}&VisibilityTimeout=60`);
    expect(outcomeOf(changed)).toBe('200');
    expect(outcomeOf(await call('GET', '/queues/q/messages?peekonly=true'))).toBe('200');
    expect(outcomeOf(await call('PUT', '/queues/q?metaoverride=true', '<Queue><VisibilityTimeout>40</VisibilityTimeout></Queue>'))).toBe('204');
    expect(outcomeOf(await call('DELETE', `/queues/q/messages?ReceiptHandle=${element(changed.body, 'ReceiptHandle')}`))).toBe('204');

    await drain(async () => (await metric('magpie_redis_memory_used_bytes')) < 0.8 * 30 * MEGABYTE);
    await eventually('sends are taken again', async () => (await call('POST', '/queues/q/messages', MESSAGE)).status === 201);
    expect(await metric('magpie_redis_refusing')).toBe(0);
    expect(await (await fetch(`${api.url}/readyz`)).json()).toEqual({ status: 'ready' });
    const said = log.filter(({ msg }) => msg.startsWith('memory of Redis'));
    expect(said).toMatchObject([
      { level: 40, msg: 'memory of Redis is above the high-water mark: new messages are refused' },
      { level: 30, msg: 'memory of Redis is below the high-water mark again: new messages are taken' },
    ]);
  }, 30_000);

  it('a queue that fills it can be deleted', async () => {
    expect(outcomeOf(await fill())).toBe('503 ServiceUnavailable');
    expect(outcomeOf(await call('DELETE', '/queues/q'))).toBe('204');
    await eventually('queues are made again', async () => (await call('PUT', '/queues/q')).status === 201);
    expect(outcomeOf(await call('POST', '/queues/q/messages', BATCH))).toBe('201');
  }, 30_000);
});
