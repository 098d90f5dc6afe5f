import { describe, expect, it } from '@jest/globals';
import type { BucketEvent } from './bucket-event.js';
import { eventId, handOverId } from './event-id.js';
import { readIntakeBody } from './intake-body.js';
import { minioBody, type MinioBody } from './minio-body.fixture.js';

function event(given: MinioBody = {}, source = 'store'): BucketEvent {
  return readIntakeBody(Buffer.from(minioBody({ requestId: 'R1', ...given })), { source, receivedAt: 0 }).events[0]!;
}

function same(one: BucketEvent, other: BucketEvent): boolean {
  return eventId(one).equals(eventId(other));
}

describe('eventId', () => {
  it('is the same for copies that MinIO built at different times', () => {
    expect(same(event({ eventTime: '2026-11-22T14:51:41.762Z' }), event({ eventTime: '2026-11-22T14:51:41.764Z', object: { sequencer: 'FF' } }))).toBe(true);
  });

  it.each<[string, MinioBody]>([
    ['request', { requestId: 'R2' }],
    ['key', { key: 'other' }],
    ['bucket', { bucket: 'other' }],
    ['version', { object: { versionId: 'v2' } }],
    ['event', { eventName: 's3:ObjectRemoved:Delete' }],
  ])('differs by %s', (_what, given) => {
    expect(same(event(), event(given))).toBe(false);
  });

  it('differs by source', () => {
    expect(same(event(), event({}, 'other'))).toBe(false);
  });

  it('does not mix up where one part ends and the next begins', () => {
    expect(same(event({ bucket: 'a', key: 'b/c' }), event({ bucket: 'a/b', key: 'c' }))).toBe(false);
  });

  describe('without a request id', () => {
    const internal = (eventTime: string, object: object = {}, eventName = 's3:ObjectRemoved:Delete') =>
      event({ requestId: '', eventTime, eventName, object: { ...object }, record: { source: { userAgent: 'Internal: [ILM-Expiry]' } } });

    it('joins copies of what MinIO did by itself within ten seconds', () => {
      expect(same(internal('2026-11-22T14:51:41.762Z'), internal('2026-11-22T14:51:41.790Z'))).toBe(true);
      expect(same(internal('2026-11-22T14:51:41.762Z'), internal('2026-11-22T14:52:41.762Z'))).toBe(false);
    });

    it('knows that a version can be removed only once', () => {
      expect(same(internal('2026-11-22T14:51:41Z', { versionId: 'v1' }), internal('2026-11-23T14:51:41Z', { versionId: 'v1' }))).toBe(true);
      expect(same(internal('2026-11-22T14:51:41Z', { versionId: 'null' }), internal('2026-11-23T14:51:41Z', { versionId: 'null' }))).toBe(false);
    });

    it('never joins two quick writes of a client', () => {
      const write = (sequencer: string) => event({ requestId: '', object: { sequencer } });
      expect(same(write('01'), write('02'))).toBe(false);
      expect(same(write('01'), write('01'))).toBe(true);
    });
  });

  it('does not trust a request id that a client of RustFS may have chosen', () => {
    const write = (sequencer: string) => event({ object: { sequencer }, record: { eventSource: 'rustfs:s3' } });
    expect(same(write('01'), write('02'))).toBe(false);
    expect(same(write('01'), write('01'))).toBe(true);
  });
});

describe('handOverId', () => {
  it('has 16 bytes and depends on event, rule and destination', () => {
    const id = eventId(event());
    const ids = [
      handOverId(id, 'rule', 'topic/a'),
      handOverId(id, 'rule', 'queue/a'),
      handOverId(id, 'rule2', 'topic/a'),
      handOverId(eventId(event({ key: 'other' })), 'rule', 'topic/a'),
    ];
    expect(new Set(ids.map(String)).size).toBe(4);
    expect(ids[0]).toHaveLength(16);
    expect(ids[0]).toEqual(handOverId(id, 'rule', 'topic/a'));
  });
});
