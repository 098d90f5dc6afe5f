import { describe, expect, it } from '@jest/globals';
import { decodeAttempt } from '#delivery/attempt-log.js';
import { delivered, gone, held, permanent, retryable, type Outcome } from '#delivery/outcome.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import type { PendingDelivery, Settlement } from '#topic/pending-delivery.js';
import type { Subscription } from '#topic/subscription.js';
import { samplePending, sampleSubscription } from '../../test/support/sample-delivery.js';
import { attemptDelivery, type AttemptTools } from './attempt.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { EndpointWindow, FULL_WINDOW } from './endpoint-window.js';

const NOW = 1_790_000_000_000;
const NEVER = new AbortController().signal;

interface Scene {
  readonly tools: AttemptTools;
  readonly window: EndpointWindow;
  attempt(pending?: Partial<PendingDelivery>, subscription?: Partial<Subscription>, signal?: AbortSignal): Promise<Settlement>;
}

function scene(send: () => Promise<Outcome>, random = 0.5): Scene {
  const clock = new SettableClock(NOW);
  const window = new EndpointWindow(clock);
  const metrics = new DeliveryMetrics(() => 0);
  const tools: AttemptTools = { channels: { send }, clock, random: () => random, metrics, logger: silentLogger };
  return {
    tools,
    window,
    attempt: (changes = {}, subscription = {}, signal = NEVER) => {
      const pending = samplePending({}, { publishTime: NOW, expireTime: NOW + 86_400_000, ...changes });
      return attemptDelivery(tools, sampleSubscription(subscription), pending, window, signal);
    },
  };
}

const answering = (outcome: Outcome, random?: number): Scene => scene(() => Promise.resolve(outcome), random);
const logged = (settlement: Settlement) => decodeAttempt(settlement.attempt!);

describe('attemptDelivery', () => {
  it('gives back a delivery that the hub itself holds, uncounted, and leaves its endpoint alone for so long', async () => {
    const { attempt, window } = answering(held(5));
    expect(await attempt()).toEqual({ handle: '16.1', outcome: 'returned' });
    expect(window.pausedUntil).toBe(NOW + 5_000);
  });

  it('settles a delivery that was taken', async () => {
    const { attempt, window } = answering(delivered(204));
    const settlement = await attempt();
    expect(settlement).toMatchObject({ outcome: 'delivered', handle: '16.1' });
    const facts = { outcome: 'delivered', number: 1, code: 204, time: NOW, topicName: 't1', subscriptionName: 's1' };
    expect(logged(settlement)).toMatchObject(facts);
    expect(window.isHealthy).toBe(true);
  });

  it.each([
    ['BACKOFF_RETRY', 0, 15],
    ['BACKOFF_RETRY', 2, 15],
    ['EXPONENTIAL_DECAY_RETRY', 0, 1],
    ['EXPONENTIAL_DECAY_RETRY', 4, 16],
    ['EXPONENTIAL_DECAY_RETRY', 20, 512],
  ] as const)('with %s and %d attempts before, the next one is %d s away', async (notifyStrategy, attempts, seconds) => {
    const settlement = await answering(retryable('HTTP 500', { code: 500 })).attempt({ attempts }, { notifyStrategy });
    expect(settlement).toMatchObject({ outcome: 'retry', notBefore: NOW + seconds * 1_000 });
    const nextAttemptTime = NOW + seconds * 1_000;
    expect(logged(settlement)).toMatchObject({ outcome: 'retry', number: attempts + 1, code: 500, reason: 'HTTP 500', nextAttemptTime });
  });

  it.each([
    ['BACKOFF_RETRY', 3],
    ['EXPONENTIAL_DECAY_RETRY', 176],
  ] as const)('gives up when %s is spent after %d retries', async (notifyStrategy, attempts) => {
    const settlement = await answering(retryable('HTTP 500')).attempt({ attempts }, { notifyStrategy });
    expect(settlement).toMatchObject({ outcome: 'failed' });
    expect(logged(settlement)).toMatchObject({ outcome: 'failed', number: attempts + 1, reason: 'HTTP 500' });
  });

  it('gives up when the next attempt would come after the end of the message', async () => {
    const settlement = await answering(retryable('HTTP 500')).attempt({ expireTime: NOW + 15_000 });
    expect(settlement.outcome).toBe('failed');
  });

  it('gives up at once what is permanent, and does not hold it against the endpoint', async () => {
    const { attempt, window } = answering(permanent('SMTP 550', 550));
    expect(await attempt()).toMatchObject({ outcome: 'failed', reason: 'SMTP 550' });
    expect(window.isHealthy).toBe(true);
  });

  it('disables the subscription of an endpoint that is gone, and says so', async () => {
    const { attempt, tools } = answering(gone('HTTP 410', 410));
    // Also when its schedule is spent: the delivery waits for the owner.
    const settlement = await attempt({ attempts: 3 });
    const reason = 'HTTP 410: the subscription is disabled until it is resumed';
    expect(settlement).toMatchObject({ outcome: 'gone', reason });
    expect(logged(settlement)).toMatchObject({ outcome: 'retry', number: 4, code: 410, reason });
    expect(logged(settlement)).not.toHaveProperty('nextAttemptTime');
    expect(await tools.metrics.registry.getSingleMetricAsString('magpie_delivery_endpoint_gone_total')).toContain('_total 1');
  });

  it('follows a schedule of the subscription in place of its strategy', async () => {
    const subscription = { options: { schedule: [0, 100] } };
    const { attempt } = answering(retryable('HTTP 500', { code: 500 }), 0.5);
    expect(await attempt({ attempts: 0 }, subscription)).toMatchObject({ outcome: 'retry', notBefore: NOW });
    expect(await attempt({ attempts: 1 }, subscription)).toMatchObject({ outcome: 'retry', notBefore: NOW + 105_000 });
    expect(await attempt({ attempts: 2 }, subscription)).toMatchObject({ outcome: 'failed' });
    expect(await attempt({ attempts: 0 }, { options: { schedule: [] } })).toMatchObject({ outcome: 'failed' });
  });

  it.each([
    [30, 30],
    [5, 15],
    [1_000_000, 3_600],
  ])('asked to wait %d s, it waits %d s', async (retryAfter, seconds) => {
    const { attempt, window } = answering(retryable('HTTP 429', { code: 429, retryAfter }));
    expect(await attempt()).toMatchObject({ outcome: 'retry', notBefore: NOW + seconds * 1_000 });
    expect(window.pausedUntil).toBe(NOW + Math.min(retryAfter, 60) * 1_000);
  });

  it('tells the window of a failure', async () => {
    const { attempt, window } = answering(retryable('HTTP 500'));
    await attempt();
    expect(window.size).toBe(FULL_WINDOW / 2);
  });

  it('gives an attempt that was cut short back uncounted', async () => {
    const stop = new AbortController();
    const { attempt } = scene(() => {
      stop.abort(new Error('stop'));
      return Promise.reject(new Error('stop'));
    });
    expect(await attempt({}, {}, stop.signal)).toEqual({ handle: '16.1', outcome: 'returned' });
  });

  it('keeps a message that an endpoint of another release or a defect stands in the way of', async () => {
    const unknown = await answering(delivered()).attempt({}, { endpoint: 'carrier-pigeon:7' });
    expect(unknown.outcome).toBe('retry');
    const defect = await scene(() => Promise.reject(new TypeError('x is not a function'))).attempt();
    expect(defect.outcome).toBe('retry');
    expect(logged(defect)?.reason).toBe('internal error');
  });
});
