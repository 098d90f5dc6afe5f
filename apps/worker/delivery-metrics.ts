import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Attempt } from '#delivery/attempt-log.js';

/** The metrics of attempts of one channel. */
interface Observers {
  readonly attempts: Readonly<Record<Attempt['outcome'], { inc(): void }>>;
  readonly latency: { observe(seconds: number): void };
  readonly wait: { observe(seconds: number): void };
}

/** What a worker tells Prometheus. */
export class DeliveryMetrics {
  readonly registry = new Registry();
  readonly #attempts: Counter<'channel' | 'outcome'>;
  readonly #latency: Histogram<'channel'>;
  readonly #age: Histogram<'channel'>;
  readonly #drains: Gauge;
  readonly #swept: Counter<'found'>;
  readonly #unsettled: Counter;
  readonly #observers = new Map<string, Observers>();

  constructor(countPaused: () => number) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#attempts = new Counter({
      name: 'magpie_delivery_attempts_total',
      help: 'Attempts by channel and by what they came to (delivered, retry, failed).',
      labelNames: ['channel', 'outcome'],
      registers,
    });
    this.#latency = new Histogram({
      name: 'magpie_delivery_attempt_seconds',
      help: 'Time from the start of an attempt to its outcome.',
      labelNames: ['channel'],
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
      registers,
    });
    this.#age = new Histogram({
      name: 'magpie_delivery_wait_seconds',
      help: 'Time from publishing to the start of the first attempt.',
      labelNames: ['channel'],
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3_600],
      registers,
    });
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
    const { attempts, latency, wait } = this.#observersOf(channel);
    attempts[outcome].inc();
    latency.observe(latencyMillis / 1_000);
    if (number === 1) wait.observe(Math.max(0, age) / 1_000);
  }

  /** prom-client would sort and join the labels anew for each attempt. There are few channels, so the map stays small. */
  #observersOf(channel: string): Observers {
    let observers = this.#observers.get(channel);
    if (observers === undefined) {
      const attempts = (outcome: Attempt['outcome']) => this.#attempts.labels({ channel, outcome });
      observers = {
        attempts: { delivered: attempts('delivered'), retry: attempts('retry'), failed: attempts('failed') },
        latency: this.#latency.labels({ channel }),
        wait: this.#age.labels({ channel }),
      };
      this.#observers.set(channel, observers);
    }
    return observers;
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

  unsettled(deliveries: number): void {
    this.#unsettled.inc(deliveries);
  }
}
