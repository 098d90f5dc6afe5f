import { describe, expect, it } from '@jest/globals';
import { Histogram, Registry, type Metric } from 'prom-client';
import { DurationHistogram } from './duration-histogram.js';

describe('DurationHistogram', () => {
  it('is exposed as the histogram of the library is', async () => {
    const buckets = [0.001, 0.0025, 1, 30];
    const ours = new Registry();
    const histogram = new DurationHistogram('d_seconds', 'How long it took.', buckets, ['operation', 'code']);
    ours.registerMetric(histogram as unknown as Metric);
    const theirs = new Registry();
    const reference = new Histogram({ name: 'd_seconds', help: 'How long it took.', buckets, labelNames: ['operation', 'code'], registers: [theirs] });
    for (const seconds of [0, 0.001, 0.0011, 0.5, 1, 31]) {
      histogram.observe(seconds, 'SendMessage', 'Success');
      reference.observe({ operation: 'SendMessage', code: 'Success' }, seconds);
    }
    histogram.observe(0.25, 'GetQueue', '"quoted"\n');
    reference.observe({ operation: 'GetQueue', code: '"quoted"\n' }, 0.25);
    expect(await ours.metrics()).toBe(await theirs.metrics());
  });

  it('is there before anything was observed', async () => {
    const registry = new Registry();
    registry.registerMetric(new DurationHistogram('d_seconds', 'Help.', [1], []) as unknown as Metric);
    expect(await registry.metrics()).toContain('# TYPE d_seconds histogram');
  });
});
