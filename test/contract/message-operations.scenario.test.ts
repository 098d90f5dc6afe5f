import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { expectMnsError, expectMnsHeaders, outcomeOf, xml } from './documents.js';
import { element, type MnsResponse } from './mns-client.js';
import { startApi, type RunningApi } from './running-api.js';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex').toUpperCase();

describe('message operations', () => {
  let api: RunningApi;
  let messages: string;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());
  beforeEach(async () => {
    const queue = `q-${randomBytes(4).toString('hex')}`;
    messages = `/queues/${queue}/messages`;
    await call('PUT', `/queues/${queue}`);
  });

  const call = (method: string, target: string, body?: string): Promise<MnsResponse> =>
    api.client.request(method, target, body === undefined ? {} : { body });
  const send = (body: string, more = ''): Promise<MnsResponse> =>
    call('POST', messages, `<Message><MessageBody>${body}</MessageBody>${more}</Message>`);
  const receive = (query = ''): Promise<MnsResponse> => call('GET', messages + query);
  const handleOf = ({ body }: MnsResponse): string => element(body, 'ReceiptHandle') ?? '';

  it('a FIFO queue hands out one message of a group at a time, and wants to know the group', async () => {
    const created = await call('PUT', '/queues/strict', '<Queue><QueueType>FIFO</QueueType></Queue>');
    expect(created.status).toBe(201);
    expect(element((await call('GET', '/queues/strict')).body, 'MessageType')).toBe('1');
    messages = '/queues/strict/messages';
    expectMnsError(await send('none'), 400, 'FifoMissingMessageGroupId', 'MessageGroupId is required for a FIFO queue.', api.url);
    const group = (id: string) => `<MessageGroupId>${id}</MessageGroupId>`;
    await send('a1', group('a'));
    await send('a2', group('a') + '<Priority>1</Priority>');
    await send('b1', group('b'));
    const both = await receive('?numOfMessages=16');
    expect(Array.from(both.body.matchAll(/<MessageBody>(.*)</g), ([, body]) => body)).toEqual(['a1', 'b1']);
    expect(outcomeOf(await receive())).toBe('404 MessageNotExist');
    const pending = receive('?waitseconds=10');
    await call('DELETE', `${messages}?ReceiptHandle=${handleOf(both)}`);
    expect(element((await pending).body, 'MessageBody')).toBe('a2');
    const changed = await call('PUT', '/queues/strict?metaoverride=true', '<Queue><QueueType>normal</QueueType></Queue>');
    expect(outcomeOf(changed)).toBe('400 InvalidArgument');
  });

  it('SendMessage answers id and digest', async () => {
    const response = await call(
      'POST',
      messages,
      '<Message xmlns="http://mns.aliyuncs.com/doc/v1"><MessageBody>aGVsbG8=</MessageBody><Priority>8</Priority><UserProperties>' +
        '<PropertyValue><Name>city</Name><Value>hz</Value><Type>STRING</Type></PropertyValue></UserProperties></Message>',
    );
    const id = element(response.body, 'MessageId');
    expect(id).toMatch(/^[0-9A-F]{32}$/);
    expect(response.status).toBe(201);
    expectMnsHeaders(response);
    const digest = '<MessageBodyMD5>0733351879B2FA9BD05C7CA3061529C0</MessageBodyMD5>';
    expect(response.body).toBe(xml('Message', `<MessageId>${id}</MessageId>`, digest));
  });

  it('a delayed send answers the handle that lets its sender take it back', async () => {
    const response = await send('later', '<DelaySeconds>60</DelaySeconds>');
    const [id, handle, next] = ['MessageId', 'ReceiptHandle', 'NextVisibleTime'].map((name) => element(response.body, name));
    expect(response.body).toBe(
      xml(
        'Message',
        `<MessageId>${id}</MessageId>`,
        `<MessageBodyMD5>${md5('later')}</MessageBodyMD5>`,
        `<ReceiptHandle>${handle}</ReceiptHandle>`,
        `<NextVisibleTime>${next}</NextVisibleTime>`,
      ),
    );
    expect(outcomeOf(await receive())).toBe('404 MessageNotExist');
    expect((await call('DELETE', `${messages}?ReceiptHandle=${handle}`)).status).toBe(204);
    expect(outcomeOf(await call('DELETE', `${messages}?ReceiptHandle=${handle}`))).toBe('404 MessageNotExist');
  });

  it('BatchSendMessage and BatchReceiveMessage write documents of messages, properties last', async () => {
    const value = (name: string, text: string): string => `<Name>${name}</Name><Value>${text}</Value><Type>STRING</Type>`;
    const traceparent = `<SystemPropertyValue>${value('traceparent', '00-a-b-01')}</SystemPropertyValue>`;
    const system = `<SystemProperties>${traceparent}</SystemProperties>`;
    const user = `<UserProperties><PropertyValue>${value('city', 'h&lt;z')}</PropertyValue></UserProperties>`;
    const sent = await call(
      'POST',
      messages,
      `<Messages><Message><MessageBody>one</MessageBody>${user}${system}</Message>` +
        '<Message><MessageBody>two</MessageBody></Message></Messages>',
    );
    const ids = [...sent.body.matchAll(/<MessageId>(\w+)</g)].map((match) => match[1]);
    const sentItems = ['one', 'two'].flatMap((body, index) => [
      '<Message>',
      `  <MessageId>${ids[index]}</MessageId>`,
      `  <MessageBodyMD5>${md5(body)}</MessageBodyMD5>`,
      '</Message>',
    ]);
    expect([sent.status, sent.body]).toEqual([201, xml('Messages', ...sentItems)]);

    const received = await receive('?numOfMessages=16&waitseconds=10');
    const texts = (name: string): string[] => [...received.body.matchAll(new RegExp(`<${name}>([^<]*)<`, 'g'))].map((match) => match[1]!);
    const [handles, enqueued, first, next] = ['ReceiptHandle', 'EnqueueTime', 'FirstDequeueTime', 'NextVisibleTime'].map(texts);
    const item = (index: number, body: string, ...properties: string[]): string[] => [
      '<Message>',
      `  <MessageId>${ids[index]}</MessageId>`,
      `  <MessageBodyMD5>${md5(body)}</MessageBodyMD5>`,
      `  <MessageBody>${body}</MessageBody>`,
      `  <ReceiptHandle>${handles![index]}</ReceiptHandle>`,
      `  <EnqueueTime>${enqueued![index]}</EnqueueTime>`,
      `  <FirstDequeueTime>${first![index]}</FirstDequeueTime>`,
      `  <NextVisibleTime>${next![index]}</NextVisibleTime>`,
      '  <DequeueCount>1</DequeueCount>',
      '  <Priority>8</Priority>',
      ...properties.map((line) => `  ${line}`),
      '</Message>',
    ];
    const properties = [
      '<SystemProperties>',
      '  <SystemPropertyValue>',
      '    <Name>traceparent</Name>',
      '    <Value>00-a-b-01</Value>',
      '    <Type>STRING</Type>',
      '  </SystemPropertyValue>',
      '</SystemProperties>',
      '<UserProperties>',
      '  <PropertyValue>',
      '    <Name>city</Name>',
      '    <Value>h&lt;z</Value>',
      '    <Type>STRING</Type>',
      '  </PropertyValue>',
      '</UserProperties>',
    ];
    expect([received.status, received.body]).toEqual([200, xml('Messages', ...item(0, 'one', ...properties), ...item(1, 'two'))]);
    expect(Number(next![0]) - Number(first![0])).toBe(30_000);
  });

  it('keeps every character of a body', async () => {
    const body = 'tab\tline\nreturn&#13;amp &amp; lt &lt; gt &gt; quote " 喜鹊 \u{1F426}';
    await send(body);
    expect(element((await receive()).body, 'MessageBody')).toBe(body);
  });

  it('PeekMessage changes nothing and shows neither handle nor next visible time', async () => {
    await send('seen');
    for (let i = 0; i < 2; i++) {
      const response = await receive('?peekonly=true');
      const [id, time] = ['MessageId', 'EnqueueTime'].map((name) => element(response.body, name));
      expect([response.status, response.body]).toEqual([
        200,
        xml(
          'Message',
          `<MessageId>${id}</MessageId>`,
          `<MessageBodyMD5>${md5('seen')}</MessageBodyMD5>`,
          '<MessageBody>seen</MessageBody>',
          `<EnqueueTime>${time}</EnqueueTime>`,
          `<FirstDequeueTime>${time}</FirstDequeueTime>`,
          '<DequeueCount>0</DequeueCount>',
          '<Priority>8</Priority>',
        ),
      ]);
    }
    const batch = await receive('?PeekOnly=True&NumOfMessages=5');
    expect(batch.body.split('\n')[1]).toBe('<Messages xmlns="http://mns.aliyuncs.com/doc/v1">');
    await receive();
    expectMnsError(await receive('?peekonly=true'), 404, 'MessageNotExist', 'Message not exist.', api.url);
  });

  it('receives by priority, then by arrival', async () => {
    for (const [body, priority] of [['c', 16], ['b1', 8], ['a', 1], ['b2', 8]] as const) {
      await send(body, `<Priority>${priority}</Priority>`);
    }
    const received = await receive('?numOfMessages=16');
    expect([...received.body.matchAll(/<MessageBody>(\w+)</g)].map((match) => match[1])).toEqual(['a', 'b1', 'b2', 'c']);
  });

  it('an empty receive is MessageNotExist, single or batch', async () => {
    expectMnsError(await receive(), 404, 'MessageNotExist', 'Message not exist.', api.url);
    expect(outcomeOf(await receive('?numOfMessages=16'))).toBe('404 MessageNotExist');
  });

  it('DeleteMessage takes the handle in any case and escaping, once', async () => {
    await send('gone');
    const handle = handleOf(await receive());
    const response = await call('DELETE', `${messages}?receiptHandle=${encodeURIComponent(handle)}`);
    expect([response.status, response.body]).toEqual([204, '']);
    expectMnsHeaders(response);
    expectMnsError(await call('DELETE', `${messages}?ReceiptHandle=${handle}`), 404, 'MessageNotExist', 'Message not exist.', api.url);
  });

  it('BatchDeleteMessage deletes the good handles and names the others', async () => {
    for (const body of ['1', '2', '3']) await send(body);
    const received = await receive('?numOfMessages=3');
    const handles = [...received.body.matchAll(/<ReceiptHandle>([^<]*)</g)].map((match) => match[1]!);
    const document = (list: readonly string[]): string =>
      `<ReceiptHandles>${list.map((handle) => `<ReceiptHandle>${handle}</ReceiptHandle>`).join('')}</ReceiptHandles>`;
    expect((await call('DELETE', messages, document(handles.slice(0, 1)))).status).toBe(204);

    const bogus = '1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA==';
    const response = await call('DELETE', messages, document([bogus, ...handles]));
    const item = (code: string, message: string, handle: string): string[] => [
      '<Error>',
      `  <ErrorCode>${code}</ErrorCode>`,
      `  <ErrorMessage>${message}</ErrorMessage>`,
      `  <ReceiptHandle>${handle}</ReceiptHandle>`,
      '</Error>',
    ];
    expect([response.status, response.body]).toEqual([
      404,
      xml(
        'Errors',
        ...item('ReceiptHandleError', 'The receipt handle you provide is not valid.', bogus),
        ...item('MessageNotExist', 'Message not exist.', handles[0]!),
      ),
    ]);
    expectMnsHeaders(response);
    expect(outcomeOf(await receive())).toBe('404 MessageNotExist');
  });

  it('ChangeMessageVisibility answers a new handle and leaves the old one valid', async () => {
    await send('kept');
    const handle = handleOf(await receive());
    const before = Date.now();
    const response = await call('PUT', `${messages}?receiptHandle=${handle}&visibilityTimeout=40`);
    const [fresh, next] = ['ReceiptHandle', 'NextVisibleTime'].map((name) => element(response.body, name));
    expect([response.status, response.body]).toEqual([
      200,
      xml('ChangeVisibility', `<ReceiptHandle>${fresh}</ReceiptHandle>`, `<NextVisibleTime>${next}</NextVisibleTime>`),
    ]);
    expectMnsHeaders(response);
    expect(Math.abs(Number(next) - before - 40_000)).toBeLessThan(2_000);
    expect((await call('DELETE', `${messages}?ReceiptHandle=${handle}`)).status).toBe(204);
    expect(outcomeOf(await call('DELETE', `${messages}?ReceiptHandle=${fresh}`))).toBe('404 MessageNotExist');
  });

  it('takes bodies in chunks, with any content type, and after 100 Continue', async () => {
    const body = '<Message><MessageBody>m</MessageBody></Message>';
    const variants = [
      { chunked: true },
      { headers: { 'Content-Type': 'application/xml' } },
      { headers: { 'Content-Type': 'text/xml; charset=UTF-8' } },
      { headers: { 'Content-Type': 'application/json' } },
      { headers: { 'Content-Type': 'no media type at all' } },
      { headers: { 'Content-Type': undefined } },
      { headers: { Expect: '100-continue' } },
    ];
    for (const variant of variants) expect((await api.client.request('POST', messages, { body, ...variant })).status).toBe(201);
  });

  it('takes a GET that announces a body without having one', async () => {
    await send('m');
    const response = await api.client.request('GET', messages, { headers: { 'Content-Type': 'text/xml', 'Content-Length': '0' } });
    expect(response.status).toBe(200);
  });
});
