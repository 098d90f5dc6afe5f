import { describe, expect, it } from '@jest/globals';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import type { DrainRun, LeaseReply } from '#topic/pending-delivery.js';
import { delivered } from '#delivery/outcome.js';
import { eventually } from '../../test/support/eventually.js';
import { samplePending, sampleSubscription } from '../../test/support/sample-delivery.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { Drains } from './drains.js';
import { EndpointWindows } from './endpoint-window.js';

const HINT = { partition: 3, id: 'AAAAAAAAAAA', epoch: 7 };
const clock = new SettableClock(1_790_000_000_000);

/** A pending queue with one delivery, whose push ends when it is told to. */
function openScene() {
  const runs: DrainRun[] = [];
  const events: string[] = [];
  let push: () => void = () => undefined;
  const pushed = new Promise<void>((resolve) => (push = resolve));
  const replies: (LeaseReply | Error)[] = [{ state: 'leased', subscription: sampleSubscription(), deliveries: [samplePending()] }];
  const drains = new Drains({
    source: {
      lease: (_address, run) => {
        runs.push(run);
        const reply = replies.shift() ?? { state: 'ended' };
        return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply);
      },
      settle: (_address, settlements, lastLook) =>
        Promise.resolve({ counted: settlements.map(() => true), ...(lastLook !== undefined && { end: {} }) }),
      entrust: (_address, { name }) => Promise.resolve(void events.push(`entrust ${name.charAt(0)}`)),
      fireTimer: () => Promise.resolve(undefined),
    },
    scheduler: {
      addTimer: () => Promise.resolve(),
      resume: (_address, epoch) => Promise.resolve(void events.push(`resume ${epoch}`)),
      wake: (wakeups) => Promise.resolve(void events.push(...wakeups.map(({ epoch }) => `job ${epoch}`))),
    },
    channels: { send: async () => (await pushed, delivered(200)) },
    attemptLog: { trim: () => Promise.resolve(0) },
    windows: new EndpointWindows(clock),
    clock,
    random: () => 0,
    metrics: new DeliveryMetrics(() => 0),
    logger: silentLogger,
  });
  return { drains, runs, events, replies, push: () => push() };
}

describe('Drains', () => {
  it('begins with what a hint tells, once, and ends without another look', async () => {
    const { drains, runs, push } = openScene();
    drains.hint([HINT, HINT]);
    await eventually('leased', () => runs.length > 0);
    push();
    await drains.hintedEnd();
    expect(runs).toEqual([{ epoch: 7, name: expect.stringMatching(/^h/), claim: 'if-free' }]);
  });

  it('lets a job wait for its own run of the same epoch, and takes over what that left', async () => {
    const { drains, runs, push } = openScene();
    drains.hint([HINT]);
    await eventually('leased', () => runs.length > 0);
    const job = drains.drain(HINT);
    push();
    await job;
    expect(runs.map(({ name, claim }) => `${name.charAt(0)} ${claim}`)).toEqual(['h if-free', 'j take-over']);
  });

  it('adds a job for a run that lasts, should this worker be killed', async () => {
    const { drains, events, push } = openScene();
    drains.hint([HINT]);
    await eventually('a job is added', () => events.includes('job 7'));
    push();
    await drains.hintedEnd();
  });

  it('tries again after Redis was away, because no job does', async () => {
    const { drains, runs, replies, push } = openScene();
    replies.unshift(new Error('Connection is closed.'));
    push();
    drains.hint([HINT]);
    await eventually('leased again', () => runs.length === 2);
    await drains.hintedEnd();
    expect(runs[1]).toEqual(runs[0]);
  });

  it('leaves its hinted drains to jobs when the worker stops, and begins no others', async () => {
    const { drains, events, runs, push } = openScene();
    drains.hint([HINT]);
    await eventually('leased', () => runs.length > 0);
    drains.stop();
    drains.hint([{ ...HINT, epoch: 8 }]);
    push();
    await drains.hintedEnd();
    expect(events).toEqual(['resume 7', 'entrust h']);
    expect(runs).toHaveLength(1);
  });
});
