export const SOURCE_COUNTS = ['durable', 'fast', 'listen', 'refused', 'wrongMethod', 'unreadable', 'events', 'duplicates'] as const;

/**
 * What bridges count for a source. `durable`, `fast` and `listen` are bodies by the way that they came; `refused` those that were turned away
 * because there was no room; `wrongMethod` requests that were no posts; `events` what bodies told rules of, `duplicates` those of
 * them that another copy had told before.
 */
export type SourceCount = (typeof SOURCE_COUNTS)[number];

export interface LastEvent {
  readonly eventName: string;
  readonly bucket: string;
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Milliseconds between the time in the event and the end of its hand-over; clocks of store and hub may differ. */
  readonly lagMillis?: number;
}

/** All bridges together, since the source was registered. Times are milliseconds since the epoch. */
export interface SourceFigures {
  readonly counts: Readonly<Record<SourceCount, number>>;
  /** When each count last rose. */
  readonly last: Readonly<Partial<Record<SourceCount, number>>>;
  readonly lastEvent?: LastEvent;
  /** Nodes of the store by `x-amz-id-2`, and when an event of each was last read. */
  readonly nodes: Readonly<Record<string, number>>;
}

/** What one bridge has counted since it last said so. */
export interface FiguresChange {
  readonly counts: ReadonlyMap<SourceCount, number>;
  readonly last: ReadonlyMap<SourceCount, number>;
  readonly lastEvent?: LastEvent;
  readonly nodes: ReadonlyMap<string, number>;
}
