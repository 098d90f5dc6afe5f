import 'reflect-metadata';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connectRedis } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { ManagementClient } from '../contract/management-client.js';
import { startApi, type RunningApi } from '../contract/running-api.js';
import { eventually } from '../support/eventually.js';
import { startPushReceiver, type PushReceiver } from '../support/push-receiver.js';
import { SECRET_KEY, startWorker, workerSettings, type RunningWorker } from '../support/running-worker.js';
import { makeServerCertificate } from '../support/server-certificate.js';

const redisUrl = process.env['MAGPIE_TEST_REDIS_URL']!;
const SECRET = `whsec_${randomBytes(32).toString('base64')}`;

describe('a subscription with secrets', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  let api: RunningApi;
  let worker: RunningWorker;
  let management: ManagementClient;
  let topics = 0;
  beforeAll(async () => {
    const keyPrefix = `test-${randomBytes(6).toString('hex')}`;
    api = await startApi({ keyPrefix, secretKey: SECRET_KEY });
    worker = await startWorker(workerSettings(redisUrl, keyPrefix, { pushAllow: ['127.0.0.1'] }));
    management = new ManagementClient(api.url, api.credentials);
  });
  afterAll(async () => {
    await worker.stop();
    await api.stop();
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function receiver(): Promise<PushReceiver> {
    const started = await startPushReceiver();
    cleanUps.push(() => started.stop());
    return started;
  }

  /** @returns the path of the subscription in the management interface */
  async function subscribed(endpoint: string): Promise<string> {
    const topic = `secure-${topics++}`;
    await api.client.request('PUT', `/topics/${topic}`);
    const body = `<Subscription><Endpoint>${endpoint}</Endpoint><NotifyContentFormat>SIMPLIFIED</NotifyContentFormat></Subscription>`;
    expect((await api.client.request('PUT', `/topics/${topic}/subscriptions/s1`, { body })).status).toBe(201);
    return `topics/${topic}/subscriptions/s1`;
  }

  /** Every record that Redis holds, as one text. */
  async function stored(): Promise<string> {
    const client = connectRedis(redisUrl, { role: 'commands', logger: silentLogger });
    try {
      await once(client, 'ready');
      const keys = await client.keys(`${api.settings.keyPrefix}:*`);
      const hashes = keys.map(async (key) => ((await client.type(key)) === 'hash' ? JSON.stringify(await client.hgetall(key)) : ''));
      return (await Promise.all(hashes)).join('\n');
    } finally {
      client.disconnect();
    }
  }

  it('never shows them again and keeps them encrypted', async () => {
    const path = await subscribed('https://hooks.example.com/');
    const { cert, key } = makeServerCertificate('Client');
    const options = {
      headers: { 'X-Team': 'ops', 'X-Token': { secret: 'hush-hush-hush' } },
      signature: 'hmac',
      signingSecrets: [SECRET],
      clientCertificate: { certificate: cert, key },
    };
    const put = await management.call('PUT', path, { options });
    expect(put.status).toBe(200);
    expect(put.json.options).toMatchObject({
      headers: { 'X-Team': 'ops', 'X-Token': { secret: true } },
      signature: 'hmac',
      signingSecrets: [{ secret: true }],
      clientCertificate: { certificate: cert, key: { secret: true } },
    });
    expect(await stored()).toContain('X-Team');
    const shown = JSON.stringify([put.json, (await management.call('GET', path)).json, await stored()]);
    for (const secret of ['hush-hush-hush', SECRET.slice(6), key.split('\n')[3]!]) expect(shown).not.toContain(secret);
    const again = await management.call('PUT', path, { options: put.json.options });
    expect([again.status, again.json.options]).toEqual([200, put.json.options]);
    const refused = await management.call('PUT', path, { options: { signingSecrets: null } });
    expect([refused.status, refused.json.code]).toEqual([400, 'InvalidArgument']);
  });

  it('is pushed to with its own headers and signature, and the answer stands in the attempt log', async () => {
    const endpoint = await receiver();
    endpoint.answer = (_push, response) => void response.writeHead(202).end('queued as 7');
    const path = await subscribed(`${endpoint.url}/hook`);
    await management.call('PUT', path, { options: { signature: 'hmac', signingSecrets: [SECRET], headers: { Authorization: { secret: 'Bearer 5' } } } });
    const topic = path.split('/')[1]!;
    const published = await api.client.request('POST', `/topics/${topic}/messages`, { body: '<Message><MessageBody>hello</MessageBody></Message>' });
    const messageId = /<MessageId>(\w+)</.exec(published.body)![1]!;
    await eventually('the push', () => endpoint.pushes.length === 1);
    const [push] = endpoint.pushes;
    expect(push?.headers.get('Authorization')).toBe('Bearer 5');
    expect(push?.headers.get('webhook-id')).toBe(messageId);
    const signed = `${messageId}.${push?.headers.get('webhook-timestamp')}.hello`;
    const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
    expect(push?.headers.get('webhook-signature')).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
    const attempts = await eventually('the attempt', async () => {
      const found = (await management.call('GET', `deliveries?messageId=${messageId}`)).json.attempts as unknown[];
      return found.length === 1 && found;
    });
    expect(attempts[0]).toMatchObject({ outcome: 'delivered', code: 202, answer: 'queued as 7' });
  });

  it('is tested: one push now, and the whole exchange without the secrets', async () => {
    const endpoint = await receiver();
    endpoint.answer = (_push, response) => void response.writeHead(500, { 'X-Reason': 'full' }).end('no room');
    const path = await subscribed(`${endpoint.url}/hook`);
    await management.call('PUT', path, { options: { headers: { 'X-Token': { secret: 'hush' } } } });
    const { status, json } = await management.call('POST', `${path}/test`, { message: 'knock knock', messageTag: 'vip' });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      outcome: 'retryable',
      channel: 'http',
      code: 500,
      reason: 'HTTP 500',
      messageId: expect.stringMatching(/^[0-9A-F]{32}$/),
      latencyMillis: expect.any(Number),
      exchange: { request: { method: 'POST', url: `${endpoint.url}/hook`, body: 'knock knock' }, response: { status: 500, body: 'no room' } },
    });
    expect(json.exchange.request.headers).toContainEqual(['X-Token', '***']);
    expect(json.exchange.request.headers).toContainEqual(['x-mns-message-tag', 'vip']);
    expect(json.exchange.response.headers).toContainEqual(['x-reason', 'full']);
    expect(endpoint.pushes).toHaveLength(1);
    expect(endpoint.pushes[0]?.headers.get('X-Token')).toBe('hush');
    expect((await management.call('GET', path)).json).toMatchObject({ pendingDeliveries: 0 });
    expect((await management.call('POST', `${path}/test`)).json).toMatchObject({ exchange: { request: { body: 'This is a test of the subscription s1.' } } });
  });

  it('is tested no further than pushes may go', async () => {
    const endpoint = await receiver();
    for (const host of ['127.0.0.2', '[::1]', '169.254.169.254']) {
      const path = await subscribed(`http://${host}:${endpoint.port}/`);
      const { json } = await management.call('POST', `${path}/test`);
      expect(json).toMatchObject({ outcome: 'retryable', reason: expect.stringContaining('MAGPIE_PUSH_ALLOW') });
      expect(json.exchange).not.toHaveProperty('response');
    }
  });

  it('is not tested with nonsense', async () => {
    const path = await subscribed('http://127.0.0.1:9/');
    for (const body of ['{', '[]', { message: 5 }, { message: '' }, { message: 'x'.repeat(65_537) }, { messageTag: 'x'.repeat(17) }, { more: 1 }]) {
      expect(await management.call('POST', `${path}/test`, body)).toMatchObject({ status: 400, json: { code: 'InvalidArgument' } });
    }
    expect((await management.call('POST', 'topics/none/subscriptions/s1/test')).status).toBe(404);
    expect((await management.call('POST', `${path}-none/test`)).status).toBe(404);
  });
});
