import type { EventSource } from '#event-source/event-source.js';

/** Something that one bridge of all does for a source. */
export interface SourceTask {
  start(): void;
  /** Resolves when nothing of it goes on. Should take milliseconds: the next leader waits for the lease, not for this. */
  stop(): Promise<void>;
}

/** @param fencing grows with every change of the leader; a task that writes what must not be written by two can show it */
export type SourceTaskFactory = (source: EventSource, fencing: number) => readonly SourceTask[];
