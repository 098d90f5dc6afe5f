import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What the bridge tells Prometheus. Values that are only known by asking are set by the heartbeat. */
export class BridgeMetrics {
  readonly registry = new Registry();
  readonly #own = { registers: [this.registry] };

  readonly intake = new Counter({
    name: 'magpie_bridge_intake_total',
    help: 'Posts to the intake by way (durable, fast) and by what became of them (journal, file, memory, unreadable, refused).',
    labelNames: ['way', 'result'],
    ...this.#own,
  });
  readonly unauthorized = new Counter({
    name: 'magpie_bridge_unauthorized_total',
    help: 'Posts with a wrong or no token. A store whose token is wrong sends nothing else until it is right.',
    ...this.#own,
  });
  readonly unreadable = new Counter({
    name: 'magpie_bridge_unreadable_total',
    help: 'Bodies, or parts of them, that could not be read; the last ones are listed at /unreadable.',
    labelNames: ['source'],
    ...this.#own,
  });
  readonly keyFallbacks = new Counter({ name: 'magpie_bridge_key_decode_fallback_total', help: 'Keys that were expected to be encoded and were not.', ...this.#own });
  readonly ignored = new Counter({
    name: 'magpie_bridge_ignored_total',
    help: 'Events that make no message: no_oss_event, no_rule, delete_marker_removed, canary.',
    labelNames: ['reason'],
    ...this.#own,
  });
  readonly handedOver = new Counter({
    name: 'magpie_bridge_events_total',
    help: 'Events by type of endpoint and outcome of the first hand-over; a copy that was suppressed counts as done.',
    labelNames: ['endpoint', 'outcome'],
    ...this.#own,
  });
  readonly unparked = new Counter({
    name: 'magpie_bridge_unparked_total',
    help: 'Parked events by how they ended: done, dropped (their rule was deleted).',
    labelNames: ['outcome'],
    ...this.#own,
  });
  readonly fastDropped = new Counter({ name: 'magpie_bridge_fast_dropped_total', help: 'Fast copies that found neither destination nor journal.', ...this.#own });
  readonly fastUnderWay = new Gauge({ name: 'magpie_bridge_fast_under_way', help: 'Fast copies that were answered and are not handed over yet.', ...this.#own });
  readonly latency = new Histogram({
    name: 'magpie_bridge_latency_seconds',
    help: 'Time from the arrival of a body to the end of its hand-over.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300],
    ...this.#own,
  });
  readonly journalEntries = new Gauge({
    name: 'magpie_bridge_journal_entries',
    help: 'Bodies in the journal, by partition of the journal.',
    labelNames: ['partition'],
    ...this.#own,
  });
  readonly journalAge = new Gauge({ name: 'magpie_bridge_journal_oldest_seconds', help: 'Age of the oldest body in the journal.', ...this.#own });
  readonly parked = new Gauge({
    name: 'magpie_bridge_parked_events',
    help: 'Events that wait because their destination cannot take them, by account/rule.',
    labelNames: ['rule'],
    ...this.#own,
  });
  readonly held = new Gauge({ name: 'magpie_bridge_held_bodies', help: 'Bodies that this process works on now.', ...this.#own });
  readonly fileBytes = new Gauge({ name: 'magpie_bridge_write_ahead_bytes', help: 'Bytes on the local disk that wait for Redis.', ...this.#own });
  readonly fileDamaged = new Counter({ name: 'magpie_bridge_write_ahead_damaged_total', help: 'Records of the write-ahead files that were damaged.', ...this.#own });
  readonly leading = new Gauge({ name: 'magpie_bridge_leading_sources', help: 'Event sources that this process leads.', ...this.#own });
  readonly listened = new Counter({
    name: 'magpie_bridge_listened_total',
    help: 'Events of listen streams by what became of them: taken, dropped.',
    labelNames: ['source', 'result'],
    ...this.#own,
  });
  readonly listenEnds = new Counter({
    name: 'magpie_bridge_listen_ends_total',
    help: 'Ends of listen streams: lost, silent (not one byte came), refused.',
    labelNames: ['source', 'kind'],
    ...this.#own,
  });
  readonly gapsOpened = new Counter({
    name: 'magpie_bridge_gaps_opened_total',
    help: 'Spans of time in which events may have been missed, by why.',
    labelNames: ['source', 'reason'],
    ...this.#own,
  });
  readonly storeUp = new Gauge({
    name: 'magpie_bridge_store_up',
    help: 'Whether the store of a source that this process leads is reachable (1 or 0).',
    labelNames: ['source'],
    ...this.#own,
  });
  readonly storeQueue = new Gauge({
    name: 'magpie_bridge_store_queue_length',
    help: 'Events in the queues of the store for this hub, of sources that this process leads.',
    labelNames: ['source'],
    ...this.#own,
  });

  readonly sourceBodies = new Counter({
    name: 'magpie_bridge_source_bodies_total',
    help: 'Bodies of registered event sources by the way that they came (durable, fast, listen).',
    labelNames: ['source', 'way'],
    ...this.#own,
  });
  readonly sourceEvents = new Counter({
    name: 'magpie_bridge_source_events_total',
    help: 'Events of registered event sources that rules wanted; repeated: copies of one that had come before.',
    labelNames: ['source', 'repeated'],
    ...this.#own,
  });
  readonly sourceLastEvent = new Gauge({
    name: 'magpie_bridge_source_last_event_timestamp_seconds',
    help: 'When this process last handed over an event of the source.',
    labelNames: ['source'],
    ...this.#own,
  });
  readonly sourceLag = new Gauge({
    name: 'magpie_bridge_source_lag_seconds',
    help: 'Time between the event by the clock of the store and the end of its hand-over, of the last event of the source.',
    labelNames: ['source'],
    ...this.#own,
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }
}
