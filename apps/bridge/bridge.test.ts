import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { minioBody, minioRecord, nextRequestId } from '#event-rule/minio-body.fixture.js';
import { eventually } from '../../test/support/eventually.js';
import { ACCOUNT, startBridge, TestEngine, type RunningBridge } from './running-bridge.fixture.js';

describe('the bridge', () => {
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

  it('turns an event into a message of each matching rule', async () => {
    await engine.putRule('all');
    await engine.putRule('jpeg', { matchRules: [[{ prefix: 'photos/', suffix: '.jpg' }]] });
    await engine.putRule('removed', { eventTypes: ['ObjectRemoved:*'] });
    expect(await running.post(minioBody({ key: 'my dir/a+b.jpg' }))).toBe(200);
    const messages = await eventually('two messages', async () => {
      const found = await engine.receive();
      return found.length > 0 && found;
    });
    expect(messages.sort((one, other) => (one.ruleId < other.ruleId ? -1 : 1))).toEqual([
      { key: 'my dir/a+b.jpg', eventName: 'ObjectCreated:PutObject', ruleId: 'all' },
      { key: 'my dir/a+b.jpg', eventName: 'ObjectCreated:PutObject', ruleId: 'jpeg' },
    ]);
  });

  it('applies a rule to whatever is posted after the rule was stored', async () => {
    for (let round = 0; round < 20; round += 1) {
      await engine.putRule(`round-${round}`, { matchRules: [[{ name: `photos/${round}` }]] });
      await running.post(minioBody({ key: String(round) }), round % 2 === 0 ? '/intake/s3/store' : '/intake/s3/store/fast');
    }
    expect((await engine.arrived(20)).sort()).toEqual(Array.from({ length: 20 }, (_, round) => String(round)).sort());
  });

  it('publishes to a topic with the tag of the rule, for its subscriptions to choose by', async () => {
    await engine.topics.createTopic(ACCOUNT, 'news', {});
    const subscribe = (name: string, filterTag?: string) =>
      engine.topics.subscribe(ACCOUNT, 'news', name, {
        endpoint: `acs:mns:cn-hangzhou:${ACCOUNT}:queues/events`,
        notifyStrategy: 'BACKOFF_RETRY',
        notifyContentFormat: 'SIMPLIFIED',
        ...(filterTag !== undefined && { filterTag }),
      });
    await subscribe('wanted', 'image');
    await subscribe('other', 'video');
    await engine.putRule('tagged', { endpoint: { endpointType: 'topic', endpointValue: 'news' }, messageTag: 'image' });
    await running.post(minioBody());
    // One of the two subscriptions is owed the message: the topic keeps it for that one.
    await eventually('published', async () => (await engine.topics.getTopic(ACCOUNT, 'news')).messageCount === 1);
  });

  it('makes one message of any number of copies, whichever way they come', async () => {
    await engine.putRule('all');
    const body = minioBody({ key: 'copied' });
    const statuses = await Promise.all(
      Array.from({ length: 10 }, (_, index) => running.post(body, index % 2 === 0 ? '/intake/s3/store' : '/intake/s3/store/fast')),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    await running.post(minioBody({ key: 'last' }));
    await eventually('nothing under way', () => running.bridge.held === 0);
    expect((await engine.arrived(2)).sort()).toEqual(['copied', 'last']);
    expect(await engine.receiveKeys()).toEqual([]);
  });

  it('keeps the events of one object in order', async () => {
    await engine.putRule('all');
    for (let i = 0; i < 30; i += 1) {
      const eventName = i % 2 === 0 ? 's3:ObjectCreated:Put' : 's3:ObjectRemoved:Delete';
      await running.post(minioBody({ key: 'same', eventName, requestId: nextRequestId() }));
    }
    const names: string[] = [];
    await eventually('all messages', async () => {
      names.push(...(await engine.receive()).map(({ eventName }) => eventName));
      return names.length === 30;
    });
    expect(names).toEqual(Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? 'ObjectCreated:PutObject' : 'ObjectRemoved:DeleteObject')));
  });

  it('takes bodies with several records', async () => {
    await engine.putRule('all');
    const records = Array.from({ length: 50 }, (_, index) => minioRecord({ key: `batch ${index}` }));
    await running.post(JSON.stringify({ Records: records }));
    expect((await engine.arrived(50)).sort()).toEqual(records.map((_, index) => `batch ${index}`).sort());
  });

  it('makes no message of what OSS does not tell', async () => {
    await engine.putRule('all');
    for (const eventName of ['s3:ObjectRemoved:NoOP', 's3:ObjectAccessed:Head', 's3:Replication:OperationCompletedReplication']) {
      await running.post(minioBody({ eventName }));
    }
    await running.post(minioBody({ key: 'told' }));
    expect(await engine.arrived(1)).toEqual(['told']);
  });

  it('knows the removal of a delete marker from its creation', async () => {
    await engine.putRule('all');
    const marker = (requestId: string) =>
      minioBody({ key: 'marked', eventName: 's3:ObjectRemoved:DeleteMarkerCreated', object: { versionId: 'c91ecf9c', sequencer: '1' }, requestId });
    const [made, removed] = [marker(nextRequestId()), marker(nextRequestId())];
    for (const body of [made, made, removed, removed, made]) await running.post(body);
    await running.post(minioBody({ key: 'last' }));
    expect(await engine.arrived(2)).toEqual(expect.arrayContaining(['marked', 'last']));
    await eventually('nothing under way', () => running.bridge.held === 0);
    expect(await engine.receiveKeys()).toEqual([]);
  });

  it('leaves nothing behind in the journal', async () => {
    await engine.putRule('all');
    await Promise.all(Array.from({ length: 100 }, (_, index) => running.post(minioBody({ key: `gone ${index}` }))));
    await engine.arrived(100);
    const states = await Promise.all([0, 1].map((partition) => running.bridge.journal!.keep(partition)));
    expect(states.map(({ entries }) => entries)).toEqual([0, 0]);
    const pending = await Promise.all((await engine.client.keys(`${engine.prefix}:*:journal:?`)).map((key) => engine.client.xpending(key, 'bridge')));
    expect(pending.map(([count]) => count)).toEqual(pending.map(() => 0));
  });

  it('shows what it could not read, and goes on', async () => {
    await engine.putRule('all');
    expect(await running.post('not an event')).toBe(200);
    expect(await running.post(JSON.stringify({ Records: [minioRecord({ key: 'good' }), { bad: true }] }))).toBe(200);
    expect(await engine.arrived(1)).toEqual(['good']);
    const bodies = await eventually('two bodies', async () => {
      const response = await fetch(`http://127.0.0.1:${running.port}/unreadable`, { headers: { authorization: 'intake-secret' } });
      const shown = ((await response.json()) as { bodies: { problems: string[]; excerpt: string }[] }).bodies;
      return shown.length === 2 && shown;
    });
    expect(bodies.find(({ excerpt }) => excerpt === 'not an event')?.problems[0]).toMatch(/^not JSON/);
    expect(bodies.find(({ excerpt }) => excerpt !== 'not an event')?.problems).toEqual(['record 1: no eventName']);
    expect((await fetch(`http://127.0.0.1:${running.port}/unreadable`)).status).toBe(401);
  });

  it('is alive, ready and measured', async () => {
    const get = async (path: string) => fetch(`http://127.0.0.1:${running.port}${path}`);
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toMatch(/magpie_bridge_intake_total\{way="durable",result="journal"\} \d+/);
    expect(metrics).toMatch(/magpie_bridge_events_total\{endpoint="queue",outcome="done"\} \d+/);
  });
});
