import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { minioBody } from '#event-rule/minio-body.fixture.js';
import { eventually } from '../../../test/support/eventually.js';
import { ACCOUNT, startBridge, TestEngine, type RunningBridge } from '../running-bridge.fixture.js';

/** Longer than the pauses that a bridge makes between tries, and its heartbeat. */
const WITHIN = 20_000;

describe('events whose destination is missing', () => {
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

  const keys = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name} ${index}`);
  const postAll = async (names: readonly string[]) => {
    for (const key of names) expect(await running.post(minioBody({ key }))).toBe(200);
  };
  const statusOf = (rule: string) => engine.rules.status(ACCOUNT, rule);

  it('wait and arrive in order once it is there', async () => {
    await engine.putRule('early');
    const posted = keys(150, 'waits');
    await postAll(posted);
    const status = await eventually('the rule says so', async () => {
      const found = await statusOf('early');
      return found.waitingEvents === posted.length && found;
    }, { within: WITHIN });
    expect(status.reason).toMatch(/^QueueNotExist/);
    expect(status.waitingSince).toBeGreaterThan(Date.now() - 60_000);
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    expect((await engine.arrived(posted.length, 'events', 35_000)).sort()).toEqual(posted.sort());
    await eventually('the rule says that nothing waits', async () => (await statusOf('early')).waitingEvents === 0, { within: WITHIN });
    expect(await engine.client.keys(`${engine.prefix}:*:parked*`)).toEqual([]);
  }, 70_000);

  it('hold up nothing else', async () => {
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('a-missing', { endpoint: { endpointType: 'topic', endpointValue: 'nowhere' } });
    await engine.putRule('b-there');
    const posted = keys(100, 'passes');
    const started = performance.now();
    await postAll(posted);
    expect((await engine.arrived(posted.length)).sort()).toEqual(posted.sort());
    expect(performance.now() - started).toBeLessThan(5_000);
    expect((await Promise.all([0, 1].map((partition) => running.bridge.journal!.keep(partition)))).map(({ entries }) => entries)).toEqual([0, 0]);
  });

  it('go where the rule points after it was mended', async () => {
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await engine.putRule('misspelt', { endpoint: { endpointType: 'queue', endpointValue: 'evnets' } });
    await postAll(['mended']);
    await eventually('it waits', async () => (await statusOf('misspelt')).waitingEvents === 1, { within: WITHIN });
    await engine.putRule('misspelt');
    expect(await engine.arrived(1, 'events', WITHIN)).toEqual(['mended']);
  });

  it('are dropped with their rule', async () => {
    await engine.putRule('doomed');
    await postAll(['dropped']);
    await eventually('it waits', async () => (await statusOf('doomed')).waitingEvents === 1, { within: WITHIN });
    await engine.rules.delete(ACCOUNT, 'doomed');
    await eventually('nothing waits', async () => (await engine.client.keys(`${engine.prefix}:*:parked*`)).length === 0, { within: WITHIN });
    expect(await statusOf('doomed')).toEqual({ waitingEvents: 0 });
  });

  it('wait while their rule is disabled', async () => {
    await engine.putRule('off');
    await postAll(['kept']);
    await eventually('it waits', async () => (await statusOf('off')).waitingEvents === 1, { within: WITHIN });
    await engine.putRule('off', { enabled: false });
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    await eventually('the rule says why', async () => (await statusOf('off')).reason === 'the rule is disabled', { within: WITHIN });
    expect(await engine.receiveKeys()).toEqual([]);
    await engine.putRule('off');
    expect(await engine.arrived(1, 'events', WITHIN)).toEqual(['kept']);
  });

  it('do not wait for one that is refused for its size', async () => {
    await engine.queues.createQueue(ACCOUNT, 'events', { maximumMessageSize: 1_024 });
    await engine.putRule('small');
    const metadata = { 'X-Amz-Meta-Long': 'x'.repeat(2_000) };
    await running.post(minioBody({ key: 'too long', object: { size: 1, userMetadata: metadata } }));
    await postAll(['short']);
    expect(await engine.arrived(1)).toEqual(['short']);
    const status = await eventually('the long one waits', async () => {
      const found = await statusOf('small');
      return found.waitingEvents === 1 && found;
    }, { within: WITHIN });
    expect(status.reason).toMatch(/1024/);
    await engine.queues.setQueueAttributes(ACCOUNT, 'events', { maximumMessageSize: 65_536 });
    await postAll(['also short']);
    expect(await engine.arrived(1)).toEqual(['also short']);
    // A change of the rule, whatever it is, makes the bridge try again at once.
    await engine.putRule('small', { xVars: { 'x:again': 'yes' } });
    expect(await engine.arrived(1, 'events', WITHIN)).toEqual(['too long']);
  });

  it('outlive the bridge', async () => {
    await engine.putRule('early');
    await postAll(['outlives']);
    await eventually('it waits', async () => (await statusOf('early')).waitingEvents === 1, { within: WITHIN });
    await running.stop();
    await engine.queues.createQueue(ACCOUNT, 'events', {});
    running = await startBridge({ keyPrefix: engine.prefix });
    expect(await engine.arrived(1, 'events', WITHIN)).toEqual(['outlives']);
  });
});
