import { describe, expect, it } from '@jest/globals';
import type { BucketEvent } from './bucket-event.js';
import { readIntakeBody } from './intake-body.js';
import { minioBody, type MinioBody } from './minio-body.fixture.js';
import { listedRefsOf, stateRefsOf, type ListedState } from './state-id.js';

/** 2026-11-22T14:51:41.762…Z as nanoseconds. */
const TIME = Date.parse('2026-11-22T14:51:41.762Z');
const sequencer = (millis: number, nanos = 123) => (BigInt(millis) * 1_000_000n + BigInt(nanos)).toString(16).toUpperCase();

function event(given: MinioBody = {}): BucketEvent {
  return readIntakeBody(Buffer.from(minioBody(given)), { source: 'store', receivedAt: 0 }).events[0]!;
}

const object = (more: object = {}) => ({ size: 5, eTag: 'aa', sequencer: sequencer(TIME), ...more });
const listed = (more: Partial<ListedState> = {}): ListedState => ({ bucket: 'photos', key: 'summer/a.txt', lastModified: TIME, eTag: 'aa', size: 5, ...more });

function meets(one: BucketEvent, other: ListedState, byTime = true): boolean {
  const ids = listedRefsOf('store', other, byTime).map(({ id, day }) => `${id} ${day}`);
  return (stateRefsOf(one) ?? []).some(({ id, day }) => ids.includes(`${id} ${day}`));
}

describe('the state of an event and that of a listing', () => {
  it('are the same by the millisecond of the sequencer', () => {
    expect(meets(event({ object: object() }), listed())).toBe(true);
    expect(meets(event({ object: object({ sequencer: sequencer(TIME, 999_999) }) }), listed())).toBe(true);
    expect(meets(event({ object: object({ sequencer: sequencer(TIME + 1) }) }), listed())).toBe(false);
  });

  it.each<[string, MinioBody, Partial<ListedState>]>([
    ['bucket', {}, { bucket: 'other' }],
    ['key', {}, { key: 'summer/a.txt ' }],
    ['version', { object: object({ versionId: 'v1' }) }, { versionId: 'v2' }],
  ])('differ by %s', (_what, given, more) => {
    expect(meets(event({ object: object(), ...given }), listed(more))).toBe(false);
  });

  it('are the same for a version whatever the times are', () => {
    expect(meets(event({ object: object({ versionId: 'v1' }) }), listed({ versionId: 'v1', lastModified: TIME - 23 }))).toBe(true);
    const midnight = Date.parse('2026-11-23T00:00:00.000Z');
    const marker = event({ eventName: 's3:ObjectRemoved:DeleteMarkerCreated', object: { versionId: 'v1', sequencer: sequencer(midnight + 5) } });
    expect(meets(marker, listed({ versionId: 'v1', lastModified: midnight - 5 }))).toBe(true);
  });

  it('knows no version and the version null as one', () => {
    expect(meets(event({ object: object({ versionId: 'null' }) }), listed())).toBe(true);
    expect(meets(event({ object: object() }), listed({ versionId: 'null' }))).toBe(true);
  });

  it('are tied by content and an approximate time where the sequencer is no time', () => {
    const versity = (eTag: string, eventTime: string) => event({ eventTime, object: { size: 5, eTag, sequencer: '2F' }, record: { eventSource: 'aws:s3' } });
    const late = new Date(TIME + 20_000).toISOString();
    expect(meets(versity('AA', late), listed(), false)).toBe(true);
    expect(meets(versity('bb', late), listed(), false)).toBe(false);
    expect(meets(versity('aa', new Date(TIME + 3_600_000).toISOString()), listed(), false)).toBe(false);
  });

  it.each(['s3:ObjectAccessed:Get', 's3:ObjectCreated:PutTagging', 's3:ObjectRemoved:Delete', 's3:ObjectRemoved:NoOP'])('has none for %s', (eventName) => {
    expect(stateRefsOf(event({ eventName, object: object() }))).toBeUndefined();
  });

  it('has none for an event without any time', () => {
    expect(stateRefsOf(event({ eventTime: 'soon', object: { sequencer: '00' } }))).toBeUndefined();
  });
});
