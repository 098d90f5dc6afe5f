import type { FastifyReply, FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ServerLifecycle } from './server-lifecycle.js';
import './request-state.js';

type Observer = ReturnType<Histogram<'operation' | 'code'>['labels']>;

/** What the process tells Prometheus: how many requests with which outcome and how long they took, and the state of the process. */
export class RequestMetrics {
  readonly registry = new Registry();
  readonly #durations: Histogram<'operation' | 'code'>;
  readonly #observers = new Map<string, Observer>();

  constructor(lifecycle: ServerLifecycle) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#durations = new Histogram({
      name: 'magpie_api_request_duration_seconds',
      help: 'Time from the arrival of a request to its answer, waiting for messages included; its count is the number of requests.',
      labelNames: ['operation', 'code'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    });
    new Gauge({
      name: 'magpie_api_open_polls',
      help: 'Receive requests that wait for messages now.',
      registers,
      collect() {
        this.set(lifecycle.openPolls);
      },
    });
  }

  observe(request: FastifyRequest, reply: FastifyReply): void {
    const code = reply.outcome === '' ? String(reply.statusCode) : reply.outcome;
    this.observer(request.operation, code).observe((performance.now() - request.startedAt) / 1_000);
  }

  /** prom-client would sort and join the labels anew each time. Both labels come from fixed sets, so the map stays small. */
  private observer(operation: string, code: string): Observer {
    const key = `${operation}/${code}`;
    let observer = this.#observers.get(key);
    if (observer === undefined) {
      observer = this.#durations.labels({ operation, code });
      this.#observers.set(key, observer);
    }
    return observer;
  }
}
