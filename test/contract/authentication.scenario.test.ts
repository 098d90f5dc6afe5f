import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectMnsError, outcomeOf } from './documents.js';
import { exactHeader, MnsClient, type MnsRequest } from './mns-client.js';
import { ACCOUNT, startApi, type RunningApi } from './running-api.js';

const OWN_HOST = `${ACCOUNT}.mns.cn-test.example.com`;

describe('authentication', () => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await startApi();
    await api.client.request('PUT', '/queues/q');
  });
  afterAll(() => api.stop());

  const outcome = async (options: MnsRequest, target = '/queues/q'): Promise<string> =>
    outcomeOf(await api.client.request('GET', target, options));
  const minutesAway = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toUTCString();

  it('lets a signed request in', async () => {
    expect(await outcome({})).toBe('200');
    expect(await outcome({ headers: { 'x-mns-user-request-id': 'trace-1', 'x-mns-abc': 'x  y' } })).toBe('200');
    expect(await outcome({ headers: { Date: minutesAway(14) } })).toBe('200');
    expect(await outcome({ headers: { Date: minutesAway(-14) } })).toBe('200');
    expect(await outcome({ headers: { Date: 'of no use', 'x-mns-date': new Date().toUTCString() } })).toBe('200');
    expect(await outcome({ headers: { 'security-token': 'not signed' } })).toBe('200');
  });

  it.each<[string, MnsRequest]>([
    ['400 MissingAuthorizationHeader', { authorization: '' }],
    ['400 InvalidAuthorizationHeader', { authorization: 'Bearer abc' }],
    ['400 InvalidAuthorizationHeader', { authorization: 'MNS contract-key' }],
    ['400 MissingDateHeader', { headers: { Date: undefined } }],
    ['400 InvalidDateHeader', { headers: { Date: 'yesterday' } }],
    ['400 InvalidDateHeader', { headers: { Date: '2026-11-22T10:00:00Z' } }],
    ['400 MissingVersionHeader', { headers: { 'x-mns-version': undefined } }],
    ['400 InvalidVersionHeader', { headers: { 'x-mns-version': '2015-06-07' } }],
    ['403 InvalidAccessKeyId', { authorization: 'MNS nobody:c2lnbmF0dXJl' }],
    ['403 SignatureDoesNotMatch', { authorization: 'MNS contract-key:c2lnbmF0dXJl' }],
    ['403 SignatureDoesNotMatch', { signedTarget: '/queues/other' }],
    ['403 AccessDenied', { headers: { Host: '9999999999999999.mns.cn-test.example.com' } }],
    ['200', { headers: { Host: OWN_HOST } }],
  ])('%s for %j', async (expected, options) => {
    expect(await outcome(options)).toBe(expected);
  });

  it('refuses a date more than 15 minutes off, in either direction', async () => {
    expect(await outcome({ headers: { Date: minutesAway(-16) } })).toBe('408 TimeExpired');
    expect(await outcome({ headers: { Date: minutesAway(16) } })).toBe('408 TimeExpired');
  });

  it('checks in the documented order', async () => {
    const stale = minutesAway(-60);
    const foreign = '9999999999999999.mns.cn-test.example.com';
    const nothing = { authorization: '', headers: { Date: undefined, 'x-mns-version': undefined } };
    expect(await outcome(nothing)).toBe('400 MissingAuthorizationHeader');
    expect(await outcome({ authorization: 'MNS nobody:x', headers: { Date: undefined } })).toBe('400 MissingDateHeader');
    expect(await outcome({ authorization: 'MNS nobody:x', headers: { 'x-mns-version': '1' } })).toBe('400 InvalidVersionHeader');
    expect(await outcome({ authorization: 'MNS nobody:x', headers: { Host: foreign, Date: stale } })).toBe('403 InvalidAccessKeyId');
    expect(await outcome({ authorization: 'MNS contract-key:x', headers: { Host: foreign, Date: stale } })).toBe('403 AccessDenied');
    expect(await outcome({ authorization: 'MNS contract-key:x', headers: { Date: stale } })).toBe('408 TimeExpired');
    expect(await outcome({ authorization: 'MNS contract-key:x' }, '/queues/-bad')).toBe('403 SignatureDoesNotMatch');
    expect(await outcome({}, '/queues/-bad')).toBe('400 InvalidQueueName');
  });

  it('writes the whole error document, with the host that the client used', async () => {
    const response = await api.client.request('GET', '/queues/q', { authorization: '', headers: { Host: OWN_HOST } });
    expectMnsError(response, 400, 'MissingAuthorizationHeader', 'Authorization header is required.', `http://${OWN_HOST}`);
    const unknown = await api.client.request('GET', '/queues/q', { authorization: 'MNS nobody:x' });
    expectMnsError(unknown, 403, 'InvalidAccessKeyId', 'The access Id you provided is not exist.', api.url);
  });

  it('tells a client with a bad signature what should have been signed', async () => {
    const response = await api.client.request('GET', '/queues/q', { signedTarget: '/other' });
    expect(response.body).toContain('/queues/q');
    expect(response.body).not.toContain(api.credentials.accessKeySecret);
  });

  it('takes the signature over the query escaped or not', async () => {
    const target = '/queues/q/messages?ReceiptHandle=a%3D%3D';
    for (const signedTarget of [target, '/queues/q/messages?ReceiptHandle=a==']) {
      expect(outcomeOf(await api.client.request('DELETE', target, { signedTarget }))).toBe('400 ReceiptHandleError');
    }
  });

  it('takes a request line with a whole URL, as proxies send it', async () => {
    const absolute = `http://${OWN_HOST}/queues/q`;
    const response = await api.client.request('GET', absolute, { signedTarget: '/queues/q', headers: { Host: OWN_HOST } });
    expect(response.status).toBe(200);
  });

  it('hands out URLs below the account host that the client used', async () => {
    const client = new MnsClient(api.port, api.credentials, `${OWN_HOST}:8080`);
    const created = await client.request('PUT', '/queues/q');
    expect(exactHeader(created, 'Location')).toBe(`http://${OWN_HOST}:8080/queues/q`);
    client.close();
  });

  it('gives every answer a request id of its own, which begins with the time', async () => {
    const requests = Array.from({ length: 20 }, () => api.client.request('GET', '/queues/q'));
    const ids = (await Promise.all(requests)).map((response) => exactHeader(response, 'x-mns-request-id')!);
    expect(new Set(ids).size).toBe(20);
    expect(Math.abs(parseInt(ids[0]!.slice(0, 8), 16) - Date.now() / 1_000)).toBeLessThan(5);
  });
});

describe('a public URL', () => {
  it('is what locations, lists and host ids are made of', async () => {
    const api = await startApi({ publicUrl: 'https://mq.example.com' });
    try {
      const created = await api.client.request('PUT', '/queues/q');
      expect(exactHeader(created, 'Location')).toBe('https://mq.example.com/queues/q');
      expect((await api.client.request('GET', '/queues')).body).toContain('<QueueURL>https://mq.example.com/queues/q</QueueURL>');
      expect((await api.client.request('GET', '/queues/none')).body).toContain('<HostId>https://mq.example.com</HostId>');
      await api.client.request('PUT', '/topics/t');
      const body = '<Subscription><Endpoint>http://127.0.0.1:9/</Endpoint></Subscription>';
      const subscribed = await api.client.request('PUT', '/topics/t/subscriptions/s', { body });
      expect(exactHeader(subscribed, 'Location')).toBe('mq.example.com/topics/t/subscriptions/s');
    } finally {
      await api.stop();
    }
  });
});
