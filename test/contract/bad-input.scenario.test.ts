import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { expectMnsHeaders, outcomeOf } from './documents.js';
import { exchangeBytes, type MnsRequest, type MnsResponse } from './mns-client.js';
import { startApi, type RunningApi } from './running-api.js';

const message = (...children: string[]): string => `<Message>${children.join('')}</Message>`;
const body = (text: string): string => `<MessageBody>${text}</MessageBody>`;
const property = (name: string, value: string, type = 'STRING'): string =>
  `<PropertyValue><Name>${name}</Name><Value>${value}</Value><Type>${type}</Type></PropertyValue>`;
const properties = (...children: string[]): string => `<UserProperties>${children.join('')}</UserProperties>`;
const systemProperty = (name: string, type = 'STRING'): string =>
  `<SystemProperties>${property(name, 'v', type).replaceAll('PropertyValue', 'SystemPropertyValue')}</SystemProperties>`;
const batch = (count: number, text = 'm'): string => `<Messages>${message(body(text)).repeat(count)}</Messages>`;
const handles = (count: number): string => `<ReceiptHandles>${'<ReceiptHandle>h</ReceiptHandle>'.repeat(count)}</ReceiptHandles>`;

const ENTITY_BOMB = `<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "${'x'.repeat(50)}">${Array.from(
  { length: 20 },
  (_, i) => `<!ENTITY a${i} "${`&a${i === 0 ? '' : i - 1};`.repeat(10)}">`,
).join('')}]><Message><MessageBody>&a19;</MessageBody></Message>`;
const FILE_ENTITY = '<!DOCTYPE m [<!ENTITY f SYSTEM "file:///etc/passwd">]><Message><MessageBody>&f;</MessageBody></Message>';

describe('bad input', () => {
  let api: RunningApi;
  const complaints: string[] = [];
  beforeAll(async () => {
    const logger = pino({ level: 'warn' }, { write: (line: string) => complaints.push(line) });
    api = await startApi({ logger });
    // The Redis of the tests has no memory limit, of which a process warns at its start.
    complaints.length = 0;
    await api.client.request('PUT', '/queues/q');
    await api.client.request('PUT', '/topics/t');
    await api.client.request('PUT', '/queues/small', { body: '<Queue><MaximumMessageSize>1024</MaximumMessageSize></Queue>' });
  });
  afterAll(() => api.stop());
  // Whatever a client sends, it is no defect of ours.
  afterEach(() => expect(complaints).toEqual([]));

  const request = (method: string, target: string, options: MnsRequest | string = {}): Promise<MnsResponse> =>
    api.client.request(method, target, typeof options === 'string' ? { body: options } : options);

  type Case = readonly [expected: string, method: string, target: string, body?: string | Buffer];
  const refuses = (what: string, cases: readonly Case[]): void => {
    const titled = cases.map((entry, index) => [`${what} ${index}: ${entry[0]} for ${entry[1]} ${entry[2].slice(0, 60)}`, entry] as const);
    it.each(titled)('%s', async (_title, [expected, method, target, content]) => {
      const response = await request(method, target, content === undefined ? {} : { body: content });
      expect(outcomeOf(response)).toBe(expected);
      expectMnsHeaders(response);
    });
  };

  refuses('broken XML', [
    ['400 MalformedXML', 'POST', '/queues/q/messages', '<Message><MessageBody>m</Message>'],
    ['400 MalformedXML', 'POST', '/queues/q/messages', 'no XML at all'],
    ['400 MalformedXML', 'POST', '/queues/q/messages', ''],
    ['400 MalformedXML', 'POST', '/queues/q/messages', ENTITY_BOMB],
    ['400 MalformedXML', 'POST', '/queues/q/messages', FILE_ENTITY],
    ['400 MalformedXML', 'POST', '/queues/q/messages', message(body('&undefined;'))],
    ['400 MalformedXML', 'POST', '/queues/q/messages', message(body('\u0001'))],
    ['400 MalformedXML', 'POST', '/queues/q/messages', Buffer.from([...Buffer.from('<Message><MessageBody>'), 0xff, 0xfe])],
    ['400 MalformedXML', 'POST', '/queues/q/messages', `${'<a>'.repeat(5_000)}${'</a>'.repeat(5_000)}`],
    ['400 MalformedXML', 'POST', '/topics/t/messages', '<Message'],
    ['400 MalformedXML', 'PUT', '/queues/new', '<Queue>'],
    ['400 MalformedXML', 'PUT', '/topics/new', '<Topic>'],
    ['400 MalformedXML', 'PUT', '/topics/t/subscriptions/s', '<Subscription>'],
    ['400 MalformedXML', 'DELETE', '/queues/q/messages', '<ReceiptHandles>'],
    ['400 MalformedXML', 'PUT', '/?accountmeta=true', '<Account>'],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', '<Something/>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Topic></Topic>'],
  ]);

  refuses('values of messages', [
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message()],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body(''))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), '<Priority>17</Priority>')],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), '<Priority>-1</Priority>')],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), '<Priority>high</Priority>')],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), '<DelaySeconds>604801</DelaySeconds>')],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), '<DelaySeconds>-1</DelaySeconds>')],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), '<DelaySeconds>99999999999999999999999</DelaySeconds>')],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('<b>not escaped</b>'))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('x'.repeat(65_537)))],
    ['400 InvalidArgument', 'POST', '/queues/small/messages', message(body('x'.repeat(1_025)))],
    ['400 InvalidArgument', 'POST', '/queues/small/messages', message(body('喜'.repeat(342)))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), properties(property('n', 'v').repeat(2)))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), properties(property('a..b', 'v')))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), properties(property('n', 'v', 'DATE')))],
    [
      '400 InvalidArgument',
      'POST',
      '/queues/q/messages',
      message(body('m'), properties(...Array.from({ length: 51 }, (_, i) => property(`n${i}`, 'v')))),
    ],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), properties(property('n'.repeat(257), 'v')))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), properties(property('n', 'v'.repeat(4_097))))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), properties(property('', 'v')))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), properties(property('n', 'maybe', 'BOOLEAN')))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), systemProperty('DLQSourceArn'))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), systemProperty('traceparent', 'NUMBER'))],
    ['400 InvalidArgument', 'POST', '/queues/small/messages', message(body('x'.repeat(1_000)), properties(property('n', 'v'.repeat(18))))],
    ['201', 'POST', '/queues/small/messages', message(body('x'.repeat(1_000)), properties(property('n', 'v'.repeat(17))))],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', message(body('m'), `<MessageGroupId>${'g'.repeat(129)}</MessageGroupId>`)],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', batch(17)],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', '<Messages></Messages>'],
    ['400 InvalidArgument', 'POST', '/queues/q/messages', batch(2, 'x'.repeat(40_000))],
    ['400 InvalidArgument', 'POST', '/topics/t/messages', message()],
    ['400 InvalidArgument', 'POST', '/topics/t/messages', message(body('m'), `<MessageTag>${'t'.repeat(17)}</MessageTag>`)],
    ['400 InvalidArgument', 'POST', '/topics/t/messages', message(body('x'.repeat(65_537)))],
  ]);

  refuses('values of queues, topics and subscriptions', [
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><PollingWaitSeconds>60</PollingWaitSeconds></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><VisibilityTimeout>0</VisibilityTimeout></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><VisibilityTimeout>43201</VisibilityTimeout></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><MaximumMessageSize>1023</MaximumMessageSize></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><MessageRetentionPeriod>59</MessageRetentionPeriod></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><MaximumMessageSize>65537</MaximumMessageSize></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><MessageRetentionPeriod>1296001</MessageRetentionPeriod></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><DelaySeconds>604801</DelaySeconds></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><DelaySeconds>-1</DelaySeconds></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><QueueType>ordered</QueueType></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><DelaySeconds>1.5</DelaySeconds></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/new', '<Queue><LoggingEnabled>maybe</LoggingEnabled></Queue>'],
    ['400 InvalidArgument', 'PUT', '/queues/q?metaoverride=true', '<Queue><PollingWaitSeconds>31</PollingWaitSeconds></Queue>'],
    ['400 InvalidArgument', 'PUT', '/topics/new', '<Topic><MaximumMessageSize>66560</MaximumMessageSize></Topic>'],
    ['400 InvalidArgument', 'PUT', '/topics/new', '<Topic><MaximumMessageSize>1023</MaximumMessageSize></Topic>'],
    ['400 InvalidArgument', 'PUT', '/topics/new', '<Topic><LoggingEnabled>maybe</LoggingEnabled></Topic>'],
    ['400 InvalidArgument', 'PUT', '/?accountmeta=true', '<Account><TraceEnabled>2</TraceEnabled></Account>'],
    ['400 EndpointInvalid', 'PUT', '/topics/t/subscriptions/s', '<Subscription><Endpoint>ftp://host/</Endpoint></Subscription>'],
    ['400 EndpointInvalid', 'PUT', '/topics/t/subscriptions/s', '<Subscription></Subscription>'],
    ['400 EndpointInvalid', 'PUT', '/topics/t/subscriptions/s'],
    [
      '400 InvalidArgument',
      'PUT',
      '/topics/t/subscriptions/s',
      '<Subscription><Endpoint>http://h/</Endpoint><NotifyContentFormat>STREAM</NotifyContentFormat></Subscription>',
    ],
    [
      '400 InvalidArgument',
      'PUT',
      '/topics/t/subscriptions/s',
      '<Subscription><Endpoint>http://h/</Endpoint><NotifyStrategy>NEVER</NotifyStrategy></Subscription>',
    ],
    [
      '400 InvalidArgument',
      'PUT',
      '/topics/t/subscriptions/s',
      `<Subscription><Endpoint>http://h/</Endpoint><FilterTag>${'t'.repeat(17)}</FilterTag></Subscription>`,
    ],
  ]);

  refuses('query strings', [
    ['400 InvalidQueryString', 'GET', '/queues/q/messages?waitseconds=soon'],
    ['400 InvalidQueryString', 'GET', '/queues/q/messages?waitseconds='],
    ['400 InvalidQueryString', 'GET', '/queues/q/messages?numOfMessages=1e1'],
    ['400 InvalidArgument', 'GET', '/queues/q/messages?waitseconds=31'],
    ['400 InvalidArgument', 'GET', '/queues/q/messages?waitseconds=-1'],
    ['400 InvalidArgument', 'GET', '/queues/q/messages?numOfMessages=0'],
    ['400 InvalidArgument', 'GET', '/queues/q/messages?numOfMessages=17'],
    ['400 InvalidArgument', 'GET', '/queues/q/messages?peekonly=true&numOfMessages=17'],
    ['400 InvalidArgument', 'GET', '/queues/q/messages?waitseconds=999999999999'],
    ['400 InvalidQueryString', 'PUT', '/queues/q/messages?ReceiptHandle=h&VisibilityTimeout=x'],
    ['400 InvalidArgument', 'PUT', '/queues/q/messages?ReceiptHandle=h&VisibilityTimeout=0'],
    ['400 InvalidArgument', 'PUT', '/queues/q/messages?ReceiptHandle=h&VisibilityTimeout=43201'],
    ['400 MissingVisibilityTimeout', 'PUT', '/queues/q/messages?ReceiptHandle=h'],
    ['400 MissingReceiptHandle', 'PUT', '/queues/q/messages?VisibilityTimeout=30'],
    ['400 ReceiptHandleError', 'PUT', '/queues/q/messages?ReceiptHandle=never-issued&VisibilityTimeout=30'],
    ['400 ReceiptHandleError', 'DELETE', '/queues/q/messages?ReceiptHandle=1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA=='],
    ['400 ReceiptHandleError', 'DELETE', '/queues/q/messages?ReceiptHandle=%zz%00'],
    ['400 MissingReceiptHandle', 'DELETE', '/queues/q/messages?ReceiptHandle='],
    ['400 MissingReceiptHandle', 'DELETE', '/queues/q/messages'],
    ['400 MissingReceiptHandle', 'DELETE', '/queues/q/messages', '<ReceiptHandles></ReceiptHandles>'],
    ['400 InvalidArgument', 'DELETE', '/queues/q/messages', handles(17)],
  ]);

  refuses('names', [
    ['400 InvalidQueueName', 'PUT', '/queues/-dash-first'],
    ['400 InvalidQueueName', 'PUT', '/queues/under_score'],
    ['400 InvalidQueueName', 'PUT', '/queues/%E5%96%9C'],
    ['400 InvalidQueueName', 'PUT', '/queues/a%2Fb'],
    ['400 InvalidQueueName', 'GET', '/queues/..%2f..%2fetc'],
    ['400 InvalidQueueName', 'PUT', '/queues/a%00b'],
    ['400 QueueNameLengthError', 'PUT', `/queues/${'q'.repeat(121)}`],
    ['400 QueueNameLengthError', 'GET', `/queues/${'q'.repeat(8_000)}`],
    ['201', 'PUT', `/queues/${'q'.repeat(120)}`],
    ['400 InvalidQueueName', 'PUT', '/queues/-bad', '<Queue>'],
    ['400 InvalidQueueName', 'POST', '/queues/-bad/messages', '<Message>'],
    ['400 InvalidQueueName', 'GET', '/queues/-bad/messages?waitseconds=99'],
    ['400 InvalidQueueName', 'DELETE', '/queues/-bad'],
    ['400 TopicNameInvalid', 'PUT', '/topics/-bad'],
    ['400 TopicNameInvalid', 'POST', '/topics/a.b/messages', message(body('m'))],
    ['400 TopicNameLengthError', 'PUT', `/topics/${'t'.repeat(121)}`],
    ['400 SubscriptionNameInvalid', 'GET', '/topics/t/subscriptions/-bad'],
    ['400 SubscriptionNameInvalid', 'PUT', '/topics/t/subscriptions/a_b', '<Subscription><Endpoint>http://h/</Endpoint></Subscription>'],
    ['400 SubscriptionNameLengthError', 'DELETE', `/topics/t/subscriptions/${'s'.repeat(256)}`],
  ]);

  refuses('what does not exist before what is wrong', [
    ['404 QueueNotExist', 'POST', '/queues/none/messages', '<Message>'],
    ['404 QueueNotExist', 'GET', '/queues/none/messages?waitseconds=99'],
    ['404 QueueNotExist', 'DELETE', '/queues/none/messages?ReceiptHandle=h'],
    ['404 QueueNotExist', 'DELETE', '/queues/none/messages'],
    ['404 QueueNotExist', 'PUT', '/queues/none/messages'],
    ['404 QueueNotExist', 'GET', '/queues/none/messages?peekonly=true'],
    ['404 TopicNotExist', 'POST', '/topics/none/messages', '<Message>'],
  ]);

  refuses('unknown operations', [
    ['400 InvalidRequestURL', 'GET', '/nothing/here'],
    ['400 InvalidRequestURL', 'GET', '/'],
    ['400 InvalidRequestURL', 'POST', '/queues/q'],
    ['400 InvalidRequestURL', 'PATCH', '/queues/q'],
    ['400 InvalidRequestURL', 'OPTIONS', '/queues/q'],
    ['400 InvalidRequestURL', 'PROPFIND', '/queues/q'],
    ['400 InvalidRequestURL', 'PUT', '/queues'],
    ['400 InvalidRequestURL', 'POST', '/topics/t/subscriptions/s'],
    ['400 InvalidRequestURL', 'GET', '/queues/q/messages/extra'],
    ['400 InvalidRequestURL', 'GET', '/queues//messages'],
    ['400 InvalidRequestURL', 'GET', '/QUEUES/q'],
    ['400 InvalidRequestURL', 'POST', '/nothing', message(body('m'))],
    ['400 InvalidRequestURL', 'GET', '/queues/%zz'],
    ['400 InvalidRequestURL', 'GET', '/queues/%C3%28'],
  ]);

  it.each(['0', '1001', '-1', 'all', '1.5'])('list pages of %s entries', async (limit) => {
    for (const target of ['/queues', '/topics', '/topics/t/subscriptions']) {
      expect(outcomeOf(await request('GET', target, { headers: { 'x-mns-ret-number': limit } }))).toBe('400 InvalidArgument');
    }
  });

  it('a marker that was never given out starts somewhere and harms nothing', async () => {
    expect((await request('GET', '/queues', { headers: { 'x-mns-marker': '%%% no marker \u00ff' } })).status).toBe(200);
  });

  it('HEAD receives nothing', async () => {
    await request('POST', '/queues/q/messages', message(body('still here')));
    const response = await request('HEAD', '/queues/q/messages');
    expect([response.status, response.body]).toEqual([400, '']);
    expect((await request('GET', '/queues/q/messages')).status).toBe(200);
  });

  it('bodies over the limit are refused', async () => {
    const huge = Buffer.alloc(6 * 1_048_576, 'x');
    for (const options of [{ body: huge }, { body: huge, chunked: true }]) {
      const response = await request('POST', '/queues/q/messages', options);
      expect(outcomeOf(response)).toBe('400 InvalidArgument');
      expectMnsHeaders(response);
    }
    const announced = { ...api.client.headersFor('POST', '/queues/q/messages', { headers: { 'Content-Length': '99999999999' } }) };
    const answer = await exchangeBytes(api.port, `POST /queues/q/messages HTTP/1.1\r\n${lines(announced)}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*Connection: close\r\n[^]*<Code>InvalidArgument</);
  });

  it('a large body with a bad signature is answered, not cut off', async () => {
    const response = await request('POST', '/queues/q/messages', { body: Buffer.alloc(6 * 1_048_576, 'x'), signedTarget: '/other' });
    expect(outcomeOf(response)).toBe('403 SignatureDoesNotMatch');
    expect((await request('GET', '/queues/q')).status).toBe(200);
  });

  it('the largest batch in its most wasteful spelling is taken', async () => {
    const escaped = '&#x0000026;'.repeat(4_000);
    expect((await request('POST', '/queues/q/messages', batch(8, escaped))).status).toBe(201);
  });

  it('a client that stops in the middle of its body harms nobody', async () => {
    const headers = api.client.headersFor('POST', '/queues/q/messages', { headers: { 'Content-Length': '1000' } });
    expect(await exchangeBytes(api.port, `POST /queues/q/messages HTTP/1.1\r\n${lines(headers)}\r\n<Message>`, 200)).toBe('');
    expect((await request('GET', '/queues/q')).status).toBe(200);
  });

  it.each([
    ['a broken request line', 'NONSENSE\r\n\r\n'],
    ['bytes that are no text', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])],
    ['a broken header', 'GET / HTTP/1.1\r\nHost: h\r\nbad header\r\n\r\n'],
    ['a header with a control character', 'GET / HTTP/1.1\r\nHost: h\r\nX: a\u0001b\r\n\r\n'],
    ['two lengths', 'POST /queues/q/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['a length and chunks', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a length that is no number', 'POST /queues/q/messages HTTP/1.1\r\nHost: h\r\nContent-Length: many\r\n\r\n'],
    ['a negative length', 'POST /queues/q/messages HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n'],
    ['headers without end', `GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`],
    ['a target without end', `GET /queues/${'q'.repeat(40_000)} HTTP/1.1\r\nHost: h\r\n\r\n`],
    ['a request without a host', 'GET /queues/q HTTP/1.1\r\n\r\n'],
    ['another protocol version', 'GET /queues/q HTTP/3.0\r\nHost: h\r\n\r\n'],
    ['a connection to somewhere else', 'GET *nothing HTTP/1.1\r\nHost: h\r\n\r\n'],
  ])('%s is answered 400', async (_what, bytes) => {
    const answer = await exchangeBytes(api.port, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect((await request('GET', '/queues/q')).status).toBe(200);
  });

  it('chunks that are framed wrongly are answered 400', async () => {
    const headers = api.client.headersFor('POST', '/queues/q/messages', { chunked: true });
    const answer = await exchangeBytes(api.port, `POST /queues/q/messages HTTP/1.1\r\n${lines(headers)}\r\nzz\r\nabc\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each(['at once', 'after the answer'])('a request whose chunks are broken gets one answer, when they come %s', async (when) => {
    const target = '/queues/%ED%A0%80/messages';
    const socket = connect(api.port, '127.0.0.1');
    const head = `POST ${target} HTTP/1.1\r\n${lines(api.client.headersFor('POST', target, { chunked: true }))}\r\n`;
    const broken = 'zz\r\nabc\r\n';
    const answers: string[] = [];
    socket.on('data', (chunk: Buffer) => answers.push(chunk.toString()));
    socket.write(when === 'at once' ? head + broken : head);
    const closed = once(socket, 'close');
    await once(socket, 'data');
    if (when !== 'at once') socket.write(broken);
    await closed;
    expect(answers.join('').match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
    expect((await request('GET', '/queues/q')).status).toBe(200);
  });

  it('CONNECT and Upgrade lead nowhere', async () => {
    expect(await exchangeBytes(api.port, 'CONNECT example.com:80 HTTP/1.1\r\nHost: h\r\n\r\n', 300)).not.toMatch(/^HTTP\/1\.1 [235]/);
    const headers = api.client.headersFor('GET', '/queues/q', { headers: { Connection: 'Upgrade', Upgrade: 'websocket' } });
    expect(await exchangeBytes(api.port, `GET /queues/q HTTP/1.1\r\n${lines(headers)}\r\n`, 300)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('a request without Host gets a document like any other', async () => {
    const answer = await exchangeBytes(api.port, 'GET /queues/q HTTP/1.1\r\nx-mns-version: 2015-06-06\r\n\r\n', 300);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('<Code>InvalidRequestURL</Code>');
    expect(answer).toContain(`<HostId>http://127.0.0.1:${api.port}</HostId>`);
  });

  it('a strange Host is not echoed', async () => {
    const headers = { ...api.client.headersFor('GET', '/queues/none'), Host: 'a"><script>' };
    const answer = await exchangeBytes(api.port, `GET /queues/none HTTP/1.1\r\n${lines(headers)}\r\n`, 300);
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).toContain(`<HostId>http://127.0.0.1:${api.port}</HostId>`);
  });

  it('answers 100 Continue before the body is sent', async () => {
    const content = message(body('m'));
    const headers = api.client.headersFor('POST', '/queues/q/messages', { body: content, headers: { Expect: '100-continue' } });
    const answer = await exchangeBytes(api.port, `POST /queues/q/messages HTTP/1.1\r\n${lines(headers)}\r\n`, 300);
    expect(answer).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  });

  it('an expectation that nobody knows is answered 417', async () => {
    const response = await request('GET', '/queues/q', { headers: { Expect: 'the-unexpected' } });
    expect(outcomeOf(response)).toBe('417 InvalidArgument');
    expectMnsHeaders(response);
  });
});

function lines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
