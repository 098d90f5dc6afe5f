import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BucketEvent } from '#event-rule/bucket-event.js';
import { readIntakeBody } from '#event-rule/intake-body.js';
import { minioBody, type MinioBody } from '#event-rule/minio-body.fixture.js';
import { stateRefsOf } from '#event-rule/state-id.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../../test/support/eventually.js';
import { Journal, type JournalEntry } from './journal.js';
import { StateMarks } from './state-marks.js';

const event = (given: MinioBody): BucketEvent => readIntakeBody(Buffer.from(minioBody(given)), { source: 'store', receivedAt: 0 }).events[0]!;

/** What the reconciler makes of a listing that shows the state of this event. */
const asListed = (told: BucketEvent): BucketEvent => ({ ...told, listed: stateRefsOf(told)! });

describe('StateMarks', () => {
  let client: RedisClient;
  let journal: Journal;
  let marks: StateMarks;
  let prefix: string;
  const taken: JournalEntry[] = [];

  beforeAll(async () => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
    await eventually('connected', () => client.status === 'ready');
  });

  beforeEach(async () => {
    taken.length = 0;
    prefix = `marks-${randomBytes(6).toString('hex')}`;
    const deployment = await Deployment.open(client, prefix);
    journal = new Journal(client, deployment, { consumer: 'one', onEntries: (entries) => taken.push(...entries), room: () => 1_000 });
    marks = new StateMarks(journal, (source) => source === 'store');
  });

  afterAll(() => client.disconnect());

  async function handle(what: BucketEvent): Promise<'told' | 'left out'> {
    const { told, notes } = await marks.judge(what);
    await marks.note(what, notes);
    return told ? 'left out' : 'told';
  }

  it('leaves out of a listing what an event told', async () => {
    const put = event({ requestId: 'A' });
    expect(await handle(put)).toBe('told');
    expect(await handle(asListed(put))).toBe('left out');
    expect(await handle(event({ requestId: 'B' }))).toBe('told');
  });

  it('tells what a listing shows once', async () => {
    const listed = asListed(event({}));
    expect(await handle(listed)).toBe('told');
    expect(await handle(listed)).toBe('left out');
  });

  it('leaves out the one event that comes after the listing, in all its copies, and no other', async () => {
    const [late, other] = [event({ requestId: 'LATE' }), event({ requestId: 'OTHER' })];
    await handle(asListed(late));
    expect(await handle(late)).toBe('left out');
    expect(await handle(late)).toBe('left out');
    expect(await handle(other)).toBe('told');
    expect(await handle(late)).toBe('left out');
  });

  it('never joins two writes within one millisecond', async () => {
    expect(await handle(event({ requestId: 'A' }))).toBe('told');
    expect(await handle(event({ requestId: 'B' }))).toBe('told');
  });

  it('keeps no marks for sources that are never listed', async () => {
    const put = readIntakeBody(Buffer.from(minioBody({})), { source: 'elsewhere', receivedAt: 0 }).events[0]!;
    expect(await marks.judge(put)).toEqual({ told: false, notes: [] });
  });

  it('is written with the settling of the entry, not before', async () => {
    const put = event({ requestId: 'A' });
    await journal.append({ source: 'store', receivedAt: 0, bytes: Buffer.from('{}') }, 'store/photos/summer/a.txt');
    const { notes } = await marks.judge(put);
    expect((await marks.judge(asListed(put))).told).toBe(false);
    await journal.settle({ entry: taken[0]!, parked: [], states: notes });
    expect((await marks.judge(asListed(put))).told).toBe(true);
  });

  it('lives for days', async () => {
    const put = event({});
    await handle(put);
    const keys = await client.keys(`${prefix}:*:states:*`);
    const own = await Promise.all(keys.map(async (key) => ({ key, life: await client.ttl(key) })));
    expect(own).toHaveLength(1);
    expect(own.every(({ life }) => life > 3 * 86_400)).toBe(true);
  });
});
