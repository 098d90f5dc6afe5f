/** Why changes of a store's objects may have been missed. */
export type GapReason =
  /** A bridge took over, or started, and nobody proved that nothing was missed before. */
  | 'bridge-started'
  | 'store-restarted'
  /** The store says that it dropped events. */
  | 'events-dropped'
  /** Events lie in the store's queue and do not arrive. */
  | 'queue-stuck'
  /** A bucket's notification rules were gone. */
  | 'rules-missing'
  | 'store-unreachable'
  | 'listen-interrupted'
  /** A fast copy was never followed by its durable one. */
  | 'durable-copy-missing'
  /** A store's body was damaged on our side. */
  | 'journal-damaged'
  | 'schedule'
  | 'requested';

/** A span of time in which changes may have been missed. */
export interface Gap {
  readonly reason: GapReason;
  /** Milliseconds since the epoch; 0: since ever (a back-fill). Margins for clocks are added by whoever repairs it. */
  readonly since: number;
  /** Absent: all buckets of the source. */
  readonly buckets?: readonly string[];
}
