/** A metric as a Prometheus registry collects it. */
export interface HistogramMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  readonly aggregator: 'sum';
  readonly values: readonly { readonly metricName: string; readonly labels: Readonly<Record<string, string | number>>; readonly value: number }[];
}

/**
 * A Prometheus histogram that costs next to nothing to observe: the library's own looks each label and bucket up by text, which took as
 * long as answering the request that was measured. It is collected like any other metric of a registry.
 */
export class DurationHistogram {
  readonly type = 'histogram';
  readonly #series = new Map<string, Series>();

  /**
   * @param buckets upper bounds in seconds, ascending
   * @param labelNames their values must come from small fixed sets: every combination that was seen is kept
   */
  constructor(
    readonly name: string,
    readonly help: string,
    private readonly buckets: readonly number[],
    private readonly labelNames: readonly string[],
  ) {}

  /** @param labels values in the order of the names */
  observe(seconds: number, ...labels: readonly string[]): void {
    const key = labels.join('\n');
    let series = this.#series.get(key);
    if (series === undefined) {
      const named = Object.fromEntries(this.labelNames.map((name, index) => [name, labels[index] ?? '']));
      series = { labels: named, counts: new Array<number>(this.buckets.length + 1).fill(0), sum: 0 };
      this.#series.set(key, series);
    }
    let bucket = 0;
    while (bucket < this.buckets.length && seconds > this.buckets[bucket]!) bucket += 1;
    series.counts[bucket]! += 1;
    series.sum += seconds;
  }

  /** Called by the registry. */
  get(): Promise<HistogramMetric> {
    const values = [...this.#series.values()].flatMap((series) => this.#valuesOf(series));
    return Promise.resolve({ name: this.name, help: this.help, type: 'histogram', aggregator: 'sum', values });
  }

  reset(): void {
    this.#series.clear();
  }

  #valuesOf({ labels, counts, sum }: Series): HistogramMetric['values'] {
    let count = 0;
    const buckets = counts.map((inBucket, index) => {
      count += inBucket;
      return { metricName: `${this.name}_bucket`, labels: { le: this.buckets[index] ?? '+Inf', ...labels }, value: count };
    });
    return [...buckets, { metricName: `${this.name}_sum`, labels, value: sum }, { metricName: `${this.name}_count`, labels, value: count }];
  }
}

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Of each bucket alone, the one beyond the last bound included. */
  readonly counts: number[];
  sum: number;
}
