import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectMnsError, expectMnsHeaders, outcomeOf, xml } from './documents.js';
import { element, exactHeader, type MnsResponse } from './mns-client.js';
import { ACCOUNT, startApi, type RunningApi } from './running-api.js';

const subscription = (...children: string[]): string =>
  `<Subscription xmlns="http://mns.aliyuncs.com/doc/v1">${children.join('')}</Subscription>`;
const ENDPOINT = `<Endpoint>acs:mns:cn-test:${ACCOUNT}:queues/orders</Endpoint>`;

describe('topic operations', () => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  const call = (method: string, target: string, body?: string, headers: Record<string, string> = {}): Promise<MnsResponse> =>
    api.client.request(method, target, { ...(body !== undefined && { body }), headers });

  it('CreateTopic answers 201, then 204, and 409 for other attributes', async () => {
    for (const status of [201, 204]) {
      const response = await call('PUT', '/topics/news', '<Topic xmlns="http://mns.aliyuncs.com/doc/v1/"></Topic>');
      expect([response.status, response.body, exactHeader(response, 'Location')]).toEqual([status, '', `${api.url}/topics/news`]);
      expectMnsHeaders(response);
    }
    const conflict = await call('PUT', '/topics/news', '<Topic><MaximumMessageSize>10240</MaximumMessageSize></Topic>');
    expectMnsError(conflict, 409, 'TopicAlreadyExist', 'The topic you created is already exist.', api.url);
  });

  it('GetTopicAttributes writes the whole document, SetTopicAttributes changes it', async () => {
    await call('PUT', '/topics/shown');
    const changed = await call('PUT', '/topics/shown?metaoverride=true', '<Topic><MaximumMessageSize>2048</MaximumMessageSize></Topic>');
    expect(changed.status).toBe(204);
    const response = await call('GET', '/topics/shown');
    const [created, modified] = ['CreateTime', 'LastModifyTime'].map((name) => element(response.body, name));
    expect([response.status, response.body]).toEqual([
      200,
      xml(
        'Topic',
        '<TopicName>shown</TopicName>',
        `<CreateTime>${created}</CreateTime>`,
        `<LastModifyTime>${modified}</LastModifyTime>`,
        '<MaximumMessageSize>2048</MaximumMessageSize>',
        '<MessageRetentionPeriod>86400</MessageRetentionPeriod>',
        '<MessageCount>0</MessageCount>',
        '<LoggingEnabled>False</LoggingEnabled>',
      ),
    ]);
    expect(outcomeOf(await call('PUT', '/topics/nowhere?metaoverride=true', '<Topic></Topic>'))).toBe('404 TopicNotExist');
  });

  it('ListTopic pages like ListQueue and adds attributes on request', async () => {
    for (const name of ['t-b', 't-a']) await call('PUT', `/topics/${name}`);
    const item = (name: string): string[] => ['<Topic>', `  <TopicURL>${api.url}/topics/${name}</TopicURL>`, '</Topic>'];
    const first = await call('GET', '/topics', undefined, { 'x-mns-prefix': 't-', 'x-mns-ret-number': '1' });
    const marker = element(first.body, 'NextMarker')!;
    expect(first.body).toBe(xml('Topics', ...item('t-a'), `<NextMarker>${marker}</NextMarker>`));
    const second = await call('GET', '/topics', undefined, { 'x-mns-prefix': 't-', 'x-mns-ret-number': '1', 'x-mns-marker': marker });
    expect(second.body).toBe(xml('Topics', ...item('t-b')));
    const meta = await call('GET', '/topics', undefined, { 'x-mns-prefix': 't-a', 'x-mns-with-meta': 'true' });
    expect(element(meta.body, 'TopicName')).toBe('t-a');
    expect((await call('GET', '/topics', undefined, { 'x-mns-prefix': 'none' })).body).toBe(xml('Topics'));
  });

  it('PublishMessage answers id and digest', async () => {
    await call('PUT', '/topics/published');
    const attributes = '<MessageAttributes xmlns=""><DirectMail>{&quot;Subject&quot;:&quot;s&quot;}</DirectMail></MessageAttributes>';
    const response = await call(
      'POST',
      '/topics/published/messages',
      `<Message><MessageBody>hello</MessageBody><MessageTag>vip</MessageTag>${attributes}</Message>`,
    );
    const id = element(response.body, 'MessageId');
    expect(id).toMatch(/^[0-9A-F]{32}$/);
    expect([response.status, response.body]).toEqual([
      201,
      xml('Message', `<MessageId>${id}</MessageId>`, '<MessageBodyMD5>5D41402ABC4B2A76B9719D911017C592</MessageBodyMD5>'),
    ]);
    expectMnsHeaders(response);
    const nowhere = await call('POST', '/topics/nowhere/messages', '<Message><MessageBody>m</MessageBody></Message>');
    expect(outcomeOf(nowhere)).toBe('404 TopicNotExist');
  });

  it('DeleteTopic answers 204 whether or not the topic exists, with subscriptions or without', async () => {
    await call('PUT', '/topics/deleted');
    await call('PUT', '/topics/deleted/subscriptions/s', subscription(ENDPOINT));
    for (let i = 0; i < 2; i++) expect((await call('DELETE', '/topics/deleted')).status).toBe(204);
    expectMnsError(await call('GET', '/topics/deleted'), 404, 'TopicNotExist', 'The topic you provided does not exist.', api.url);
  });

  describe('subscriptions', () => {
    beforeAll(async () => {
      await call('PUT', '/topics/t1');
    });

    it('Subscribe answers 201, then 204, with a location without scheme, and 409 for other attributes', async () => {
      const document = subscription(ENDPOINT, '<NotifyContentFormat>JSON</NotifyContentFormat>');
      for (const status of [201, 204]) {
        const response = await call('PUT', '/topics/t1/subscriptions/s1', document);
        expect([response.status, response.body]).toEqual([status, '']);
        expect(exactHeader(response, 'Location')).toBe(`127.0.0.1:${api.port}/topics/t1/subscriptions/s1`);
        expectMnsHeaders(response);
      }
      const conflict = await call('PUT', '/topics/t1/subscriptions/s1', subscription(ENDPOINT));
      expectMnsError(conflict, 409, 'SubscriptionAlreadyExist', 'The subscription you created is already exist.', api.url);
    });

    it('GetSubscriptionAttributes writes the whole document, SetSubscriptionAttributes changes it', async () => {
      const document = subscription('<Endpoint>http://127.0.0.1:9/in?a=1&amp;b=2</Endpoint>', '<FilterTag>vip</FilterTag>');
      await call('PUT', '/topics/t1/subscriptions/shown', document);
      const change = subscription('<NotifyStrategy>EXPONENTIAL_DECAY_RETRY</NotifyStrategy>');
      expect((await call('PUT', '/topics/t1/subscriptions/shown?metaoverride=true', change)).status).toBe(204);
      const response = await call('GET', '/topics/t1/subscriptions/shown');
      const [created, modified] = ['CreateTime', 'LastModifyTime'].map((name) => element(response.body, name));
      expect([response.status, response.body]).toEqual([
        200,
        xml(
          'Subscription',
          `<TopicOwner>${ACCOUNT}</TopicOwner>`,
          '<TopicName>t1</TopicName>',
          '<SubscriptionName>shown</SubscriptionName>',
          '<Endpoint>http://127.0.0.1:9/in?a=1&amp;b=2</Endpoint>',
          '<FilterTag>vip</FilterTag>',
          '<NotifyStrategy>EXPONENTIAL_DECAY_RETRY</NotifyStrategy>',
          '<NotifyContentFormat>XML</NotifyContentFormat>',
          `<CreateTime>${created}</CreateTime>`,
          `<LastModifyTime>${modified}</LastModifyTime>`,
        ),
      ]);
      expect(outcomeOf(await call('GET', '/topics/t1/subscriptions/none'))).toBe('404 SubscriptionNotExist');
      expect(outcomeOf(await call('PUT', '/topics/t1/subscriptions/none?metaoverride=true', change))).toBe('404 SubscriptionNotExist');
    });

    it('ListSubscriptionByTopic shows the subscriptions of one topic', async () => {
      await call('PUT', '/topics/t2');
      for (const name of ['b', 'a']) await call('PUT', `/topics/t2/subscriptions/${name}`, subscription(ENDPOINT));
      const item = (name: string): string[] => [
        '<Subscription>',
        `  <SubscriptionURL>${api.url}/topics/t2/subscriptions/${name}</SubscriptionURL>`,
        '</Subscription>',
      ];
      expect((await call('GET', '/topics/t2/subscriptions')).body).toBe(xml('Subscriptions', ...item('a'), ...item('b')));
      const first = await call('GET', '/topics/t2/subscriptions', undefined, { 'x-mns-ret-number': '1' });
      const marker = element(first.body, 'NextMarker')!;
      expect(first.body).toBe(xml('Subscriptions', ...item('a'), `<NextMarker>${marker}</NextMarker>`));
      const second = await call('GET', '/topics/t2/subscriptions', undefined, { 'x-mns-marker': marker });
      expect(second.body).toBe(xml('Subscriptions', ...item('b')));
      const meta = await call('GET', '/topics/t2/subscriptions', undefined, { 'x-mns-with-meta': 'true', 'x-mns-prefix': 'b' });
      expect(element(meta.body, 'SubscriptionName')).toBe('b');
      expect(outcomeOf(await call('GET', '/topics/nowhere/subscriptions'))).toBe('404 TopicNotExist');
    });

    it('Unsubscribe answers 204 whether or not the subscription exists', async () => {
      await call('PUT', '/topics/t1/subscriptions/gone', subscription(ENDPOINT));
      for (let i = 0; i < 2; i++) expect((await call('DELETE', '/topics/t1/subscriptions/gone')).status).toBe(204);
      expectMnsError(
        await call('GET', '/topics/t1/subscriptions/gone'),
        404,
        'SubscriptionNotExist',
        'The subscription you provided does not exist.',
        api.url,
      );
    });

    it('Subscribe takes 100 subscriptions of a topic and no more', async () => {
      await call('PUT', '/topics/full');
      const subscribe = (n: number) => call('PUT', `/topics/full/subscriptions/s${n}`, subscription(ENDPOINT));
      const statuses = (await Promise.all(Array.from({ length: 100 }, (_, n) => subscribe(n)))).map(({ status }) => status);
      expect(new Set(statuses)).toEqual(new Set([201]));
      expectMnsError(await subscribe(100), 400, 'InvalidArgument', 'A topic has at most 100 subscriptions.', api.url);
      expect((await subscribe(0)).status).toBe(204);
    });

    it('Subscribe to a topic that does not exist is TopicNotExist, even with a bad document', async () => {
      expect(outcomeOf(await call('PUT', '/topics/nowhere/subscriptions/s', subscription(ENDPOINT)))).toBe('404 TopicNotExist');
      expect(outcomeOf(await call('PUT', '/topics/nowhere/subscriptions/s', '<Subscription>'))).toBe('404 TopicNotExist');
    });
  });

  it('account calls', async () => {
    const shown = (await call('GET', '/?accountmeta=true')).body;
    expect(shown).toBe(xml('Account', '<LoggingBucket></LoggingBucket>', '<TraceEnabled>0</TraceEnabled>'));
    const change = await call('PUT', '/?accountmeta=true', '<Account><LoggingBucket>logs</LoggingBucket></Account>');
    expect([change.status, change.body]).toEqual([204, '']);
    expect(element((await call('GET', '/?AccountMeta=true')).body, 'LoggingBucket')).toBe('logs');
    expect((await call('GET', '/?account')).body).toBe(xml('Account', `<AccountId>${ACCOUNT}</AccountId>`));
    expect(element((await call('POST', '/commonbuy/openservice')).body, 'OrderId')).toBeDefined();
    expect(outcomeOf(await call('GET', '/'))).toBe('400 InvalidRequestURL');
  });
});
