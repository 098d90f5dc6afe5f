import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { eventually } from '../../../test/support/eventually.js';
import { groupOf } from './hand-over.js';
import { ACCOUNT, startBridge, TestEngine, type RunningBridge } from '../running-bridge.fixture.js';

/** Longer than the pauses that a bridge makes between tries, and its heartbeat. */
const WITHIN = 20_000;

describe('the destination of a rule', () => {
  let engine: TestEngine;
  let running: RunningBridge;

  beforeEach(async () => {
    engine = await TestEngine.open();
    running = await startBridge({ keyPrefix: engine.prefix });
  });

  afterEach(async () => {
    await running.stop();
    engine.close();
  });

  const post = (key: string, step: number) =>
    running.post(minioBody({ key, object: { size: step, sequencer: '1' } }));
  const waits = (rule: string, count: number) =>
    eventually(`${count} events of ${rule} wait`, async () => {
      const status = await engine.rules.status(ACCOUNT, rule);
      return status.waitingEvents === count && status;
    }, { within: WITHIN });

  /** Sizes by key, in the order of receipt: the test writes steps into them. */
  async function steps(count: number, queue = 'events'): Promise<Record<string, number[]>> {
    const found: Record<string, number[]> = {};
    let received = 0;
    await eventually(`${count} messages`, async () => {
      const messages = await engine.messages.receiveMessages(ACCOUNT, queue, { count: 16, waitSeconds: 0 });
      for (const { body, messageGroupId } of messages) {
        const { key, size } = (JSON.parse(Buffer.from(body, 'base64').toString()) as Told).events[0].oss.object;
        expect(messageGroupId).toBe(groupOf({ bucket: 'photos', key }));
        (found[key] ??= []).push(size);
      }
      received += messages.length;
      if (messages.length > 0) await engine.messages.deleteMessages(ACCOUNT, queue, messages.map(({ receiptHandle }) => receiptHandle));
      return received >= count;
    }, { within: WITHIN });
    return found;
  }

  it('may be a FIFO queue: the events of an object are a group and stay in order', async () => {
    await engine.queues.createQueue(ACCOUNT, 'events', { queueType: 'fifo' });
    await engine.putRule('ordered');
    for (let step = 1; step <= 20; step += 1) for (const key of ['one', 'two/三']) expect(await post(key, step)).toBe(200);
    const inOrder = Array.from({ length: 20 }, (_, index) => index + 1);
    expect(await steps(40)).toEqual({ one: inOrder, 'two/三': inOrder });
  });

  it('may be a FIFO queue that is made later: what comes then does not overtake what waits', async () => {
    await engine.putRule('ordered');
    for (let step = 1; step <= 100; step += 1) await post('one', step);
    await waits('ordered', 100);
    await engine.queues.createQueue(ACCOUNT, 'events', { queueType: 'fifo' });
    for (let step = 101; step <= 160; step += 1) await post('one', step);
    expect(await steps(160)).toEqual({ one: Array.from({ length: 160 }, (_, index) => index + 1) });
    await eventually('nothing waits', async () => (await engine.rules.status(ACCOUNT, 'ordered')).waitingEvents === 0, { within: WITHIN });
    await post('one', 161);
    expect(await steps(1)).toEqual({ one: [161] });
  }, 40_000);

  it('may be a queue that is deleted and made again', async () => {
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('all');
    await post('before', 1);
    expect(await engine.arrived(1)).toEqual(['before']);
    await engine.queues.deleteQueue(ACCOUNT, 'events');
    await post('meanwhile', 1);
    expect((await waits('all', 1)).reason).toMatch(/^QueueNotExist/);
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await post('after', 1);
    expect((await engine.arrived(2, 'events', WITHIN)).sort()).toEqual(['after', 'meanwhile']);
  }, 30_000);

  it('may be a topic that is deleted and made again with another id, while other rules go on', async () => {
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('other');
    await engine.putRule('news', { endpoint: { endpointType: 'topic', endpointValue: 'news' } });
    const owed = async () => (await engine.topics.getTopic(ACCOUNT, 'news')).messageCount;
    const make = async () => {
      await engine.topics.createTopic(ACCOUNT, 'news', {});
      await engine.topics.subscribe(ACCOUNT, 'news', 'reader', {
        endpoint: `acs:mns:cn-hangzhou:${ACCOUNT}:queues/unread`,
        notifyStrategy: 'BACKOFF_RETRY',
        notifyContentFormat: 'SIMPLIFIED',
      });
    };
    await make();
    await post('before', 1);
    await eventually('published', async () => (await owed()) === 1);
    await engine.topics.deleteTopic(ACCOUNT, 'news');
    for (const key of ['one', 'two', 'three']) await post(key, 1);
    expect((await engine.arrived(4)).sort()).toEqual(['before', 'one', 'three', 'two']);
    expect((await waits('news', 3)).reason).toMatch(/^TopicNotExist/);
    await make();
    await eventually('all published to the new topic', async () => (await owed()) === 3, { within: WITHIN });
    await waits('news', 0);
  }, 30_000);

  it('gets a tag made from the event', async () => {
    await engine.topics.createTopic(ACCOUNT, 'news', {});
    for (const filterTag of ['jpg', 'png']) {
      await engine.topics.subscribe(ACCOUNT, 'news', filterTag, {
        endpoint: `acs:mns:cn-hangzhou:${ACCOUNT}:queues/unread`,
        notifyStrategy: 'BACKOFF_RETRY',
        notifyContentFormat: 'SIMPLIFIED',
        filterTag,
      });
    }
    await engine.putRule('tagged', { endpoint: { endpointType: 'topic', endpointValue: 'news' }, messageTag: '{ext}' });
    for (const key of ['a.JPG', 'b.jpg', 'c.png', 'no extension']) await post(key, 1);
    // What nobody is owed, the topic does not keep.
    await eventually('three of four are owed to somebody', async () => (await engine.topics.getTopic(ACCOUNT, 'news')).messageCount === 3);
  });
});

interface Told {
  readonly events: readonly [{ readonly oss: { readonly object: { readonly key: string; readonly size: number } } }];
}
