import { collectDefaultMetrics, Counter, Gauge, Registry, type Metric } from 'prom-client';
import type { Attempt } from '#delivery/attempt-log.js';
import { DurationHistogram } from '#runtime/duration-histogram.js';

/** What a worker tells Prometheus. */
export class DeliveryMetrics {
  readonly registry = new Registry();
  readonly #attempts: Counter<'channel' | 'outcome'>;
  readonly #latency = new DurationHistogram(
    'magpie_delivery_attempt_seconds',
    'Time from the start of an attempt to its outcome.',
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
    ['channel'],
  );
  readonly #age = new DurationHistogram(
    'magpie_delivery_wait_seconds',
    'Time from publishing to the start of the first attempt.',
    [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3_600],
    ['channel'],
  );
  readonly #drains: Gauge;
  readonly #swept: Counter<'found'>;
  readonly #unsettled: Counter;
  readonly #gone: Counter;
  /** By channel and outcome: the library would sort and join the labels anew for each attempt. */
  readonly #counters = new Map<string, { inc(): void }>();

  constructor(countPaused: () => number) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#attempts = new Counter({
      name: 'magpie_delivery_attempts_total',
      help: 'Attempts by channel and by what they came to (delivered, retry, failed).',
      labelNames: ['channel', 'outcome'],
      registers,
    });
    for (const histogram of [this.#latency, this.#age]) this.registry.registerMetric(histogram as unknown as Metric);
    this.#drains = new Gauge({ name: 'magpie_delivery_drains', help: 'Pending queues that are being drained now.', registers });
    this.#swept = new Counter({
      name: 'magpie_delivery_swept_total',
      help: 'Lost wake-ups (drain) and lost timers (timer) that the sweep has found.',
      labelNames: ['found'],
      registers,
    });
    this.#unsettled = new Counter({
      name: 'magpie_delivery_unsettled_total',
      help: 'Attempts whose outcome could not be recorded; their deliveries are made again.',
      registers,
    });
    this.#gone = new Counter({
      name: 'magpie_delivery_endpoint_gone_total',
      help: 'Attempts whose answer disabled their subscription.',
      registers,
    });
    new Gauge({
      name: 'magpie_delivery_paused_endpoints',
      help: 'Endpoints that are being left alone because they fail.',
      registers,
      collect() {
        this.set(countPaused());
      },
    });
  }

  observeAttempt(channel: string, { outcome, latencyMillis, number }: Attempt, age: number): void {
    const key = `${channel}/${outcome}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = this.#attempts.labels({ channel, outcome });
      this.#counters.set(key, counter);
    }
    counter.inc();
    this.#latency.observe(latencyMillis / 1_000, channel);
    if (number === 1) this.#age.observe(Math.max(0, age) / 1_000, channel);
  }

  drainStarted(): void {
    this.#drains.inc();
  }

  drainEnded(): void {
    this.#drains.dec();
  }

  swept(drains: number, timers: number): void {
    this.#swept.inc({ found: 'drain' }, drains);
    this.#swept.inc({ found: 'timer' }, timers);
  }

  endpointGone(): void {
    this.#gone.inc();
  }

  unsettled(deliveries: number): void {
    this.#unsettled.inc(deliveries);
  }
}
