import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeAttempt, type Attempt } from '#delivery/attempt-log.js';
import type { DeliveryOptions } from '#delivery/delivery-options.js';
import type { NotifyStrategyName } from '#delivery/notify-strategy.js';
import { delivered, retryable, type Outcome } from '#delivery/outcome.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { SettableClock } from '#runtime/clock.js';
import { silentLogger } from '#runtime/log.js';
import { PendingDeliveries } from '#topic/pending-deliveries.js';
import type { Wakeup } from '#topic/pending-delivery.js';
import { Publisher } from '#topic/publisher.js';
import type { Subscription } from '#topic/subscription.js';
import { SubscriptionStore } from '#topic/subscription-store.js';
import { TopicStore } from '#topic/topic-store.js';
import { ACCOUNT, drainRun } from '../../test/support/sample-delivery.js';
import { attemptDelivery } from './attempt.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { Drain, LEASE_MILLIS, type DrainTools } from './drain.js';
import { EndpointWindow } from './endpoint-window.js';
import { FairShare } from './fair-share.js';

const START = 1_700_000_000_000;
const FAILING = retryable('HTTP 500', { code: 500 });

let client: RedisClient;
let clock: SettableClock;
let deployment: Deployment;
let topics: TopicStore;
let woken: Wakeup[];

beforeAll(() => {
  client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'worker', logger: silentLogger });
});

afterAll(async () => {
  await client.quit();
});

beforeEach(async () => {
  clock = new SettableClock(START);
  deployment = await Deployment.open(client, `test-${randomUUID()}`);
  topics = new TopicStore(client, deployment, clock);
  woken = [];
});

interface Scene {
  readonly subscription: Subscription;
  readonly pending: PendingDeliveries;
  readonly window: EndpointWindow;
  /** Seconds from publishing to the start of each attempt. */
  readonly starts: number[];
  readonly attempts: Attempt[];
  /** What the endpoint answers, given the number of the attempt. */
  answer: (attempt: number) => Outcome;
  random: () => number;
  /** Drains, and moves the clock to whatever comes next, until nothing comes any more. */
  play(): Promise<void>;
}

/** One message that has just been published to one subscription; the engine is the real one, the clock is ours. */
async function publishOne(notifyStrategy: NotifyStrategyName, options: DeliveryOptions = {}): Promise<Scene> {
  await topics.createTopic(ACCOUNT, 'news', {});
  await topics.subscribe(ACCOUNT, 'news', 's1', { endpoint: 'http://127.0.0.1:1/', notifyStrategy, notifyContentFormat: 'XML', options });
  const subscription = await topics.getSubscription(ACCOUNT, 'news', 's1');
  await new Publisher(topics, { wake: async (wakeups) => void woken.push(...wakeups) }).publish(ACCOUNT, 'news', { body: 'x' });
  const pending = new PendingDeliveries(client, deployment, clock);
  const address = subscription.pendingQueue;
  const window = new EndpointWindow(clock);
  const jobs: { at: number; start: () => Promise<number | undefined> }[] = [];
  const scene: Scene = { subscription, pending, window, starts: [], attempts: [], answer: () => FAILING, random: () => 0, play };

  const send = (): Promise<Outcome> => {
    scene.starts.push((clock.now() - START) / 1_000);
    return Promise.resolve(scene.answer(scene.starts.length));
  };
  const attemptTools = { channels: { send }, clock, random: () => scene.random(), metrics: new DeliveryMetrics(() => 0), logger: silentLogger };
  const tools: DrainTools = {
    source: {
      lease: (to, run, how) => pending.lease(to, run, how),
      entrust: (to, run) => pending.entrust(to, run),
      settle: (to, settlements, lastLook) => {
        for (const { attempt } of settlements) if (attempt !== undefined) scene.attempts.push(decodeAttempt(attempt)!);
        return pending.settle(to, settlements, lastLook);
      },
    },
    scheduler: {
      addTimer: async (_to, due) => void jobs.push({ at: due, start: () => pending.fireTimer(address, due) }),
      resume: async (_to, epoch, due) => void jobs.push({ at: due, start: () => Promise.resolve(epoch) }),
    },
    share: new FairShare(),
    accounts: { get: () => ACCOUNT, set: () => undefined },
    clock,
    logger: silentLogger,
    attempt: (to, delivery, itsWindow, signal) => attemptDelivery(attemptTools, to, delivery, itsWindow, signal),
    onSettled: () => undefined,
    stopping: new AbortController().signal,
    abandoning: new AbortController().signal,
  };

  async function play(): Promise<void> {
    let epoch: number | undefined = woken.at(-1)!.epoch;
    for (;;) {
      if (epoch !== undefined) await new Drain(tools, address, drainRun(epoch), window).run();
      const next = jobs.sort((one, other) => one.at - other.at).shift();
      if (next === undefined) return;
      clock.advance(Math.max(0, next.at - clock.now()));
      epoch = await next.start();
    }
  }
  return scene;
}

const delaysOf = ({ starts }: Scene) => starts.slice(1).map((start, index) => Math.round((start - starts[index]!) * 1_000) / 1_000);
const numbersOf = ({ attempts }: Scene) => attempts.map(({ number }) => number);
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('the schedule of a delivery whose endpoint always fails', () => {
  it('BACKOFF_RETRY: three retries, each after 10 to 20 s by chance, then it is given up', async () => {
    const scene = await publishOne('BACKOFF_RETRY');
    const chances = [0, 0.37, 0.9999];
    scene.random = () => chances.shift()!;
    await scene.play();
    expect(delaysOf(scene)).toEqual([10, 13.7, 19.999]);
    expect(scene.attempts.map(({ outcome }) => outcome)).toEqual(['retry', 'retry', 'retry', 'failed']);
    expect(numbersOf(scene)).toEqual(upTo(4));
  });

  it('EXPONENTIAL_DECAY_RETRY: 176 retries after 1, 2, 4, … 512, 512 s, then it is given up, within a day', async () => {
    const scene = await publishOne('EXPONENTIAL_DECAY_RETRY');
    scene.random = () => 0.5;
    await scene.play();
    expect(delaysOf(scene)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, ...Array.from({ length: 167 }, () => 512)]);
    expect(numbersOf(scene)).toEqual(upTo(177));
    expect(scene.attempts.at(-1)).toMatchObject({ outcome: 'failed', time: START + 86_015_000 });
    const state = await new SubscriptionStore(topics, { wake: () => Promise.resolve() }).getState(scene.subscription);
    expect(state).toMatchObject({ pendingDeliveries: 0, failedDeliveries: 1 });
  });

  it('of its own: each delay up to a tenth longer by chance', async () => {
    const scene = await publishOne('EXPONENTIAL_DECAY_RETRY', { schedule: [0, 5, 3_600] });
    const chances = [0.9, 0, 0.5];
    scene.random = () => chances.shift()!;
    await scene.play();
    expect(delaysOf(scene)).toEqual([0, 5, 3_780]);
    expect(scene.attempts.at(-1)?.outcome).toBe('failed');
  });

  it('ends where the retention of the subscription does', async () => {
    const scene = await publishOne('EXPONENTIAL_DECAY_RETRY', { retentionSeconds: 60 });
    await scene.play();
    expect(scene.starts).toEqual([0, 1, 3, 7, 15, 31]);
    expect(scene.attempts.at(-1)?.outcome).toBe('failed');
  });
});

describe('the schedule of a delivery', () => {
  it('waits for what the endpoint asks for, if that is longer', async () => {
    const scene = await publishOne('BACKOFF_RETRY');
    scene.answer = (attempt) => [retryable('HTTP 503', { retryAfter: 45 }), retryable('HTTP 429', { retryAfter: 3 })][attempt - 1] ?? delivered(204);
    await scene.play();
    expect(delaysOf(scene)).toEqual([45, 10]);
  });

  it('is a not-before time: a pause of the endpoint delays the next attempt and is none', async () => {
    const scene = await publishOne('BACKOFF_RETRY');
    scene.answer = (attempt) => {
      // Another delivery to this endpoint is told to wait meanwhile.
      if (attempt === 1) scene.window.failed(clock.now(), 40);
      return FAILING;
    };
    await scene.play();
    expect(scene.starts).toEqual([0, 40, 50, 60]);
    expect(numbersOf(scene)).toEqual(upTo(4));
  });

  it('loses no attempt to workers that are killed in mid-push', async () => {
    const scene = await publishOne('BACKOFF_RETRY');
    for (let killed = 0; killed < 5; killed++) {
      const how = { count: 1, leaseMillis: LEASE_MILLIS, lastLook: true };
      expect(await scene.pending.lease(scene.subscription.pendingQueue, drainRun(1), how)).toMatchObject({ state: 'leased' });
      clock.advance(LEASE_MILLIS);
    }
    await scene.play();
    expect(numbersOf(scene)).toEqual(upTo(4));
    expect(delaysOf(scene)).toEqual([10, 10, 10]);
  });
});
