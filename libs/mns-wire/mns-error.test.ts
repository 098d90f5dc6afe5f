import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch } from '#access/access-errors.js';
import { EndpointInvalid } from '#delivery/endpoint.js';
import * as queueErrors from '#queue/queue-errors.js';
import { RedisFull, RedisUnavailable } from '#redis/redis-unavailable.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import * as topicErrors from '#topic/topic-errors.js';
import { MNS_ERRORS, MnsError, toMnsError, writeError, type MnsErrorCode } from './mns-error.js';
import { readXml } from './xml-reader.js';

/** Every error class that a file exports, made with an argument that stands for the name of something. */
function errorsOf(module: object): Error[] {
  const classes = Object.values(module).filter((value): value is new (name: string) => Error => typeof value === 'function');
  return classes.map((Class) => new Class('name')).filter(({ name }) => name !== 'Error');
}

describe('MNS_ERRORS', () => {
  it('is the table of docs/protocol.md', () => {
    const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
    const rows = page.matchAll(/^\| `(\w+)` \| (\d{3}) \| (.+) \|$/gm);
    expect(Object.fromEntries(Array.from(rows, ([, code, status, message]) => [code, [Number(status), message]]))).toEqual(MNS_ERRORS);
  });

  it('has none of the codes that docs/protocol.md says are never sent', () => {
    const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
    const [, section = ''] = page.split('### Codes of MNS that the hub never sends');
    const unsent = Array.from(section.split('\n#')[0]!.matchAll(/`([A-Z]\w+)`(?=[^|]*\| [^|]+ \|$)/gm), ([, code]) => code!);
    expect(unsent.length).toBeGreaterThan(5);
    expect(unsent.filter((code) => Object.hasOwn(MNS_ERRORS, code))).toEqual([]);
  });

  it('has the texts that clients look for', () => {
    expect(MNS_ERRORS.InvalidAccessKeyId[1]).toBe('The access Id you provided is not exist.');
    expect(MNS_ERRORS.MessageNotExist).toEqual([404, 'Message not exist.']);
  });
});

describe('toMnsError', () => {
  it('answers every error of queues, topics and access with the code of its name and the text of the table', () => {
    const errors = [
      ...errorsOf(queueErrors),
      ...errorsOf(topicErrors),
      new AccessDenied('SendMessage'),
      new InvalidAccessKeyId('id'),
      new SignatureDoesNotMatch(),
    ];
    expect(errors.length).toBeGreaterThan(15);
    for (const error of errors) {
      const code = error.name as MnsErrorCode;
      const [status, message] = MNS_ERRORS[code];
      expect(toMnsError(error)).toEqual({ code, status, message });
    }
  });

  it('keeps what an error knows beyond the table', () => {
    expect(toMnsError(InvalidArgument.outOfRange('Priority', 1, 16, 'levels'))).toEqual({
      code: 'InvalidArgument',
      status: 400,
      message: 'The value of Priority should between 1 and 16 levels.',
    });
    expect(toMnsError(new EndpointInvalid('no such channel'))).toMatchObject({ code: 'EndpointInvalid', message: 'no such channel' });
    expect(toMnsError(new EndpointInvalid())).toMatchObject({ message: 'The endpoint you provided is not valid.' });
    expect(toMnsError(new SignatureDoesNotMatch('GET\n\n/'))?.message).toContain(String.raw`The string to sign is "GET\n\n/".`);
  });

  it('answers broken XML', () => {
    let thrown: unknown;
    try {
      readXml('<M>');
    } catch (error) {
      thrown = error;
    }
    expect(toMnsError(thrown)).toMatchObject({ code: 'MalformedXML', status: 400, message: expect.stringContaining('unclosed tag') });
  });

  it('passes on request errors', () => {
    expect(toMnsError(new MnsError('MissingReceiptHandle'))).toEqual({
      code: 'MissingReceiptHandle',
      status: 400,
      message: 'ReceiptHandle is required.',
    });
    expect(toMnsError(MnsError.invalidQueryString('numOfMessages'))).toEqual({
      code: 'InvalidQueryString',
      status: 400,
      message: 'Http request URL contains invalid querystring item "numOfMessages".',
    });
  });

  it('asks the client to come back when the store is away or full', () => {
    const away = { code: 'ServiceUnavailable', status: 503, retryAfterSeconds: 1, message: expect.stringContaining('did not answer') };
    const full = { code: 'ServiceUnavailable', status: 503, retryAfterSeconds: 5, message: expect.stringContaining('full') };
    expect(toMnsError(new RedisUnavailable('ECONNREFUSED 10.0.0.1'))).toEqual(away);
    expect(toMnsError(new RedisFull('OOM'))).toEqual(full);
  });

  it.each([
    new Error('defect'),
    new TypeError('defect'),
    Object.assign(new Error('defect'), { name: 'constructor' }),
    'text',
    undefined,
    { code: 'QueueNotExist' },
  ])('knows nothing of %p', (error) => {
    expect(toMnsError(error)).toBeUndefined();
  });
});

describe('writeError', () => {
  it('writes the four elements that clients insist on', () => {
    const hostId = 'http://1234567890123456.mns.cn-test.example.com';
    const error = { code: 'MessageNotExist', message: 'a < b', requestId: '6ABAB9163739350F006CA7D5', hostId };
    expect(writeError(error)).toBe(`<?xml version="1.0" ?>
<Error xmlns="http://mns.aliyuncs.com/doc/v1">
  <Code>MessageNotExist</Code>
  <Message>a &lt; b</Message>
  <RequestId>6ABAB9163739350F006CA7D5</RequestId>
  <HostId>http://1234567890123456.mns.cn-test.example.com</HostId>
</Error>`);
  });
});
