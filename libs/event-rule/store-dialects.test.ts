import { describe, expect, it } from '@jest/globals';
import type { KeyEncoding } from './object-key.js';
import { readIntakeBody } from './intake-body.js';
import { minioBody } from './minio-body.fixture.js';
import { NASTY_KEYS } from './nasty-keys.fixture.js';
import {
  awsBody,
  cephBody,
  inSns,
  inSqs,
  inSqsRecords,
  minioListenLine,
  rustfsBody,
  rustfsListenLine,
  testEvent,
  versityBody,
  type StoreBody,
} from './store-bodies.fixture.js';

function read(body: string, keyEncoding: KeyEncoding = 'auto') {
  return readIntakeBody(Buffer.from(body), { source: 'store', receivedAt: Date.parse('2026-11-22T15:00:00Z'), keyEncoding });
}

const STORES: readonly (readonly [string, (body: StoreBody) => string, KeyEncoding?])[] = [
  ['the stream of MinIO', minioListenLine, 'raw'],
  ['RustFS', rustfsBody],
  ['the stream of RustFS', rustfsListenLine],
  ['Ceph', cephBody],
  ['VersityGW', versityBody],
  ['AWS', awsBody],
  ['AWS through SNS', (body) => inSns(awsBody(body))],
  ['AWS through SQS', (body) => inSqs(awsBody(body))],
  ['AWS through SNS and SQS', (body) => inSqs(inSns(awsBody(body)))],
  ['AWS through SNS and SQS, given to a function', (body) => inSqsRecords(inSns(awsBody(body)))],
  ['StorageGRID', (body) => inSns(awsBody(body, 'sgws:s3'))],
  ['NooBaa', (body) => awsBody(body, 'noobaa:s3')],
];

describe.each(STORES)('an event of %s', (_store, write, keyEncoding) => {
  it.each(NASTY_KEYS)('keeps the key %j', (key) => {
    const { events, problems, keyFallbacks } = read(write({ key }), keyEncoding);
    expect([events.map((event) => event.key), problems, keyFallbacks]).toEqual([[key], [], 0]);
  });

  it('says what happened', () => {
    const [event] = read(write({}), keyEncoding).events;
    expect(event).toMatchObject({ eventName: 'ObjectCreated:PutObject', bucket: 'photos', size: 5, eTag: '5d41402abc4b2a76b9719d911017c592' });
    expect(event!.principalId).not.toBe('');
    expect(event!.sequencer).not.toBe('');
    expect(new Date(event!.eventTime).getTime()).toBeGreaterThanOrEqual(Date.parse('2026-11-22T14:51:41Z'));
  });

  it('says what was removed', () => {
    const [event] = read(write({ eventName: 'ObjectRemoved:Delete', object: { size: undefined, eTag: undefined } }), keyEncoding).events;
    expect(event).toMatchObject({ eventName: 'ObjectRemoved:DeleteObject', size: 0, eTag: '' });
  });
});

describe('what is special about a store', () => {
  it('Ceph tells tags and metadata', () => {
    expect(read(cephBody()).events[0]).toMatchObject({ dialect: 'ceph', tags: { team: 'media' }, userMetadata: { 'x-amz-meta-author': 'bob' } });
  });

  it('Ceph tells the start of a multipart upload', () => {
    const start = cephBody({ eventName: 'ObjectCreated:Post', object: { size: 0, eTag: '' } });
    expect(read(start).events[0]?.eventName).toBe('ObjectCreated:InitiateMultipartUpload');
  });

  it('VersityGW has a port in addresses and no version in unversioned buckets', () => {
    const [event] = read(versityBody()).events;
    expect(event).toMatchObject({ dialect: 'versity', sourceIpAddress: '10.1.2.3', principalId: 'app-user' });
    expect(event).not.toHaveProperty('versionId');
  });

  it.each([
    ['ObjectTagging:Put', 'ObjectModified:UpdateObjectMeta'],
    ['ObjectAcl:Put', 'ObjectModified:UpdateObjectMeta'],
    ['LifecycleExpiration:Delete', 'ObjectRemoved:DeleteObject'],
    ['LifecycleTransition', 'ObjectModified:ChangeStorageClass'],
  ])('RustFS has names of its own: %s', (eventName, expected) => {
    expect(read(rustfsBody({ eventName })).events[0]?.eventName).toBe(expected);
  });

  it('the stream of MinIO has raw keys and must be told apart: a plus is a plus', () => {
    expect(read(minioListenLine({ key: 'a+b' }), 'raw').events[0]?.key).toBe('a+b');
    expect(read(minioBody({ key: 'a+b' })).events[0]?.key).toBe('a+b');
  });

  it.each([
    ['alone', JSON.stringify(testEvent())],
    ['as a record', JSON.stringify({ Records: [testEvent()] })],
    ['through SNS', inSns(JSON.stringify(testEvent('Amazon S3')))],
    ['through SQS', inSqs(JSON.stringify(testEvent('Amazon S3')))],
    ['of a CloudEvent', JSON.stringify({ specversion: '1.0', data: testEvent() })],
    ['no messages', '{"Messages":[]}'],
    ['pings of RustFS', '{"Records":[]}'],
    ['pings of MinIO', '{"Records":null}'],
  ])('finds nothing to do in a test event %s', (_what, body) => {
    expect(read(body)).toEqual({ events: [], problems: [], keyFallbacks: 0 });
  });
});

describe('envelopes', () => {
  it('takes several messages, and says which could not be read', () => {
    const { events, problems } = read(inSqs(awsBody({ key: 'one' }), 'no JSON', inSns(awsBody({ key: 'two' })), inSns('half {')));
    expect(events.map(({ key }) => key)).toEqual(['one', 'two']);
    expect(problems).toEqual(['message 1: a message whose body is not JSON', 'message 3: SNS notification whose Message is not JSON']);
  });

  it('takes one message of SQS as it is', () => {
    expect(read(JSON.stringify({ MessageId: '1', Body: awsBody({ key: 'one' }) })).events[0]?.key).toBe('one');
  });

  it.each([
    ['a message without body', JSON.stringify({ Messages: [{ MessageId: '1' }, 7] })],
    ['envelopes without end', Array.from({ length: 6 }).reduce<string>((inner) => inSqs(inner), awsBody())],
    ['a subscription to be confirmed', JSON.stringify({ Type: 'SubscriptionConfirmation', Message: 'You have chosen to subscribe' })],
  ])('does not follow %s', (_what, body) => {
    const { events, problems } = read(body);
    expect(events).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
  });
});
