import { describe, expect, it } from '@jest/globals';
import type { BucketEvent } from './bucket-event.js';
import { readIntakeBody } from './intake-body.js';
import { minioBody, type MinioBody } from './minio-body.fixture.js';
import { OSS_EVENT_LIMIT, ossEventJson, ossMessageBody } from './oss-event.js';

const OWNER = { account: '1234567890123456', region: 'cn-hangzhou' };
const RULE = { name: 'my-rule' };

function event(given: MinioBody = {}): BucketEvent {
  const body = Buffer.from(minioBody({ requestId: '18EA659740A62D1D', ...given }));
  return readIntakeBody(body, { source: 'store', receivedAt: Date.parse('2026-11-22T15:00:00Z') }).events[0]!;
}

/** The one event of a message, members as the test expects them. */
interface Written {
  readonly eventTime: string;
  readonly oss: { readonly object: { readonly eTag: string; readonly key: string; readonly objectMeta: { readonly userMeta: object } } };
  readonly responseElements: { readonly requestId: string };
  readonly userIdentity: { readonly principalId: string };
  readonly xVars: Readonly<Record<string, string>>;
}

function parse(json: string): Written {
  return (JSON.parse(json) as { events: Written[] }).events[0]!;
}

function written(given: MinioBody = {}, rule = RULE): Written {
  return parse(ossEventJson(event(given), rule, OWNER));
}

function deltaOf(given: Partial<BucketEvent>): number {
  const { oss } = parse(ossEventJson({ ...event(), ...given }, RULE, OWNER));
  return (oss.object as unknown as { readonly deltaSize: number }).deltaSize;
}

describe('ossEventJson', () => {
  it('writes every member in the order of OSS', () => {
    expect(ossEventJson(event({ key: 'source/a b.png' }), RULE, OWNER)).toBe(
      '{"events":[{"eventName":"ObjectCreated:PutObject","eventSource":"acs:oss","eventTime":"2026-11-22T14:51:41.762Z","eventVersion":"1.0",' +
        '"oss":{"bucket":{"arn":"acs:oss:cn-hangzhou:1234567890123456:photos","name":"photos","ownerIdentity":"1234567890123456","virtualBucket":""},' +
        '"object":{"deltaSize":5,"eTag":"5D41402ABC4B2A76B9719D911017C592","key":"source/a b.png",' +
        '"objectMeta":{"mimeType":"text/plain","userMeta":{"x-oss-meta-author":"bob"}},"size":5},"ossSchemaVersion":"1.0","ruleId":"my-rule"},' +
        '"region":"cn-hangzhou","requestParameters":{"sourceIPAddress":"10.1.2.3"},"responseElements":{"requestId":"18EA659740A62D1D"},' +
        '"userIdentity":{"principalId":"app-user"}}]}',
    );
  });

  it('writes the variables of the rule last', () => {
    expect(ossEventJson(event(), { ...RULE, xVars: { 'x:team': 'media' } }, OWNER)).toMatch(/"userIdentity":\{[^}]*\},"xVars":\{"x:team":"media"\}\}\]\}$/);
  });

  it.each([
    ['multipart', { eTag: '30dc5b5a-10000' }, '30DC5B5A-10000'],
    ['quoted', { eTag: '"5d41"' }, '5D41'],
    ['absent', {}, ''],
  ])('writes an eTag in capitals: %s', (_what, object, expected) => {
    expect(written({ object }).oss.object.eTag).toBe(expected);
  });

  it('tells a delete with sizes of 0', () => {
    expect(written({ eventName: 's3:ObjectRemoved:Delete', object: { sequencer: '1' } }).oss.object).toEqual({ deltaSize: 0, eTag: '', key: 'summer/a.txt', size: 0 });
  });

  it('tells by how much the bucket grew where the former object is known', () => {
    const event = { size: 5, formerSize: 7 };
    expect(deltaOf({ ...event, eventName: 'ObjectCreated:PutObject' })).toBe(-2);
    expect(deltaOf({ ...event, size: 0, eventName: 'ObjectRemoved:DeleteObject' })).toBe(-7);
    expect(Object.is(deltaOf({ size: 0, eventName: 'ObjectRemoved:DeleteObject' }), 0)).toBe(true);
    expect(deltaOf({ ...event, eventName: 'ObjectModified:UpdateObjectMeta' })).toBe(0);
  });

  it('tells a change of metadata with a difference of 0', () => {
    expect(written({ eventName: 's3:ObjectCreated:PutTagging' }).oss.object).toMatchObject({ deltaSize: 0, size: 5 });
  });

  it.each([
    [undefined, 0, 5],
    ['bytes=1-3', 1, 4],
    ['bytes=0-0', 0, 1],
    ['bytes=2-', 2, 5],
    ['bytes=-2', 3, 5],
    ['bytes=-20', 0, 5],
    ['bytes=1-99', 1, 5],
    ['bytes=9-99', 0, 5],
    ['bytes=0-1,3-4', 0, 5],
    ['rubbish', 0, 5],
  ])('tells the range of a download: %s', (range, readFrom, readTo) => {
    const record = { requestParameters: { sourceIPAddress: '10.1.2.3', ...(range !== undefined && { range }) } };
    const download = written({ eventName: 's3:ObjectAccessed:Get', record });
    expect(download.oss.object).toMatchObject({ deltaSize: 0, readFrom, readTo, size: 5 });
    expect(Object.keys(download.oss.object)).toEqual(['deltaSize', 'eTag', 'key', 'objectMeta', 'readFrom', 'readTo', 'size']);
  });

  it.each([
    ['2026-11-22T14:51:41.762Z', '2026-11-22T14:51:41.762Z'],
    ['2026-11-22T14:51:41.762345Z', '2026-11-22T14:51:41.762Z'],
    ['2026-11-22T22:51:41+08:00', '2026-11-22T14:51:41.000Z'],
    ['', '2026-11-22T15:00:00.000Z'],
    ['yesterday', '2026-11-22T15:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '2026-11-22T15:00:00.000Z'],
  ])('writes the time %j as %s', (eventTime, expected) => {
    expect(written({ eventTime }).eventTime).toBe(expected);
  });

  it('names the account where no requester is known', () => {
    expect(written({ record: { userIdentity: { principalId: '' } } }).userIdentity.principalId).toBe(OWNER.account);
  });

  it('makes up a request id that is the same for every copy', () => {
    const record = { responseElements: null, source: { userAgent: 'Internal: [ILM-Expiry]' } };
    const one = written({ record }).responseElements.requestId;
    expect(one).toMatch(/^[0-9A-F]{24}$/);
    expect(written({ record, eventTime: '2026-11-22T14:51:41.799Z' }).responseElements.requestId).toBe(one);
  });

  it('leaves out the type when there is none', () => {
    expect(written({ object: { size: 1 } }).oss.object).not.toHaveProperty('objectMeta');
    expect(written({ object: { contentType: 'a/b' } }).oss.object.objectMeta).toEqual({ mimeType: 'a/b' });
    expect(written({ object: { userMetadata: { 'x-amz-meta-A': '1' } } }).oss.object.objectMeta).toEqual({ userMeta: { 'x-oss-meta-a': '1' } });
  });

  it('writes keys as they are', () => {
    for (const key of ['a+b %20 中文 "quoted"', '\x01\n', '__proto__']) expect(written({ key }).oss.object.key).toBe(key);
  });
});

describe('the size of a message', () => {
  const manyMetadata = (count: number, length: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`X-Amz-Meta-Note-${index}`, 'x'.repeat(length)]));

  it('keeps what fits', () => {
    const given = { object: { userMetadata: manyMetadata(40, 1_000) } };
    expect(Object.keys(written(given).oss.object.objectMeta.userMeta)).toHaveLength(40);
    expect(written(given)).not.toHaveProperty('xVars');
  });

  it('leaves out as many of the longest user metadata as needed, and says so', () => {
    const userMetadata = { ...manyMetadata(2, 100), 'X-Amz-Meta-Long': 'y'.repeat(60_000) };
    const given = written({ object: { contentType: 'a/b', userMetadata } });
    expect(given.oss.object.objectMeta).toEqual({ mimeType: 'a/b', userMeta: { 'x-oss-meta-note-0': 'x'.repeat(100), 'x-oss-meta-note-1': 'x'.repeat(100) } });
    expect(given.xVars).toEqual({ 'x:magpie-trimmed': 'userMeta' });
  });

  it.each([
    ['a letter', 'k'],
    ['three bytes', '語'],
    ['a control character', '\x01'],
  ])('never leaves out the key, and always fits: key of %s', (_what, letter) => {
    const hostile = '\x01'.repeat(3_000);
    const object = { eTag: hostile, contentType: '\x01'.repeat(9_000), userMetadata: manyMetadata(200, 900) };
    const record = {
      userIdentity: { principalId: hostile },
      requestParameters: { sourceIPAddress: hostile },
      responseElements: { 'x-amz-request-id': hostile },
    };
    const key = letter.repeat(2_000);
    const rule = { name: 'r'.repeat(85), xVars: { 'x:a': 'v'.repeat(4_000) } };
    const json = ossEventJson(event({ bucket: '\x01'.repeat(255), key, object, record }), rule, OWNER);
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(OSS_EVENT_LIMIT);
    expect(parse(json).oss.object.key).toBe(key);
    expect(parse(json).xVars['x:magpie-trimmed']).toMatch(/Meta$/);
  });

  it('becomes base64 text of at most 64 KiB', () => {
    const body = ossMessageBody(event({ object: { userMetadata: manyMetadata(49, 900) } }), RULE, OWNER);
    expect(body.length).toBeLessThanOrEqual(65_536);
    expect(parse(Buffer.from(body, 'base64').toString()).oss.object.key).toBe('summer/a.txt');
  });
});
