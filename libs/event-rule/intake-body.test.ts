import { describe, expect, it } from '@jest/globals';
import { readIntakeBody } from './intake-body.js';
import { minioBody, minioRecord, queryEscape } from './minio-body.fixture.js';
import { NASTY_KEYS } from './nasty-keys.fixture.js';

const ARRIVAL = { source: 'store', receivedAt: Date.parse('2026-11-22T15:00:00Z') };

function read(body: string | Buffer) {
  return readIntakeBody(Buffer.from(body), ARRIVAL);
}

function eventIn(body: string) {
  const { events, problems } = read(body);
  expect(problems).toEqual([]);
  expect(events).toHaveLength(1);
  return events[0]!;
}

describe('readIntakeBody', () => {
  it.each(NASTY_KEYS)('keeps the key %j from the envelope of MinIO', (key) => {
    expect(eventIn(minioBody({ key })).key).toBe(key);
  });

  it.each(NASTY_KEYS)('decodes the key %j of a bare record of MinIO', (key) => {
    expect(eventIn(JSON.stringify({ Records: [minioRecord({ key })] })).key).toBe(key);
  });

  it('reads what a PUT says', () => {
    expect(eventIn(minioBody({ key: 'my dir/a+b.txt', requestId: '18EA659740A62D1D' }))).toEqual({
      source: 'store',
      dialect: 'minio',
      s3EventName: 'ObjectCreated:Put',
      eventName: 'ObjectCreated:PutObject',
      eventTime: '2026-11-22T14:51:41.762Z',
      receivedAt: ARRIVAL.receivedAt,
      bucket: 'photos',
      key: 'my dir/a+b.txt',
      size: 5,
      eTag: '5d41402abc4b2a76b9719d911017c592',
      contentType: 'text/plain',
      userMetadata: { 'X-Amz-Meta-Author': 'bob', 'content-type': 'text/plain' },
      sequencer: '18EA659740B0BB87',
      sourceIpAddress: '10.1.2.3',
      principalId: 'app-user',
      requestId: '18EA659740A62D1D',
      hostId: 'f4238777a1d363e363355cdee4bc8ee31c1b440e283815b5a6afbb36a6c3e798',
      deploymentId: '8a92ea37-4feb-4afb-91e8-8468d6cb8c12',
      userAgent: 'MinIO (linux; amd64) minio-go/v7.0.91',
    });
  });

  it.each([
    ['a zero-byte object has no size', {}, 0],
    ['five tebibytes', { size: 5 * 2 ** 40 }, 5 * 2 ** 40],
    ['a size as text', { size: '12' }, 12],
    ['a size that is none', { size: -1 }, 0],
    ['a size beyond what can be counted', { size: 2 ** 60 }, 0],
  ])('%s', (_what, object, size) => {
    expect(eventIn(minioBody({ object })).size).toBe(size);
  });

  it('reads a delete, which has neither size nor tag', () => {
    const event = eventIn(minioBody({ eventName: 's3:ObjectRemoved:Delete', object: { sequencer: '18EA' } }));
    expect(event).toMatchObject({ eventName: 'ObjectRemoved:DeleteObject', size: 0, eTag: '' });
    expect(event).not.toHaveProperty('versionId');
    expect(event).not.toHaveProperty('userMetadata');
  });

  it('reads what the store did by itself, without request parameters', () => {
    const record = {
      requestParameters: null,
      userIdentity: { principalId: '' },
      responseElements: { 'x-amz-request-id': '' },
      source: { host: 'node1:9000', port: '', userAgent: 'Internal: [ILM-Expiry]' },
    };
    const event = eventIn(minioBody({ eventName: 's3:ObjectRemoved:Delete', object: {}, record }));
    expect(event).toMatchObject({ principalId: '', requestId: '', sourceIpAddress: 'node1', userAgent: 'Internal: [ILM-Expiry]' });
  });

  it.each([
    ['10.1.2.3:4711', '10.1.2.3'],
    ['[::1]:4711', '::1'],
    ['fe80::1', 'fe80::1'],
    ['2001:db8::17', '2001:db8::17'],
  ])('takes the port off %s', (sourceIPAddress, expected) => {
    expect(eventIn(minioBody({ record: { requestParameters: { sourceIPAddress } } })).sourceIpAddress).toBe(expected);
  });

  it('keeps metadata with dangerous names as data', () => {
    const { userMetadata } = eventIn(minioBody().replace('"X-Amz-Meta-Author"', '"__proto__"'));
    expect(Object.entries(userMetadata ?? {})).toContainEqual(['__proto__', 'bob']);
    expect(({} as Record<string, unknown>)['bob']).toBeUndefined();
  });

  describe('other dialects', () => {
    const record = (eventSource: string, key: string, more: object = {}) => ({ ...minioRecord(), eventSource, ...more, s3: { bucket: { name: 'b' }, object: { key } } });
    const keyOf = (body: object) => eventIn(JSON.stringify(body)).key;

    it('leaves keys of Ceph as they are', () => {
      expect(keyOf({ Records: [record('ceph:s3', 'a+b%20c d')] })).toBe('a+b%20c d');
    });

    it('leaves keys of VersityGW as they are, which calls itself AWS', () => {
      expect(keyOf({ Records: [record('aws:s3', 'a+b%20c', { userIdentity: { PrincipalId: 'x' } })] })).toBe('a+b%20c');
      expect(eventIn(JSON.stringify({ Records: [record('aws:s3', 'k', { userIdentity: { PrincipalId: 'x' } })] })).principalId).toBe('x');
    });

    it('decodes keys of AWS, which leave slashes', () => {
      expect(keyOf({ Records: [record('aws:s3', 'my+dir/a%2Bb(1).txt')] })).toBe('my dir/a+b(1).txt');
    });

    it('decodes keys of RustFS, whose envelope is like that of MinIO', () => {
      expect(keyOf({ Records: [record('rustfs:s3', queryEscape('my dir/a+b'))] })).toBe('my dir/a+b');
      expect(keyOf({ Key: 'b/my dir/a+b', Records: [record('rustfs:s3', 'wrong')] })).toBe('my dir/a+b');
    });

    it.each(['a b', 'a/b', '100%', 'é'])('keeps a key of MinIO that cannot have been encoded: %s', (key) => {
      const { events, keyFallbacks } = read(JSON.stringify({ Records: [record('minio:s3', key)] }));
      expect(events[0]?.key).toBe(key);
      expect(keyFallbacks).toBe(1);
    });

    it('does what the source is set to', () => {
      const body = Buffer.from(JSON.stringify({ Records: [record('aws:s3', 'a+b')] }));
      expect(readIntakeBody(body, { ...ARRIVAL, keyEncoding: 'raw' }).events[0]?.key).toBe('a+b');
    });

    it("reads Ceph's names without s3:, its metadata list and its start of a multipart upload", () => {
      const ceph = { ...record('ceph:s3', 'k'), eventName: 'ObjectCreated:Post' };
      expect(eventIn(JSON.stringify({ Records: [ceph] })).eventName).toBe('ObjectCreated:InitiateMultipartUpload');
      const object = { key: 'k', size: '3', eTag: 'ab', metadata: [{ key: 'x-amz-meta-a', val: '1' }, 'junk'] };
      const post = { ...ceph, s3: { bucket: { name: 'b' }, object } };
      expect(eventIn(JSON.stringify({ Records: [post] }))).toMatchObject({ eventName: 'ObjectCreated:PostObject', size: 3, userMetadata: { 'x-amz-meta-a': '1' } });
    });
  });

  describe('bodies around records', () => {
    it('takes several records', () => {
      const body = JSON.stringify({ Records: [minioRecord({ key: 'one' }), minioRecord({ key: 'two' })] });
      expect(read(body).events.map(({ key }) => key)).toEqual(['one', 'two']);
    });

    it('does not take the key of the envelope for several records', () => {
      const body = JSON.stringify({ Key: 'photos/zero', Records: [minioRecord({ key: 'one' }), minioRecord({ key: 'two' })] });
      expect(read(body).events.map(({ key }) => key)).toEqual(['one', 'two']);
    });

    it.each([
      ['an SNS notification', JSON.stringify({ Type: 'Notification', Message: minioBody() })],
      ['a structured CloudEvent', JSON.stringify({ specversion: '1.0', data: { Records: [minioRecord()] } })],
      ['a CloudEvent around one record', JSON.stringify({ specversion: '1.0', data: minioRecord() })],
      ['one bare record', JSON.stringify(minioRecord())],
      ['a byte order mark', `\ufeff${minioBody()}`],
      ['blanks around it', `\n  ${minioBody()}  \n`],
    ])('reads %s', (_what, body) => {
      expect(eventIn(body).key).toBe('summer/a.txt');
    });

    it.each([
      ['no records', '{"Records":[]}'],
      ['null for records', '{"Records":null}'],
      ['a test event', '{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-22T14:51:41Z","Bucket":"b"}'],
      ['the creation of a bucket', JSON.stringify({ Records: [{ ...minioRecord(), eventName: 's3:BucketCreated:*', s3: { bucket: { name: 'b' }, object: {} } }] })],
    ])('finds nothing to do in %s', (_what, body) => {
      expect(read(body)).toEqual({ events: [], problems: [], keyFallbacks: 0 });
    });

    it.each([
      ['nothing', ''],
      ['text', 'hello'],
      ['a list', '[]'],
      ['null', 'null'],
      ['a number', '17'],
      ['half a body', minioBody().slice(0, 300)],
      ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
      ['an object of something else', '{"hello":"world"}'],
      ['a request to confirm an SNS subscription', '{"Type":"SubscriptionConfirmation","Message":"You have chosen…","SubscribeURL":"http://169.254.169.254/"}'],
      ['SNS inside SNS', JSON.stringify({ Type: 'Notification', Message: JSON.stringify({ Type: 'Notification', Message: minioBody() }) })],
      ['SNS around text', '{"Type":"Notification","Message":"hello"}'],
    ])('calls %s unreadable', (_what, body) => {
      const { events, problems } = read(body);
      expect(events).toEqual([]);
      expect(problems).toHaveLength(1);
    });

    it('reads the good records of a body and reports the others', () => {
      const records = [minioRecord({ key: 'good' }), 7, null, {}, { eventName: 's3:ObjectCreated:Put' }, { ...minioRecord(), s3: { bucket: { name: 'b' } } }];
      const { events, problems } = read(JSON.stringify({ Records: records }));
      expect(events.map(({ key }) => key)).toEqual(['good']);
      expect(problems).toEqual([
        'record 1: not an object',
        'record 2: not an object',
        'record 3: no eventName',
        'record 4: no bucket name',
        'record 5: no object key',
      ]);
    });

    it('takes the last of two members with the same name, as every JSON reader here does', () => {
      expect(eventIn(minioBody().replace('{"EventName"', '{"Key":"photos/first","EventName"')).key).toBe('summer/a.txt');
    });

    it('refuses a key that no message could carry', () => {
      expect(read(minioBody({ key: 'x'.repeat(3_000) })).problems).toEqual(['record 0: object key of 3000 characters']);
    });
  });
});
