import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeAttempt, type Attempt } from '#delivery/attempt-log.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../support/eventually.js';
import { outcomeOf } from './documents.js';
import { ManagementClient } from './management-client.js';
import { element, MnsClient, type MnsCredentials, type SignatureVersion } from './mns-client.js';
import { ACCOUNT, startApi, type RunningApi } from './running-api.js';

const OTHER = '2222222222222222';
const SHARED = { keyPrefix: `accounts-${randomBytes(6).toString('hex')}`, secretKey: randomBytes(32) };
const MESSAGE = '<Message><MessageBody>m</MessageBody></Message>';
const RULE = {
  eventTypes: ['ObjectCreated:*'],
  matchRules: [[{ matchState: true, prefix: 'photos/' }]],
  endpoint: { endpointType: 'topic', endpointValue: 'uploads' },
};

let api: RunningApi;
/** Another process of the same deployment. */
let second: RunningApi;
let admin: ManagementClient;
const clients: MnsClient[] = [];

beforeAll(async () => {
  api = await startApi(SHARED);
  second = await startApi(SHARED);
  admin = new ManagementClient(api.url, api.credentials);
});
afterAll(async () => {
  for (const client of clients) client.close();
  await api.stop();
  await second.stop();
});

async function newKey(accountId: string): Promise<MnsCredentials> {
  await admin.call('PUT', `accounts/${accountId}`);
  const created = await admin.call('POST', 'access-keys', { accountId });
  expect(created.status).toBe(201);
  return created.json as MnsCredentials;
}

function clientOf(credentials: MnsCredentials, { port } = api, host?: string): MnsClient {
  const client = new MnsClient(port, credentials, host);
  clients.push(client);
  return client;
}

describe('accounts', () => {
  it('are created, changed, listed and deleted by the first one', async () => {
    const id = '3333333333333333';
    const created = await admin.call('PUT', `accounts/${id}`, { description: 'the shop' });
    const account = { accountId: id, enabled: true, description: 'the shop', createTime: expect.any(Number), first: false };
    expect([created.status, created.json]).toEqual([201, account]);
    expect((await admin.call('PUT', `accounts/${id}`, {})).status).toBe(200);
    expect((await admin.call('GET', `accounts/${id}`)).json).toEqual(account);
    expect((await admin.call('GET', `accounts/${ACCOUNT}`)).json).toMatchObject({ first: true, enabled: true });
    const page = await admin.call('GET', 'accounts?limit=1');
    expect(page.json).toMatchObject({ accounts: [{ accountId: ACCOUNT }], nextMarker: ACCOUNT });
    expect((await admin.call('GET', `accounts?marker=${ACCOUNT}`)).json.accounts[0].accountId).not.toBe(ACCOUNT);
    expect((await admin.call('DELETE', `accounts/${id}`)).status).toBe(204);
    expect((await admin.call('GET', `accounts/${id}`)).json).toMatchObject({ status: 404, code: 'AccountNotExist' });
    const made = await admin.call('POST', 'accounts');
    expect([made.status, made.json.accountId]).toEqual([201, expect.stringMatching(/^\d{16}$/)]);
    expect((await admin.call('DELETE', `accounts/${made.json.accountId}`)).status).toBe(204);
  });

  it('are deleted only when they own nothing, and their keys with them', async () => {
    const id = '4444444444444444';
    const key = await newKey(id);
    const client = clientOf(key);
    const own = new ManagementClient(api.url, key);
    const refused = async (what: string): Promise<void> => {
      const { json } = await admin.call('DELETE', `accounts/${id}`);
      expect(json).toMatchObject({ status: 409, code: 'AccountNotEmpty', detail: expect.stringContaining(what) });
    };
    await client.request('PUT', '/queues/q');
    await refused('queues');
    await client.request('PUT', '/topics/t');
    await client.request('DELETE', '/queues/q');
    await refused('topics');
    await own.call('PUT', 'event-rules/r', RULE);
    await client.request('DELETE', '/topics/t');
    await refused('event rules');
    await own.call('DELETE', 'event-rules/r');
    expect((await admin.call('DELETE', `accounts/${id}`)).status).toBe(204);
    expect(outcomeOf(await client.request('GET', '/queues'))).toBe('403 InvalidAccessKeyId');
    expect((await admin.call('GET', `access-keys/${key.accessKeyId}`)).status).toBe(404);
  });

  it('that are disabled let none of their keys in', async () => {
    const client = clientOf(await newKey('5555555555555555'));
    expect(outcomeOf(await client.request('GET', '/queues'))).toBe('200');
    await admin.call('PUT', 'accounts/5555555555555555', { enabled: false });
    expect(outcomeOf(await client.request('GET', '/queues'))).toBe('403 InvalidAccessKeyId');
    await admin.call('PUT', 'accounts/5555555555555555', { enabled: true });
    expect(outcomeOf(await client.request('GET', '/queues'))).toBe('200');
  });

  it.each<[number, string, string, string, unknown]>([
    [409, 'FirstAccountNeeded', 'DELETE', `accounts/${ACCOUNT}`, undefined],
    [409, 'FirstAccountNeeded', 'PUT', `accounts/${ACCOUNT}`, { enabled: false }],
    [409, 'LastAccessKey', 'PUT', 'access-keys/contract-key', { enabled: false }],
    [409, 'AccessKeyFromSettings', 'DELETE', 'access-keys/contract-key', undefined],
    [409, 'AccessKeyFromSettings', 'POST', 'access-keys/contract-key/rotate', undefined],
    [400, 'InvalidArgument', 'PUT', 'accounts/123', {}],
    [400, 'InvalidArgument', 'PUT', `accounts/${OTHER}`, { enabled: 'yes' }],
    [400, 'InvalidArgument', 'PUT', `accounts/${OTHER}`, { misspelt: true }],
    [400, 'InvalidArgument', 'PUT', `accounts/${OTHER}`, { description: 'x'.repeat(257) }],
    [400, 'InvalidArgument', 'PUT', `accounts/${OTHER}`, 'no JSON'],
    [400, 'InvalidArgument', 'POST', 'access-keys', { accountId: 1 }],
    [400, 'InvalidArgument', 'POST', 'access-keys', { accessKeySecret: 'chosen' }],
    [400, 'InvalidArgument', 'PUT', 'access-keys/contract-key', ''],
    [400, 'InvalidQueryString', 'GET', 'access-keys?limit=all', undefined],
    [404, 'AccountNotExist', 'POST', 'access-keys', { accountId: '9999999999999999' }],
    [404, 'AccessKeyNotExist', 'GET', 'access-keys/nobody', undefined],
    [404, 'AccessKeyNotExist', 'PUT', 'access-keys/nobody', { enabled: true }],
    [404, 'AccessKeyNotExist', 'POST', 'access-keys/nobody/rotate', undefined],
  ])('answer %i %s to %s %s %j', async (status, code, method, path, body) => {
    const response = await admin.call(method, path, body);
    expect([response.status, response.type, response.json.code]).toEqual([status, 'application/problem+json', code]);
  });

  it('other than the first manage neither accounts nor access keys', async () => {
    const key = await newKey(OTHER);
    const own = new ManagementClient(api.url, key);
    const calls: [method: string, path: string, body?: unknown][] = [
      ['GET', 'accounts'],
      ['POST', 'accounts'],
      ['PUT', `accounts/${OTHER}`, {}],
      ['GET', `accounts/${OTHER}`],
      ['DELETE', `accounts/${OTHER}`],
      ['GET', 'access-keys'],
      ['POST', 'access-keys', {}],
      ['GET', `access-keys/${key.accessKeyId}`],
      ['PUT', `access-keys/${key.accessKeyId}`, { enabled: false }],
      ['POST', `access-keys/${key.accessKeyId}/rotate`],
      ['DELETE', `access-keys/${key.accessKeyId}`],
    ];
    for (const [method, path, body] of calls) {
      const { status, type, json } = await own.call(method, path, body);
      expect([method, path, status, type, json.code]).toEqual([method, path, 403, 'application/problem+json', 'AccessDenied']);
    }
    expect((await own.call('GET', 'event-rules')).status).toBe(200);
  });
});

describe('access keys', () => {
  it('are shown with their secret once', async () => {
    const { accessKeySecret, ...key }: MnsCredentials & { accountId?: string } = await newKey(OTHER);
    expect(key).toMatchObject({ accountId: OTHER, enabled: true, description: '', createTime: expect.any(Number) });
    expect((await admin.call('GET', `access-keys/${key.accessKeyId}`)).json).toEqual(key);
    const list = await admin.call('GET', `access-keys?accountId=${OTHER}`);
    expect(list.json.accessKeys).toContainEqual(key);
    expect(JSON.stringify(list.json)).not.toContain(accessKeySecret);
    expect((await admin.call('GET', 'access-keys?limit=1')).json.nextMarker).toEqual(expect.any(String));
    expect((await admin.call('DELETE', `access-keys/${key.accessKeyId}`)).status).toBe(204);
    expect((await admin.call('DELETE', `access-keys/${key.accessKeyId}`)).status).toBe(204);
  });

  it('of the first account may be several, and manage too', async () => {
    const created = await admin.call('POST', 'access-keys', { description: 'second' });
    expect(created.json.accountId).toBe(ACCOUNT);
    const other = new ManagementClient(second.url, created.json as MnsCredentials);
    expect((await other.call('PUT', 'access-keys/contract-key', { enabled: false })).status).toBe(200);
    expect((await other.call('DELETE', `access-keys/${created.json.accessKeyId}`)).json.code).toBe('LastAccessKey');
    expect((await other.call('PUT', 'access-keys/contract-key', { enabled: true })).status).toBe(200);
    await eventually('the first key works again', async () => (await admin.call('GET', 'accounts')).status === 200);
    expect((await admin.call('DELETE', `access-keys/${created.json.accessKeyId}`)).status).toBe(204);
  });

  it.each<SignatureVersion>(['V2', 'V4'])('that are disabled let nobody in within 5 seconds, in any process, with %s', async (signatureVersion) => {
    const key = await newKey(OTHER);
    const here = clientOf(key);
    const there = clientOf(key, second);
    const ask = async (client: MnsClient): Promise<string> => outcomeOf(await client.request('GET', '/queues', { signatureVersion }));
    expect([await ask(here), await ask(there)]).toEqual(['200', '200']);
    await admin.call('PUT', `access-keys/${key.accessKeyId}`, { enabled: false });
    const disabledAt = Date.now();
    const refused = await here.request('GET', '/queues', { signatureVersion });
    expect(outcomeOf(refused)).toBe('403 InvalidAccessKeyId');
    expect(element(refused.body, 'Message')).toBe('The access Id you provided is disabled.');
    // Nobody asks in between: what a process knows must not outlive the five seconds for want of requests.
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, disabledAt + 4_900 - Date.now())));
    expect(await ask(there)).toBe('403 InvalidAccessKeyId');
    const basic = await new ManagementClient(second.url, key).call('GET', 'event-rules');
    expect([basic.status, basic.json.code]).toEqual([401, 'Unauthorized']);
  }, 15_000);

  it('take their new secret in every process when they are rotated, and the old one no longer', async () => {
    const key = await newKey(OTHER);
    await clientOf(key, second).request('GET', '/queues');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const rotated = await admin.call('POST', `access-keys/${key.accessKeyId}/rotate`);
    expect([rotated.status, rotated.json.accessKeyId]).toEqual([200, key.accessKeyId]);
    expect(rotated.json.accessKeySecret).not.toBe(key.accessKeySecret);
    const replaced = rotated.json as MnsCredentials;
    for (const running of [api, second]) {
      expect(outcomeOf(await clientOf(replaced, running).request('GET', '/queues'))).toBe('200');
      expect(outcomeOf(await clientOf(key, running).request('GET', '/queues'))).toBe('403 SignatureDoesNotMatch');
      expect((await new ManagementClient(running.url, replaced).call('GET', 'event-rules')).status).toBe(200);
    }
  });
});

describe.each<SignatureVersion>(['V2', 'V4'])('names of two accounts, with signature %s,', (signatureVersion) => {
  let mine: MnsClient;
  let theirs: MnsClient;
  let theirKey: MnsCredentials;
  const queue = `shared-${signatureVersion}`;
  const topic = `topic-${signatureVersion}`;
  beforeAll(async () => {
    theirKey = await newKey(OTHER);
    mine = clientOf(api.credentials);
    theirs = clientOf(theirKey);
  });

  const ask = async (client: MnsClient, method: string, target: string, body?: string) =>
    client.request(method, target, { signatureVersion, ...(body !== undefined && { body }) });
  const outcome = async (...request: Parameters<typeof ask>): Promise<string> => outcomeOf(await ask(...request));

  it('are queues of their own', async () => {
    expect(await outcome(mine, 'PUT', `/queues/${queue}`)).toBe('201');
    for (const [method, target, body] of [
      ['GET', `/queues/${queue}`],
      ['PUT', `/queues/${queue}?metaoverride=true`, '<Queue><DelaySeconds>1</DelaySeconds></Queue>'],
      ['POST', `/queues/${queue}/messages`, MESSAGE],
      ['GET', `/queues/${queue}/messages`],
      ['GET', `/queues/${queue}/messages?peekonly=true`],
    ] as const) {
      expect([method, target, await outcome(theirs, method, target, body)]).toEqual([method, target, '404 QueueNotExist']);
    }
    expect(await outcome(theirs, 'DELETE', `/queues/${queue}`)).toBe('204');
    expect((await ask(theirs, 'GET', '/queues')).body).not.toContain(queue);
    expect(await outcome(theirs, 'PUT', `/queues/${queue}`, '<Queue><DelaySeconds>7</DelaySeconds></Queue>')).toBe('201');
    expect(element((await ask(mine, 'GET', `/queues/${queue}`)).body, 'DelaySeconds')).toBe('0');
    await ask(mine, 'POST', `/queues/${queue}/messages`, MESSAGE);
    expect(await outcome(theirs, 'GET', `/queues/${queue}/messages`)).toBe('404 MessageNotExist');
    const handle = element((await ask(mine, 'GET', `/queues/${queue}/messages`)).body, 'ReceiptHandle')!;
    const target = `/queues/${queue}/messages?ReceiptHandle=${encodeURIComponent(handle)}`;
    expect(await outcome(theirs, 'DELETE', target)).toBe('400 ReceiptHandleError');
    expect(await outcome(mine, 'DELETE', target)).toBe('204');
  });

  it('are topics and subscriptions of their own', async () => {
    const subscription = '<Subscription><Endpoint>http://127.0.0.1:9/</Endpoint></Subscription>';
    expect(await outcome(mine, 'PUT', `/topics/${topic}`)).toBe('201');
    expect(await outcome(mine, 'PUT', `/topics/${topic}/subscriptions/s`, subscription)).toBe('201');
    for (const [method, target, body] of [
      ['GET', `/topics/${topic}`],
      ['POST', `/topics/${topic}/messages`, MESSAGE],
      ['GET', `/topics/${topic}/subscriptions`],
      ['GET', `/topics/${topic}/subscriptions/s`],
      ['PUT', `/topics/${topic}/subscriptions/s`, subscription],
      ['DELETE', `/topics/${topic}/subscriptions/s`],
    ] as const) {
      expect([method, target, await outcome(theirs, method, target, body)]).toEqual([method, target, '404 TopicNotExist']);
    }
    expect((await ask(theirs, 'GET', '/topics')).body).not.toContain(topic);
    expect(await outcome(theirs, 'PUT', `/topics/${topic}`)).toBe('201');
    expect(await outcome(theirs, 'GET', `/topics/${topic}/subscriptions/s`)).toBe('404 SubscriptionNotExist');
    expect(await outcome(theirs, 'DELETE', `/topics/${topic}`)).toBe('204');
    expect(await outcome(mine, 'GET', `/topics/${topic}/subscriptions/s`)).toBe('200');
  });

  it('are refused under the host name of the other', async () => {
    const host = (account: string): string => `${account}.mns.cn-test.example.com`;
    for (const [key, account, expected] of [
      [theirKey, OTHER, '200'],
      [theirKey, ACCOUNT, '403 AccessDenied'],
      [api.credentials, OTHER, '403 AccessDenied'],
      [{ ...theirKey, accessKeySecret: 'wrong' }, ACCOUNT, '403 AccessDenied'],
      [{ ...theirKey, accessKeySecret: 'wrong' }, OTHER, '403 SignatureDoesNotMatch'],
    ] as const) {
      expect(await outcome(clientOf(key, api, host(account)), 'GET', '/queues')).toBe(expected);
    }
  });
});

describe('what the management interface shows of two accounts', () => {
  it('are event rules and queues of their own', async () => {
    const other = new ManagementClient(api.url, await newKey(OTHER));
    expect((await admin.call('PUT', 'event-rules/photos', RULE)).status).toBe(201);
    expect((await other.call('GET', 'event-rules/photos')).status).toBe(404);
    expect((await other.call('GET', 'event-rules')).json).toEqual({ rules: [] });
    expect((await other.call('DELETE', 'event-rules/photos')).status).toBe(204);
    expect((await admin.call('GET', 'event-rules/photos')).status).toBe(200);
    await clientOf(api.credentials).request('PUT', '/queues/only-mine');
    expect((await other.call('GET', 'queues/only-mine')).json.code).toBe('QueueNotExist');
    // A PUT makes a queue of one's own; the one of that name in the first account is not the same.
    expect((await other.call('PUT', 'queues/only-mine', { visibilityTimeout: 77 })).status).toBe(201);
    expect((await clientOf(api.credentials).request('GET', '/queues/only-mine')).body).toContain('<VisibilityTimeout>30</VisibilityTimeout>');
  });

  it('are the deliveries of their own topics, also of those that are gone', async () => {
    const other = new ManagementClient(api.url, await newKey(OTHER));
    const client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
    try {
      const id = Buffer.concat([Buffer.alloc(8), randomBytes(8)]);
      id.writeUIntBE(Date.now(), 0, 6);
      id.writeUInt16BE(17, 6);
      const messageId = id.toString('hex').toUpperCase();
      const attempt: Attempt = {
        messageId,
        pendingQueueId: randomBytes(8).toString('base64url'),
        topicOwner: OTHER,
        topicName: 'gone',
        subscriptionName: 's',
        number: 1,
        time: Date.now(),
        outcome: 'delivered',
        latencyMillis: 3,
      };
      await eventually('redis is connected', () => client.status === 'ready');
      const base = (await Deployment.open(client, SHARED.keyPrefix)).base(17);
      await client.zadd(`${base}:al:${Math.floor(Date.now() / 3_600_000)}`, 0, encodeAttempt(attempt));
      expect((await other.call('GET', `deliveries?messageId=${messageId}`)).json).toEqual({ messageId, attempts: [attempt] });
      expect((await admin.call('GET', `deliveries?messageId=${messageId}`)).json).toEqual({ messageId, attempts: [] });
    } finally {
      client.disconnect();
    }
  });
});
