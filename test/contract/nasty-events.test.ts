import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { minioBody, minioRecord, nextRequestId, type MinioBody } from '#event-rule/minio-body.fixture.js';
import { NASTY_KEYS } from '#event-rule/nasty-keys.fixture.js';
import { rustfsListenLine } from '#event-rule/store-bodies.fixture.js';
import { ACCOUNT, startBridge, TestEngine, type RunningBridge } from '../../apps/bridge/running-bridge.fixture.js';
import { eventually } from '../support/eventually.js';
import { NASTY_CASES } from './nasty-events.table.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe.each(Object.entries(NASTY_CASES))('%s', (_group, cases) => {
  it.each(cases)('$what: $file', ({ file, says }) => {
    expect(readFileSync(join(root, file), 'utf8')).toContain(says);
  });
});

describe('the cases that are run here', () => {
  let engine: TestEngine;
  let running: RunningBridge;

  beforeAll(async () => {
    engine = await TestEngine.open();
    running = await startBridge({ keyPrefix: engine.prefix });
    await engine.queues.createQueue(ACCOUNT, 'events', {});
  });

  afterEach(async () => {
    await engine.forgetRules();
    await engine.receiveKeys();
  });

  afterAll(async () => {
    await running.stop();
    engine.close();
  });

  const post = async (given: MinioBody | string, path?: string) => {
    expect(await running.post(typeof given === 'string' ? given : minioBody(given), path)).toBe(200);
  };
  /** Everything there is once nothing is under way. */
  const told = async () => {
    await eventually('nothing under way', () => running.bridge.held === 0);
    return engine.receive();
  };

  it('every name can be named by a rule', async () => {
    for (const [index, key] of NASTY_KEYS.entries()) await engine.putRule(`named-${index}`, { matchRules: [[{ name: `photos/${key}` }]] });
    for (const key of NASTY_KEYS) await post({ key });
    const messages = await told();
    expect(messages.map(({ key, ruleId }) => [key, ruleId]).sort()).toEqual(NASTY_KEYS.map((key, index) => [key, `named-${index}`]).sort());
  });

  it('tells a tag of content that is no digest', async () => {
    await engine.putRule('all');
    await post({ key: 'encrypted', object: { size: 1, eTag: '20000f00db2d90a7b40782d4cff2b41a8799fc1e7ead25972db65150118dfdfe2ba76a3c002da28f85c840cd2001a28a' } });
    expect(await told()).toHaveLength(1);
  });

  it('keeps three changes within a millisecond apart', async () => {
    await engine.putRule('all');
    const eventTime = '2026-11-22T14:51:41.762Z';
    const node = (id: string, requestId: string) => ({ responseElements: { 'x-amz-id-2': id, 'x-amz-request-id': requestId } });
    // One id of a request on both nodes: they count independently.
    const requestId = nextRequestId();
    await post({ key: 'same', eventTime, record: node('one', requestId) });
    await post({ key: 'same', eventTime, record: node('two', requestId) });
    await post({ key: 'same', eventTime, eventName: 's3:ObjectRemoved:Delete', object: {}, record: node('one', nextRequestId()) });
    expect((await told()).map(({ eventName }) => eventName)).toEqual(['ObjectCreated:PutObject', 'ObjectCreated:PutObject', 'ObjectRemoved:DeleteObject']);
  });

  it('tells what arrives late', async () => {
    await engine.putRule('all');
    const at = (second: number) => ({ key: 'late', eventTime: `2026-11-22T14:51:4${second}.000Z`, object: { size: second, sequencer: `18EA65974${second}B0BB87` } });
    for (const second of [3, 1, 2]) await post(at(second));
    expect(await told()).toHaveLength(3);
  });

  it('tells a copy again after its mark has expired', async () => {
    await engine.putRule('all');
    const body = minioBody({ key: 'again' });
    await post(body);
    await post(body);
    expect(await told()).toHaveLength(1);
    // What three days do.
    const marks = await engine.client.keys(`${engine.prefix}:*:m:*`);
    expect(marks.length).toBeGreaterThan(0);
    await engine.client.del(...marks);
    await post(body);
    expect(await told()).toHaveLength(1);
  });

  it('tells each removal of a versioned object', async () => {
    await engine.putRule('removed', { eventTypes: ['ObjectRemoved:*'] });
    const versionId = 'c91ecf9c-e61b-4831-83ff-7a8546965f38';
    const removal = (key: string, eventName: string, object: object) => post({ key, eventName: `s3:${eventName}`, object: { ...object, sequencer: '18EA659740B0BB87' } });
    await removal('a marker', 'ObjectRemoved:DeleteMarkerCreated', { versionId });
    await removal('a version', 'ObjectRemoved:Delete', { versionId });
    await removal('suspended', 'ObjectRemoved:DeleteMarkerCreated', { versionId: 'null' });
    await removal('suspended', 'ObjectRemoved:DeleteMarkerCreated', { versionId: 'null' });
    await removal('all versions', 'ObjectRemoved:DeleteAllVersions', { size: 7, eTag: 'ab' });
    await removal('nothing', 'ObjectRemoved:NoOP', {});
    const messages = await told();
    expect(messages.map(({ key }) => key).sort()).toEqual(['a marker', 'a version', 'all versions', 'suspended', 'suspended']);
    expect(new Set(messages.map(({ eventName }) => eventName))).toEqual(new Set(['ObjectRemoved:DeleteObject']));
  });

  it('tells each object of a removal of many', async () => {
    await engine.putRule('removed', { eventTypes: ['ObjectRemoved:DeleteObjects'] });
    const requestId = nextRequestId();
    // A key that is named twice is reported once, and one that was not there like the others.
    const records = Array.from({ length: 1_000 }, (_, index) => minioRecord({ key: `many ${index}`, eventName: 's3:ObjectRemoved:Delete', object: {}, requestId }));
    await Promise.all(records.map((record) => post(JSON.stringify({ Records: [record] }))));
    const keys = (await told()).map(({ key }) => key);
    expect([keys.length, new Set(keys).size]).toEqual([1_000, 1_000]);
  }, 30_000);

  it('suppresses what a store repeats on every connection', async () => {
    await engine.putRule('all');
    const lines = Array.from({ length: 1_024 }, (_, index) => rustfsListenLine({ key: `repeated ${index}` }));
    const bodies = Array.from({ length: 16 }, (_, index) => lines.slice(index * 64, (index + 1) * 64));
    const batch = (some: readonly string[]) => JSON.stringify({ Records: some.flatMap((text) => (JSON.parse(text) as { Records: unknown[] }).Records) });
    for (let peer = 0; peer < 3; peer += 1) await Promise.all(bodies.map((some) => post(batch(some), '/intake/s3/rustfs')));
    await post(lines[17]!, '/intake/s3/rustfs');
    expect(await told()).toHaveLength(1_024);
  }, 30_000);

  it('does not care for the clocks of stores', async () => {
    await engine.putRule('all');
    const times = ['2026-11-22T13:51:41.762Z', '2026-11-22T15:51:41.762Z', '2026-10-25T02:30:00+02:00', '2026-10-25T02:30:00+01:00', '1970-01-01T00:00:00Z', '', 'no time'];
    for (const eventTime of times) await post({ key: 'same', eventTime });
    expect(await told()).toHaveLength(times.length);
  });

  it('takes a rule for a bucket that does not exist yet', async () => {
    await engine.putRule('early', { matchRules: [[{ name: 'not-yet' }]] });
    await post({ key: 'elsewhere' });
    await post({ bucket: 'not-yet', key: 'first' });
    expect((await told()).map(({ key }) => key)).toEqual(['first']);
  });

  it('takes the last of two members with the same name', async () => {
    await engine.putRule('all');
    await post(minioBody({ key: 'b' }).replace('{"EventName"', '{"Key":"photos/a","EventName"'));
    expect((await told()).map(({ key }) => key)).toEqual(['b']);
  });
});
