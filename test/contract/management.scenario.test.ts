import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PushCertificate } from '#delivery/push-certificate.js';
import { outcomeOf } from './documents.js';
import { element, exactHeader } from './mns-client.js';
import { startApi, type RunningApi } from './running-api.js';

const RULE = {
  eventTypes: ['ObjectCreated:*'],
  matchRules: [[{ matchState: true, prefix: 'photos/in/', suffix: '.jpg' }]],
  endpoint: { endpointType: 'topic', endpointValue: 'uploads' },
  messageTag: 'vip',
};

describe('management interface', () => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = basic(api)) => {
    const response = await fetch(api.url + path, {
      method,
      headers,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const { status, headers: answered } = response;
    return { status, type: answered.get('content-type'), headers: answered, json: text === '' ? undefined : JSON.parse(text) };
  };

  it('asks for an access key', async () => {
    const anonymous = await call('GET', '/api/v1/event-rules', undefined, {});
    expect([anonymous.status, anonymous.type]).toEqual([401, 'application/problem+json']);
    expect(anonymous.headers.get('www-authenticate')).toMatch(/^Basic /);
    expect(anonymous.json).toMatchObject({ status: 401, code: 'Unauthorized', requestId: expect.stringMatching(/^[0-9A-F]{24}$/) });
    for (const pair of ['contract-key:wrong', 'nobody:contract-secret', 'contract-key', ':']) {
      const authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
      expect((await call('GET', '/api/v1/event-rules', undefined, { authorization })).status).toBe(401);
    }
  });

  it('takes an MNS signature as well', async () => {
    const response = await api.client.request('GET', '/api/v1/event-rules');
    expect([response.status, exactHeader(response, 'Content-Type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect((await api.client.request('GET', '/api/v1/event-rules', { signedTarget: '/other' })).status).toBe(403);
  });

  it('keeps event rules', async () => {
    const path = '/api/v1/event-rules/new-photos';
    const created = await call('PUT', path, RULE);
    expect([created.status, created.json]).toEqual([201, { name: 'new-photos', enabled: true, sources: [], ...RULE }]);
    expect((await call('PUT', path, RULE)).status).toBe(200);
    expect((await call('GET', path)).json).toEqual({ ...created.json, status: { waitingEvents: 0 } });
    await call('PUT', '/api/v1/event-rules/other', RULE);
    const page = await call('GET', '/api/v1/event-rules?limit=1');
    expect(page.json).toEqual({ rules: [created.json], nextMarker: 'new-photos' });
    const next = await call('GET', '/api/v1/event-rules?limit=1&marker=new-photos');
    expect(next.json).toMatchObject({ rules: [{ name: 'other' }] });
    expect((await call('DELETE', '/api/v1/event-rules/other')).status).toBe(204);
    expect((await call('GET', '/api/v1/event-rules/other')).status).toBe(404);
  });

  it('says what the rules make of an event', async () => {
    await call('PUT', '/api/v1/event-rules/new-photos', RULE);
    const event = (key: string) => {
      const s3 = { bucket: { name: 'photos' }, object: { key } };
      return { Records: [{ eventName: 's3:ObjectCreated:Put', eventSource: 'minio:s3', s3 }] };
    };
    const hit = await call('POST', '/api/v1/event-rules/test', event('in/a.jpg'));
    expect(hit.json).toEqual({
      events: [{ eventName: 'ObjectCreated:PutObject', bucket: 'photos', key: 'in/a.jpg', rules: [{ name: 'new-photos', matches: true, messageTag: 'vip' }] }],
      problems: [],
    });
    const miss = await call('POST', '/api/v1/event-rules/test', event('in/a.png'));
    const reasons = [{ at: 'matchRules[0][0]', expected: RULE.matchRules[0]![0], actual: 'photos/in/a.png' }];
    expect(miss.json.events[0].rules).toEqual([{ name: 'new-photos', matches: false, failedAt: 'matchRules', reasons }]);
    expect((await call('POST', '/api/v1/event-rules/test', 'no event')).json).toMatchObject({ events: [], problems: [expect.any(String)] });
  });

  it('sets the dead-letter policy of a queue', async () => {
    for (const name of ['work', 'dead']) await api.client.request('PUT', `/queues/${name}`);
    const deadLetterPolicy = { targetQueue: 'dead', maxReceiveCount: 1 };
    const put = await call('PUT', '/api/v1/queues/work', { deadLetterPolicy });
    expect([put.status, put.json.deadLetterPolicy]).toEqual([200, deadLetterPolicy]);
    const shown = { name: 'work', deadLetterPolicy, visibilityTimeout: 30, activeMessages: 0 };
    expect((await call('GET', '/api/v1/queues/work')).json).toMatchObject(shown);
    expect((await call('PUT', '/api/v1/queues/work', { deadLetterPolicy: null })).json.deadLetterPolicy).toBeNull();
    expect(element((await api.client.request('GET', '/queues/work')).body, 'VisibilityTimeout')).toBe('30');
  });

  it('creates a queue, and changes what a document names', async () => {
    const path = '/api/v1/queues/strict';
    const created = await call('PUT', path, { queueType: 'FIFO', visibilityTimeout: 60, loggingEnabled: true });
    expect([created.status, created.json]).toMatchObject([201, { queueType: 'fifo', visibilityTimeout: 60, loggingEnabled: true }]);
    const changed = await call('PUT', path, { delaySeconds: 5, queueType: 'fifo' });
    expect([changed.status, changed.json]).toMatchObject([200, { queueType: 'fifo', visibilityTimeout: 60, delaySeconds: 5 }]);
    expect(element((await api.client.request('GET', '/queues/strict')).body, 'MessageType')).toBe('1');
    expect((await call('PUT', path, { queueType: 'normal' })).json).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect((await call('PUT', '/api/v1/queues/plain', {})).json).toMatchObject({ queueType: 'normal', deadLetterPolicy: null });
    const policy = { deadLetterPolicy: { targetQueue: 'strict', maxReceiveCount: 3 } };
    expect((await call('PUT', '/api/v1/queues/plain', policy)).json).toMatchObject({ status: 400, code: 'InvalidArgument' });
  });

  const send = (queue: string) =>
    api.client.request('POST', `/queues/${queue}/messages`, { body: '<Message><MessageBody>m</MessageBody></Message>' });

  it('purges a queue: what was there is gone, what comes stays, old handles name nothing', async () => {
    await call('PUT', '/api/v1/queues/full', {});
    for (let i = 0; i < 3; i++) await send('full');
    const received = await api.client.request('GET', '/queues/full/messages');
    const handle = element(received.body, 'ReceiptHandle');
    expect(await call('POST', '/api/v1/queues/full/purge')).toMatchObject({ status: 200, json: { purgedMessages: 3 } });
    const deleted = await api.client.request('DELETE', `/queues/full/messages?ReceiptHandle=${handle}`);
    expect(outcomeOf(deleted)).toBe('404 MessageNotExist');
    await send('full');
    expect((await call('GET', '/api/v1/queues/full')).json).toMatchObject({ activeMessages: 1, inactiveMessages: 0, delayMessages: 0 });
    expect(await call('POST', '/api/v1/queues/full/purge')).toMatchObject({ json: { purgedMessages: 1 } });
  });

  it('takes, shows and cancels the order to redrive', async () => {
    for (const name of ['letters', 'again']) await call('PUT', `/api/v1/queues/${name}`, {});
    await send('letters');
    const path = '/api/v1/queues/letters/redrive';
    expect(await call('GET', path)).toMatchObject({ status: 404, json: { code: 'NotFound' } });
    const started = await call('POST', path, { target: 'again', maxPerSecond: 10 });
    const running = { state: 'running', target: 'again', maxPerSecond: 10, totalMessages: 1, movedMessages: 0, endTime: null };
    expect([started.status, started.json]).toMatchObject([202, running]);
    const second = await call('POST', path);
    expect([second.status, second.type, second.json.code]).toEqual([409, 'application/problem+json', 'Conflict']);
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).json).toMatchObject({ state: 'cancelled', endTime: expect.any(Number) });
    expect((await call('POST', path)).json).toMatchObject({ state: 'running', target: null, maxPerSecond: 500 });
  });

  it.each<[number, string, string, string, unknown]>([
    [400, 'InvalidArgument', 'PUT', '/api/v1/event-rules/r', 'no JSON'],
    [400, 'InvalidArgument', 'PUT', '/api/v1/event-rules/r', {}],
    [400, 'InvalidArgument', 'PUT', '/api/v1/event-rules/1-bad', RULE],
    [400, 'InvalidArgument', 'PUT', '/api/v1/event-rules/r', { ...RULE, misspelt: 1 }],
    [400, 'InvalidArgument', 'PUT', '/api/v1/event-rules/r', '{"eventTypes":'],
    [400, 'InvalidArgument', 'PUT', '/api/v1/event-rules/r', ''],
    [400, 'InvalidArgument', 'PUT', '/api/v1/queues/q', { deadLetterPolicy: { targetQueue: 'q', maxReceiveCount: 1 } }],
    [400, 'InvalidArgument', 'PUT', '/api/v1/queues/q', { deadLetterPolicy: { targetQueue: 'd', maxReceiveCount: 0 } }],
    [400, 'InvalidArgument', 'PUT', '/api/v1/queues/q', { deadLetterPolicy: { targetQueue: 'd', maxReceiveCount: '3' } }],
    [400, 'InvalidArgument', 'PUT', '/api/v1/queues/q', { deadLetterPolicy: [] }],
    [400, 'InvalidQueueName', 'PUT', '/api/v1/queues/q', { deadLetterPolicy: { targetQueue: '-d', maxReceiveCount: 1 } }],
    [400, 'InvalidArgument', 'PUT', '/api/v1/queues/q', { queueType: 'lifo' }],
    [400, 'InvalidArgument', 'PUT', '/api/v1/queues/q', { delaySeconds: '5' }],
    [400, 'InvalidArgument', 'PUT', '/api/v1/queues/q', { delaySeconds: -1 }],
    [400, 'InvalidArgument', 'PUT', '/api/v1/queues/q', { name: 'q' }],
    [400, 'InvalidQueueName', 'PUT', '/api/v1/queues/-q', {}],
    [404, 'QueueNotExist', 'POST', '/api/v1/queues/none/purge', undefined],
    [404, 'QueueNotExist', 'POST', '/api/v1/queues/none/redrive', undefined],
    [404, 'QueueNotExist', 'GET', '/api/v1/queues/none/redrive', undefined],
    [404, 'QueueNotExist', 'DELETE', '/api/v1/queues/none/redrive', undefined],
    [404, 'QueueNotExist', 'POST', '/api/v1/queues/work/redrive', { target: 'none' }],
    [400, 'InvalidArgument', 'POST', '/api/v1/queues/work/redrive', { target: 1 }],
    [400, 'InvalidArgument', 'POST', '/api/v1/queues/work/redrive', { target: 'work' }],
    [400, 'InvalidArgument', 'POST', '/api/v1/queues/work/redrive', { maxPerSecond: 0 }],
    [400, 'InvalidArgument', 'POST', '/api/v1/queues/work/redrive', { rate: 10 }],
    [404, 'QueueNotExist', 'GET', '/api/v1/queues/none', undefined],
    [404, 'NotFound', 'GET', '/api/v1/nothing', undefined],
    [404, 'NotFound', 'DELETE', '/api/v1/queues/q', undefined],
    [400, 'InvalidArgument', 'GET', '/api/v1/deliveries', undefined],
    [400, 'InvalidArgument', 'GET', '/api/v1/deliveries?messageId=xyz', undefined],
    [400, 'InvalidQueryString', 'GET', '/api/v1/event-rules?limit=all', undefined],
  ])('answers %i %s as a problem document: %s %s', async (status, code, method, path, body) => {
    const response = await call(method, path, body);
    expect([response.status, response.type]).toEqual([status, 'application/problem+json']);
    expect(response.json).toMatchObject({ type: 'about:blank', title: code, code, status, detail: expect.any(String) });
  });

  it('finds no attempts for a message that nobody was to be told of', async () => {
    await api.client.request('PUT', '/topics/quiet');
    const body = '<Message><MessageBody>m</MessageBody></Message>';
    const published = await api.client.request('POST', '/topics/quiet/messages', { body });
    const messageId = element(published.body, 'MessageId');
    expect((await call('GET', `/api/v1/deliveries?messageId=${messageId}`)).json).toEqual({ messageId, attempts: [] });
  });

  it('hands out the certificate that verifies pushes', async () => {
    const { fileName, pem } = api.app.get(PushCertificate);
    const response = await fetch(`${api.url}/certificates/${fileName}`);
    expect([response.status, await response.text()]).toEqual([200, pem]);
    expect((await fetch(`${api.url}/certificates/other.pem`)).status).toBe(400);
  });

  it('tells everybody whether it is well', async () => {
    for (const path of ['/healthz', '/readyz']) {
      expect((await call('GET', path, undefined, {})).status).toBe(200);
      expect((await call('HEAD', path, undefined, {})).status).toBe(200);
    }
  });

  it('counts requests by operation and code', async () => {
    expect(outcomeOf(await api.client.request('GET', '/queues/none'))).toBe('404 QueueNotExist');
    const metrics = await (await fetch(`${api.url}/metrics`)).text();
    expect(metrics).toMatch(/^magpie_api_request_duration_seconds_count\{operation="GetQueueAttributes",code="QueueNotExist"\} [1-9]/m);
    expect(metrics).toMatch(/^magpie_api_request_duration_seconds_count\{operation="CreateQueue",code="Success"\} [1-9]/m);
    expect(metrics).toMatch(/^process_resident_memory_bytes /m);
  });
});

function basic({ credentials }: RunningApi): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${credentials.accessKeyId}:${credentials.accessKeySecret}`).toString('base64')}` };
}
