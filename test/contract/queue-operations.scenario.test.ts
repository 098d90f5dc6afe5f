import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectMnsError, expectMnsHeaders, outcomeOf, xml } from './documents.js';
import { element, exactHeader, type MnsResponse } from './mns-client.js';
import { startApi, type RunningApi } from './running-api.js';

const ATTRIBUTES = '<Queue xmlns="http://mns.aliyuncs.com/doc/v1"><VisibilityTimeout>60</VisibilityTimeout></Queue>';

describe('queue operations', () => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  const call = (method: string, target: string, body?: string, headers: Record<string, string> = {}): Promise<MnsResponse> =>
    api.client.request(method, target, { ...(body !== undefined && { body }), headers });

  it('CreateQueue answers 201, then 204, each with the location and no body', async () => {
    for (const status of [201, 204]) {
      const response = await call('PUT', '/queues/orders', ATTRIBUTES);
      expect(response.status).toBe(status);
      expect(response.body).toBe('');
      expect(exactHeader(response, 'Location')).toBe(`${api.url}/queues/orders`);
      expectMnsHeaders(response);
    }
  });

  it('a slash at the end of a path is ignored, and of a repeated parameter the first value counts', async () => {
    expect((await call('PUT', '/queues/slash/')).status).toBe(201);
    expect(element((await call('GET', '/queues/slash/')).body, 'QueueName')).toBe('slash');
    expect((await call('PUT', '/queues/slash?metaoverride=true&metaoverride=false', '<Queue></Queue>')).status).toBe(204);
    expect(outcomeOf(await call('GET', '/queues/slash/messages?numOfMessages=17&numOfMessages=1'))).toBe('400 InvalidArgument');
  });

  it('CreateQueue compares what is not given with the defaults', async () => {
    await call('PUT', '/queues/compared');
    const different = await call('PUT', '/queues/compared', '<Queue><PollingWaitSeconds>20</PollingWaitSeconds></Queue>');
    expect(outcomeOf(different)).toBe('409 QueueAlreadyExist');
    expect((await call('PUT', '/queues/compared', '<Queue><VisibilityTimeout>30</VisibilityTimeout></Queue>')).status).toBe(204);
    const conflict = await call('PUT', '/queues/compared', ATTRIBUTES);
    expectMnsError(conflict, 409, 'QueueAlreadyExist', 'The queue you created is already exist.', api.url);
  });

  it('CreateQueue compares type and dead-letter policy only when they are given', async () => {
    const fifo = '<Queue><QueueType>fifo</QueueType></Queue>';
    expect((await call('PUT', '/queues/typed', fifo)).status).toBe(201);
    expect((await call('PUT', '/queues/typed', fifo)).status).toBe(204);
    expect((await call('PUT', '/queues/typed')).status).toBe(204);
    const normal = await call('PUT', '/queues/typed', '<Queue><QueueType>normal</QueueType></Queue>');
    expect(outcomeOf(normal)).toBe('409 QueueAlreadyExist');
    expect(element((await call('GET', '/queues/typed')).body, 'MessageType')).toBe('1');

    const policy = { deadLetterPolicy: { targetQueue: 'dead', maxReceiveCount: 3 } };
    expect((await call('PUT', '/api/v1/queues/with-policy', JSON.stringify(policy))).status).toBe(201);
    expect((await call('PUT', '/queues/with-policy')).status).toBe(204);
    expect(JSON.parse((await call('GET', '/api/v1/queues/with-policy')).body)).toMatchObject(policy);
    expect(outcomeOf(await call('PUT', '/queues/with-policy', ATTRIBUTES))).toBe('409 QueueAlreadyExist');
  });

  it('GetQueueAttributes writes the whole document', async () => {
    await call('PUT', '/queues/shown', ATTRIBUTES);
    const response = await call('GET', '/queues/shown');
    const time = element(response.body, 'CreateTime');
    expect(Math.abs(Number(time) - Date.now() / 1_000)).toBeLessThan(5);
    expect(response.status).toBe(200);
    expectMnsHeaders(response);
    expect(response.body).toBe(
      xml(
        'Queue',
        '<QueueName>shown</QueueName>',
        '<DelaySeconds>0</DelaySeconds>',
        '<MaximumMessageSize>65536</MaximumMessageSize>',
        '<MessageRetentionPeriod>345600</MessageRetentionPeriod>',
        '<VisibilityTimeout>60</VisibilityTimeout>',
        `<CreateTime>${time}</CreateTime>`,
        `<LastModifyTime>${time}</LastModifyTime>`,
        '<PollingWaitSeconds>0</PollingWaitSeconds>',
        '<ActiveMessages>0</ActiveMessages>',
        '<InactiveMessages>0</InactiveMessages>',
        '<DelayMessages>0</DelayMessages>',
        '<LoggingEnabled>False</LoggingEnabled>',
        '<MessageType>0</MessageType>',
        '<EnableSSE>False</EnableSSE>',
      ),
    );
  });

  it('SetQueueAttributes changes what is given and leaves the rest', async () => {
    await call('PUT', '/queues/changed', ATTRIBUTES);
    const response = await call('PUT', '/queues/changed?metaoverride=true', '<Queue><LoggingEnabled>true</LoggingEnabled></Queue>');
    expect([response.status, response.body, exactHeader(response, 'Location')]).toEqual([204, '', undefined]);
    expectMnsHeaders(response);
    expect((await call('PUT', '/queues/changed?MetaOverride=TRUE', '<Queue></Queue>')).status).toBe(204);
    const shown = (await call('GET', '/queues/changed')).body;
    expect([element(shown, 'LoggingEnabled'), element(shown, 'VisibilityTimeout')]).toEqual(['True', '60']);
    expect(outcomeOf(await call('PUT', '/queues/nowhere?metaoverride=true', ATTRIBUTES))).toBe('404 QueueNotExist');
  });

  it('DeleteQueue answers 204 whether or not the queue exists', async () => {
    await call('PUT', '/queues/deleted');
    for (let i = 0; i < 2; i++) {
      const response = await call('DELETE', '/queues/deleted');
      expect([response.status, response.body]).toEqual([204, '']);
    }
    expectMnsError(await call('GET', '/queues/deleted'), 404, 'QueueNotExist', 'The queue name you provided is not exist.', api.url);
    expect((await call('PUT', '/queues/deleted')).status).toBe(201);
  });

  it('counts active, inactive and delayed messages', async () => {
    await call('PUT', '/queues/counted');
    const message = (delay: number): string => `<Message><MessageBody>m</MessageBody><DelaySeconds>${delay}</DelaySeconds></Message>`;
    for (const delay of [0, 0, 0, 100]) await call('POST', '/queues/counted/messages', message(delay));
    await call('GET', '/queues/counted/messages');
    const shown = (await call('GET', '/queues/counted')).body;
    expect(['ActiveMessages', 'InactiveMessages', 'DelayMessages'].map((name) => element(shown, name))).toEqual(['2', '1', '1']);
  });

  describe('ListQueue', () => {
    beforeAll(async () => {
      for (const name of ['list-c', 'list-a', 'list-b']) await call('PUT', `/queues/${name}`);
    });

    const urls = (...names: string[]): string[] =>
      names.flatMap((name) => ['<Queue>', `  <QueueURL>${api.url}/queues/${name}</QueueURL>`, '</Queue>']);

    it('shows the queues in ascending order of their names', async () => {
      const response = await call('GET', '/queues', undefined, { 'x-mns-prefix': 'list-' });
      expect(response.status).toBe(200);
      expectMnsHeaders(response);
      expect(response.body).toBe(xml('Queues', ...urls('list-a', 'list-b', 'list-c')));
    });

    it('gives a marker only when more follows', async () => {
      const page = { 'x-mns-prefix': 'list-', 'x-mns-ret-number': '2' };
      const first = await call('GET', '/queues', undefined, page);
      const marker = element(first.body, 'NextMarker');
      expect(marker).toBeDefined();
      expect(first.body).toBe(xml('Queues', ...urls('list-a', 'list-b'), `<NextMarker>${marker}</NextMarker>`));
      const second = await call('GET', '/queues', undefined, { ...page, 'x-mns-marker': marker! });
      expect(second.body).toBe(xml('Queues', ...urls('list-c')));
      const exact = await call('GET', '/queues', undefined, { 'x-mns-prefix': 'list-', 'x-mns-ret-number': '3' });
      expect(element(exact.body, 'NextMarker')).toBeUndefined();
    });

    it('adds the attributes with x-mns-with-meta', async () => {
      const response = await call('GET', '/queues', undefined, { 'x-mns-prefix': 'list-a', 'x-mns-with-meta': 'true' });
      const lines = response.body.split('\n');
      const url = `    <QueueURL>${api.url}/queues/list-a</QueueURL>`;
      expect(lines.slice(2, 5)).toEqual(['  <Queue>', url, '    <QueueName>list-a</QueueName>']);
      expect(lines.at(-3)).toBe('    <EnableSSE>False</EnableSSE>');
    });

    it('is an empty document when there is nothing', async () => {
      const response = await call('GET', '/queues', undefined, { 'x-mns-prefix': 'no-such' });
      expect([response.status, response.body]).toEqual([200, xml('Queues')]);
    });
  });
});
