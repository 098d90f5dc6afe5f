import type { SourceStatus, SourceStatusStore } from '#event-source/source-status-store.js';
import type { Logger } from '#runtime/log.js';
import type { SourceTask } from './source-task.js';

/** Milliseconds between two writes. */
const INTERVAL = 5_000;

/** Collects what the tasks of a source have to say and writes it together, now and then. */
export class SourceStatusWriter implements SourceTask {
  #waiting: SourceStatus = {};
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly source: string,
    private readonly store: Pick<SourceStatusStore, 'write'>,
    private readonly logger: Logger,
    private readonly interval = INTERVAL,
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.#write(), this.interval);
  }

  /** Replaces the members that are given. */
  set(changes: SourceStatus): void {
    this.#waiting = { ...this.#waiting, ...changes };
  }

  /** Nothing of what waits is worth writing: the source is gone. */
  discard(): void {
    this.#waiting = {};
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#write();
  }

  async #write(): Promise<void> {
    if (this.#writing !== undefined) return;
    const changes = this.#waiting;
    this.#waiting = {};
    this.#writing = this.store.write(this.source, changes).catch((error: unknown) => {
      this.#waiting = { ...changes, ...this.#waiting };
      this.logger.debug({ source: this.source, reason: String(error) }, 'the status of a source could not be written');
    });
    await this.#writing;
    this.#writing = undefined;
  }
}
