import type { FastifyReply, FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Gauge, Registry, type Metric } from 'prom-client';
import { DurationHistogram } from '#runtime/duration-histogram.js';
import type { ServerLifecycle } from './server-lifecycle.js';
import './request-state.js';

/** What the process tells Prometheus: how many requests with which outcome and how long they took, and the state of the process. */
export class RequestMetrics {
  readonly registry = new Registry();
  readonly #durations = new DurationHistogram(
    'magpie_api_request_duration_seconds',
    'Time from the arrival of a request to its answer, waiting for messages included; its count is the number of requests.',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    ['operation', 'code'],
  );

  constructor(lifecycle: ServerLifecycle) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.registry.registerMetric(this.#durations as unknown as Metric);
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
    this.#durations.observe((performance.now() - request.startedAt) / 1_000, request.operation, code);
  }
}
