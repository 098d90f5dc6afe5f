import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { expectMnsError, outcomeOf } from './documents.js';
import { element, exactHeader, exchangeBytes, MnsClient, type MnsRequest, type SignatureVersion } from './mns-client.js';
import { ACCOUNT, startApi, type RunningApi } from './running-api.js';

const OWN_HOST = `${ACCOUNT}.mns.cn-test.example.com`;

const FOREIGN_HOST = '9999999999999999.mns.cn-test.example.com';
const minutesAway = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toUTCString();

describe.each<SignatureVersion>(['V2', 'V4'])('authentication with signature %s', (signatureVersion) => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await startApi();
    await api.client.request('PUT', '/queues/q');
  });
  afterAll(() => api.stop());

  const outcome = async (options: MnsRequest, target = '/queues/q'): Promise<string> =>
    outcomeOf(await api.client.request('GET', target, { signatureVersion, ...options }));

  /** An Authorization header of this version, well-formed and wrong. */
  const signedBy = (accessKeyId: string): string =>
    signatureVersion === 'V2'
      ? `MNS ${accessKeyId}:c2lnbmF0dXJl`
      : `MNS4-HMAC-SHA256 Credential=${accessKeyId}/20250603/cn-test/mns/aliyun_v4_request,Signature=${'0a'.repeat(32)}`;

  it('lets a signed request in', async () => {
    expect(await outcome({})).toBe('200');
    expect(await outcome({ headers: { 'x-mns-user-request-id': 'trace-1', 'x-mns-abc': 'x  y' } })).toBe('200');
    expect(await outcome({ headers: { Date: minutesAway(14) } })).toBe('200');
    expect(await outcome({ headers: { Date: minutesAway(-14) } })).toBe('200');
    expect(await outcome({ headers: { Date: 'of no use', 'x-mns-date': new Date().toUTCString() } })).toBe('200');
    expect(await outcome({ headers: { Date: undefined, 'x-mns-date': new Date().toUTCString() } })).toBe('200');
    expect(await outcome({ headers: { 'security-token': 'not signed' } })).toBe('200');
    expect(await outcome({ headers: { 'Content-Type': 'text/xml;charset=UTF-8', 'Content-MD5': 'NTc0NjgzYjM2ODRlM2NmZg==' } })).toBe('200');
  });

  it('carries messages and list pages over their whole way', async () => {
    const call = (method: string, target: string, options: MnsRequest = {}) =>
      api.client.request(method, target, { signatureVersion, ...options });
    const sent = await call('POST', '/queues/q/messages', { body: '<Message><MessageBody>喜</MessageBody></Message>' });
    expect(sent.status).toBe(201);
    const received = await call('GET', '/queues/q/messages?waitseconds=5&numOfMessages=16');
    const handle = element(received.body, 'ReceiptHandle')!;
    const changed = await call('PUT', `/queues/q/messages?receiptHandle=${handle}&visibilityTimeout=60`);
    expect(changed.status).toBe(200);
    const target = `/queues/q/messages?ReceiptHandle=${encodeURIComponent(element(changed.body, 'ReceiptHandle')!)}`;
    expect((await call('DELETE', target)).status).toBe(204);
    const list = await call('GET', '/queues', { headers: { 'x-mns-prefix': 'q', 'x-mns-ret-number': '1', 'x-mns-marker': '' } });
    expect(element(list.body, 'QueueURL')).toBe(`${api.url}/queues/q`);
    expect((await call('GET', '/?accountmeta=true')).status).toBe(200);
  });

  it('refuses what is wrong, each with a code of its own', async () => {
    const table: [expected: string, MnsRequest][] = [
      ['400 MissingAuthorizationHeader', { authorization: '' }],
      ['400 InvalidAuthorizationHeader', { authorization: 'Bearer abc' }],
      ['400 InvalidAuthorizationHeader', { authorization: 'MNS contract-key' }],
      ['400 InvalidAuthorizationHeader', { authorization: signedBy('contract-key').replace(/(Signature=|:).*/, '') }],
      ['400 MissingDateHeader', { headers: { Date: undefined } }],
      ['400 InvalidDateHeader', { headers: { Date: 'yesterday' } }],
      ['400 InvalidDateHeader', { headers: { Date: '2026-11-22T10:00:00Z' } }],
      ['400 MissingVersionHeader', { headers: { 'x-mns-version': undefined } }],
      ['400 InvalidVersionHeader', { headers: { 'x-mns-version': '2015-06-07' } }],
      ['403 InvalidAccessKeyId', { authorization: signedBy('nobody') }],
      ['403 SignatureDoesNotMatch', { authorization: signedBy('contract-key') }],
      ['403 SignatureDoesNotMatch', { signedTarget: '/queues/other' }],
      ['403 SignatureDoesNotMatch', { signedTarget: '/queues/q?x=y' }],
      ['403 AccessDenied', { headers: { Host: FOREIGN_HOST } }],
      ['403 AccessDenied', { headers: { Host: 'accountid.mns.cn-hangzhou.aliyuncs.com' } }],
      ['200', { headers: { Host: OWN_HOST } }],
      ['408 TimeExpired', { headers: { Date: minutesAway(-16) } }],
      ['408 TimeExpired', { headers: { Date: minutesAway(16) } }],
    ];
    for (const [expected, options] of table) expect([await outcome(options), options]).toEqual([expected, options]);
    const wrongSecret = new MnsClient(api.port, { accessKeyId: 'contract-key', accessKeySecret: 'wrong' });
    expect(outcomeOf(await wrongSecret.request('GET', '/queues/q', { signatureVersion }))).toBe('403 SignatureDoesNotMatch');
    wrongSecret.close();
  });

  it('checks in the documented order', async () => {
    const stale = minutesAway(-60);
    const nothing = { authorization: '', headers: { Date: undefined, 'x-mns-version': undefined } };
    const nobody = signedBy('nobody');
    const wrong = signedBy('contract-key');
    expect(await outcome(nothing)).toBe('400 MissingAuthorizationHeader');
    expect(await outcome({ authorization: nobody, headers: { Date: undefined } })).toBe('400 MissingDateHeader');
    expect(await outcome({ authorization: nobody, headers: { 'x-mns-version': '1' } })).toBe('400 InvalidVersionHeader');
    expect(await outcome({ authorization: nobody, headers: { Host: FOREIGN_HOST, Date: stale } })).toBe('403 InvalidAccessKeyId');
    expect(await outcome({ authorization: wrong, headers: { Host: FOREIGN_HOST, Date: stale } })).toBe('403 AccessDenied');
    expect(await outcome({ authorization: wrong, headers: { Date: stale } })).toBe('408 TimeExpired');
    expect(await outcome({ authorization: wrong }, '/queues/-bad')).toBe('403 SignatureDoesNotMatch');
    expect(await outcome({}, '/queues/-bad')).toBe('400 InvalidQueueName');
  });

  /** Writes the request itself, with one header line more. */
  async function withLine(line: string): Promise<string> {
    const headers = api.client.headersFor('GET', '/queues/q', { signatureVersion });
    const lines = [...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), line, 'Connection: close'];
    const answer = await exchangeBytes(api.port, `GET /queues/q HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    return `${answer.slice(9, 12)} ${element(answer, 'Code') ?? ''}`.trim();
  }

  it.each([
    ['400 InvalidAuthorizationHeader', 'authorization: MNS contract-key:c2lnbmF0dXJl'],
    ['400 InvalidDateHeader', 'date: Thu, 09 Jul 2015 03:01:34 GMT'],
    ['400 InvalidVersionHeader', 'X-Mns-Version: 2015-06-06'],
    ['400 InvalidArgument', 'Host: other.example.com'],
    ['400 InvalidArgument', 'Content-Type: text/xml\r\nContent-Type: text/xml'],
    ['400 InvalidArgument', 'Content-MD5: a\r\nContent-MD5: b'],
    ['400 InvalidArgument', 'security-token: a\r\nSecurity-Token: a'],
    ['400 InvalidDateHeader', 'x-mns-date: a\r\nX-Mns-Date: a'],
    ['200', 'Accept: */*'],
  ])('answers %s to one more line "%s"', async (expected, line) => {
    expect(await withLine(line)).toBe(expected);
  });

  it('answers a repeated header of a client’s own', async () => {
    expect(await withLine('x-mns-a: 1\r\nx-mns-a: 2')).toBe('400 InvalidArgument');
    expect(await withLine('Accept: a\r\nAccept: b')).toBe('200');
  });

  it('takes the signature over the query escaped or not', async () => {
    const target = '/queues/q/messages?ReceiptHandle=a%3D%3D';
    for (const signedTarget of [target, '/queues/q/messages?ReceiptHandle=a==']) {
      expect(outcomeOf(await api.client.request('DELETE', target, { signatureVersion, signedTarget }))).toBe('400 ReceiptHandleError');
    }
  });

  it('takes a request line with a whole URL, as proxies send it', async () => {
    const options = { signatureVersion, signedTarget: '/queues/q', headers: { Host: OWN_HOST } };
    expect((await api.client.request('GET', `http://${OWN_HOST}/queues/q`, options)).status).toBe(200);
  });

  it('says nothing of the string to sign', async () => {
    const response = await api.client.request('GET', '/queues/q', { signatureVersion, signedTarget: '/other' });
    expectMnsError(
      response,
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      api.url,
    );
  });
});

describe('an answer', () => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  it('is a whole error document, with the host that the client used', async () => {
    const response = await api.client.request('GET', '/queues/q', { authorization: '', headers: { Host: OWN_HOST } });
    expectMnsError(response, 400, 'MissingAuthorizationHeader', 'Authorization header is required.', `http://${OWN_HOST}`);
    const unknown = await api.client.request('GET', '/queues/q', { authorization: 'MNS nobody:x' });
    expectMnsError(unknown, 403, 'InvalidAccessKeyId', 'The access Id you provided is not exist.', api.url);
  });

  it('hands out URLs below the account host that the client used', async () => {
    const client = new MnsClient(api.port, api.credentials, `${OWN_HOST}:8080`);
    const created = await client.request('PUT', '/queues/q');
    expect(exactHeader(created, 'Location')).toBe(`http://${OWN_HOST}:8080/queues/q`);
    client.close();
  });

  it('has a request id of its own, which begins with the time', async () => {
    const requests = Array.from({ length: 20 }, () => api.client.request('GET', '/queues/q'));
    const ids = (await Promise.all(requests)).map((response) => exactHeader(response, 'x-mns-request-id')!);
    expect(new Set(ids).size).toBe(20);
    expect(Math.abs(parseInt(ids[0]!.slice(0, 8), 16) - Date.now() / 1_000)).toBeLessThan(5);
  });
});

describe('the log level debug', () => {
  it('tells a client with a bad signature what should have been signed', async () => {
    const api = await startApi({ logger: pino({ level: 'debug' }, { write: () => undefined }) });
    try {
      const v2 = await api.client.request('GET', '/queues/q?x=y', { signedTarget: '/other' });
      expect(outcomeOf(v2)).toBe('403 SignatureDoesNotMatch');
      expect(v2.body).toMatch(/The string to sign is "GET\\n.*x-mns-version:2015-06-06\\n\/queues\/q\?x=y"/);
      const v4 = await api.client.request('GET', '/queues/q?x=y', { signedTarget: '/other', signatureVersion: 'V4' });
      expect(v4.body).toContain('The string to sign is "MNS4-HMAC-SHA256\\n');
      expect(v4.body).toMatch(/\d{8}T\d{6}Z\\n\d{8}\/cn-test\/mns\/aliyun_v4_request\\nGET\\n\/queues\/q\\nx=y/);
      for (const { body } of [v2, v4]) expect(body).not.toContain(api.credentials.accessKeySecret);
    } finally {
      await api.stop();
    }
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
