import { describe, expect, it } from '@jest/globals';
import type { BucketEvent } from './bucket-event.js';
import { readIntakeBody } from './intake-body.js';
import { minioBody, nextRequestId, type MinioBody } from './minio-body.fixture.js';
import { NASTY_KEYS } from './nasty-keys.fixture.js';
import { OSS_EVENT_LIMIT, ossEventJson, ossMessageBody, type OssEventRule } from './oss-event.js';

const OWNER = { account: '1234567890123456', region: 'cn-hangzhou' };

function event(given: MinioBody = {}): BucketEvent {
  const body = Buffer.from(minioBody({ requestId: '18EA659740A62D1D', ...given }));
  return readIntakeBody(body, { source: 'store', receivedAt: Date.parse('2026-11-22T15:00:00Z') }).events[0]!;
}

interface OssElement {
  readonly eventTime: string;
  readonly oss: { readonly object: { readonly key: string; readonly size: number; readonly deltaSize: number } };
  readonly responseElements: { readonly requestId: string };
  readonly xVars?: Readonly<Record<string, string>>;
}

function told(given: MinioBody, rule: Partial<OssEventRule> = {}): OssElement {
  return (JSON.parse(ossEventJson(event(given), { name: 'my-rule', ...rule }, OWNER)) as { events: OssElement[] }).events[0]!;
}

describe('a message as OSS sends it', () => {
  it('is, byte for byte, that of OSS for the same upload', () => {
    const upload = event({
      bucket: 'testbucket',
      key: 'source/a.png',
      eventTime: '2022-08-13T06:45:43.412Z',
      requestId: '58F9FF2D3DF792092E12044C',
      object: { size: 122539, eTag: '688a7bf4f233dc9c88a80bf985ab7329', contentType: 'image/png', userMetadata: { 'X-Amz-Meta-Author': 'bob' }, sequencer: '1' },
      record: { requestParameters: { sourceIPAddress: '140.205.128.221' }, userIdentity: { principalId: '1234567890123456' } },
    });
    expect(ossEventJson(upload, { name: 'my-rule', mapping: { time: 'seconds' } }, OWNER)).toBe(
      '{"events":[{"eventName":"ObjectCreated:PutObject","eventSource":"acs:oss","eventTime":"2022-08-13T06:45:43.000Z","eventVersion":"1.0",' +
        '"oss":{"bucket":{"arn":"acs:oss:cn-hangzhou:1234567890123456:testbucket","name":"testbucket","ownerIdentity":"1234567890123456","virtualBucket":""},' +
        '"object":{"deltaSize":122539,"eTag":"688A7BF4F233DC9C88A80BF985AB7329","key":"source/a.png",' +
        '"objectMeta":{"mimeType":"image/png","userMeta":{"x-oss-meta-author":"bob"}},"size":122539},"ossSchemaVersion":"1.0","ruleId":"my-rule"},' +
        '"region":"cn-hangzhou","requestParameters":{"sourceIPAddress":"140.205.128.221"},"responseElements":{"requestId":"58F9FF2D3DF792092E12044C"},' +
        '"userIdentity":{"principalId":"1234567890123456"}}]}',
    );
  });

  it.each(NASTY_KEYS)('carries the key %j to the consumer', (key) => {
    const body = ossMessageBody(event({ key }), { name: 'my-rule' }, OWNER);
    expect(body).toMatch(/^[A-Za-z0-9+/]+=*$/);
    const { events } = JSON.parse(Buffer.from(body, 'base64').toString()) as { events: OssElement[] };
    expect(events[0]!.oss.object.key).toBe(key);
  });

  it.each([2 ** 32, 5 * 2 ** 40, Number.MAX_SAFE_INTEGER])('tells %d bytes exactly', (size) => {
    expect(told({ object: { size } }).oss.object).toMatchObject({ size, deltaSize: size });
    expect(ossEventJson(event({ object: { size } }), { name: 'r' }, OWNER)).toContain(`"size":${size}}`);
  });
});

describe('mapping', () => {
  it.each([
    ['2026-11-22T14:51:41.762Z', '2026-11-22T14:51:41.000Z'],
    ['2026-11-22T22:51:41+08:00', '2026-11-22T14:51:41.000Z'],
    ['no time', '2026-11-22T15:00:00.000Z'],
  ])('cuts the time %s to seconds', (eventTime, expected) => {
    expect(told({ eventTime }, { mapping: { time: 'seconds' } }).eventTime).toBe(expected);
  });

  it('pads a short request id and leaves a long one', () => {
    const padded = { mapping: { requestId: 'padded' } } as const;
    expect(told({}, padded).responseElements.requestId).toBe('0000000018EA659740A62D1D');
    expect(told({ requestId: '58F9FF2D3DF792092E12044C' }, padded).responseElements.requestId).toBe('58F9FF2D3DF792092E12044C');
    expect(told({}, { mapping: { requestId: 'store' } }).responseElements.requestId).toBe('18EA659740A62D1D');
  });
});

describe('eventVars', () => {
  const all = ['versionId', 'sequencer', 's3EventName', 'source', 'origin'] as const;

  it('tells what OSS has no member for, after the variables of the rule', () => {
    const object = { versionId: 'c91ecf9c', sequencer: '18EA659740B0BB87' };
    expect(told({ object }, { xVars: { 'x:team': 'media' }, eventVars: all }).xVars).toEqual({
      'x:team': 'media',
      'x:magpie-versionId': 'c91ecf9c',
      'x:magpie-sequencer': '18EA659740B0BB87',
      'x:magpie-s3EventName': 'ObjectCreated:Put',
      'x:magpie-source': 'store',
      'x:magpie-origin': 'request',
    });
  });

  it('leaves out what the event does not have', () => {
    expect(told({ object: {} }, { eventVars: ['versionId', 'sequencer'] })).not.toHaveProperty('xVars');
  });

  it.each([
    ['s3:ObjectRemoved:Delete', 'Internal: [ILM-Expiry]', 'lifecycle'],
    ['s3:LifecycleDelMarkerExpiration:Delete', '', 'lifecycle'],
    ['s3:ObjectTransition:Complete', 'Internal: [ILM-Transition]', 'lifecycle'],
    ['s3:Replication:OperationCompletedReplication', 'Internal: [Replication]', 'replication'],
    ['s3:ObjectRemoved:Delete', 'mc', 'request'],
  ])('knows why %s of %j happened', (eventName, userAgent, origin) => {
    expect(told({ eventName, record: { source: { userAgent } } }, { eventVars: ['origin'] }).xVars).toEqual({ 'x:magpie-origin': origin });
  });

  it('goes before the key does when a message would be too large', () => {
    const hostile = '\x01'.repeat(1_024);
    const given = {
      bucket: '\x01'.repeat(255),
      key: '\x01'.repeat(2_000),
      object: { eTag: hostile, versionId: hostile, sequencer: hostile, contentType: hostile },
      record: { userIdentity: { principalId: hostile }, requestParameters: { sourceIPAddress: hostile }, responseElements: { 'x-amz-request-id': hostile } },
    };
    for (const format of ['oss', 'cloudevents'] as const) {
      const json = ossEventJson(event(given), { name: 'r', format, xVars: { 'x:a': 'v'.repeat(4_000) }, eventVars: all }, OWNER);
      expect(Buffer.byteLength(json)).toBeLessThanOrEqual(OSS_EVENT_LIMIT);
      expect(json).toContain('"x:magpie-trimmed":"eventVars"');
    }
  });
});

describe('a CloudEvent', () => {
  interface CloudEvent {
    readonly id: string;
    readonly data: OssElement & { readonly oss: object };
  }
  const write = (given: MinioBody = {}, rule: Partial<OssEventRule> = {}) =>
    JSON.parse(ossEventJson(event(given), { name: 'my-rule', format: 'cloudevents', ...rule }, OWNER)) as CloudEvent;

  it('has the attributes of EventBridge and one event of OSS, without the rule, as its data', () => {
    const written = write({ key: 'my dir/a+b.txt' });
    const { data, id, ...attributes } = written;
    expect(attributes).toEqual({
      source: 'acs.oss',
      specversion: '1.0',
      type: 'oss:ObjectCreated:PutObject',
      datacontenttype: 'application/json;charset=utf-8',
      subject: 'acs:oss:cn-hangzhou:1234567890123456:photos/my dir/a+b.txt',
      time: '2026-11-22T14:51:41.762Z',
      aliyunaccountid: '1234567890123456',
      aliyunoriginalaccountid: '1234567890123456',
      aliyunregionid: 'cn-hangzhou',
      aliyuneventbusname: 'default',
      aliyunpublishtime: '2026-11-22T15:00:00.000Z',
    });
    expect(id).toMatch(/^[0-9A-F]{24}$/);
    const { oss, ...rest } = told({ key: 'my dir/a+b.txt' });
    expect({ ...data, oss: { ...data.oss, ruleId: 'my-rule' } }).toEqual({ ...rest, oss });
    expect(data.oss).not.toHaveProperty('ruleId');
  });

  it('has one id for all copies and rules, and another for every object of a request', () => {
    const requestId = nextRequestId();
    const removal = (key: string) => ({ key, requestId, eventName: 's3:ObjectRemoved:Delete', object: {} });
    expect(write(removal('a')).id).toBe(write({ ...removal('a'), eventTime: '2026-11-22T14:51:41.999Z' }, { name: 'other' }).id);
    expect(write(removal('a')).id).not.toBe(write(removal('b')).id);
  });

  it('carries variables in its data', () => {
    expect(write({}, { xVars: { 'x:team': 'media' } }).data.xVars).toEqual({ 'x:team': 'media' });
  });

  it.each(NASTY_KEYS)('carries the key %j', (key) => {
    expect(write({ key }).data.oss.object.key).toBe(key);
  });
});
