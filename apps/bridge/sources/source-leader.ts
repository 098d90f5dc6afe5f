import { setTimeout as sleep } from 'node:timers/promises';
import type { EventSource } from '#event-source/event-source.js';
import type { SourceLeaseStore } from '#event-source/source-lease-store.js';
import type { Logger } from '#runtime/log.js';
import type { SourceTask, SourceTaskFactory } from './source-task.js';

export interface SourceLeaderTimes {
  /** Milliseconds that a lease lives without being renewed. */
  readonly life: number;
  /** Milliseconds between two renewals. */
  readonly renewal: number;
}

/** A leader that dies is replaced after 15 to 20 s. */
const TIMES: SourceLeaderTimes = { life: 15_000, renewal: 5_000 };
/** Of a lease's life: when tasks end that could not renew it. What remains is for them to end, and for clocks that run apart. */
const SAFE_PART = 2 / 3;

export interface SourceLeaderParts {
  readonly leases: Pick<SourceLeaseStore, 'lead' | 'giveBack'>;
  readonly sources: {
    readonly known: { readonly byName: ReadonlyMap<string, EventSource> } | undefined;
    onChange(listener: () => void): void;
  };
  readonly tasks: SourceTaskFactory;
  /** Told of every change with the number of sources that this process leads. */
  readonly onLeading?: (count: number) => void;
  readonly logger: Logger;
  readonly times?: SourceLeaderTimes;
}

interface Led {
  readonly source: EventSource;
  readonly fencing: number;
}

/**
 * Leads sources that no other bridge leads: runs their tasks while it holds their leases. Only sources with an endpoint need a leader.
 *
 * Every process asks for every source in one command per renewal; without sources it asks for nothing. For a moment two processes may run the tasks of one source, after
 * a pause of the whole process for example; everything that tasks tell is recognised when it is told twice.
 */
export class SourceLeader {
  readonly #workers = new Map<string, SourceWorker>();
  readonly #times: SourceLeaderTimes;
  #timer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  #askAgain = false;
  #stopped = false;

  constructor(private readonly parts: SourceLeaderParts) {
    this.#times = parts.times ?? TIMES;
  }

  start(): void {
    this.parts.sources.onChange(() => this.#ask());
    this.#timer = setInterval(() => this.#ask(), this.#times.renewal);
    this.#ask();
  }

  /** Names of the sources that this process leads. */
  get leading(): string[] {
    return [...this.#workers].filter(([, worker]) => worker.leads).map(([name]) => name);
  }

  /** Ends all tasks and gives the leases back, so that another bridge leads at once; waits so many milliseconds at the most. */
  async stop(millis: number): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#expiry);
    const waited = new AbortController();
    const names = this.leading;
    const ended = async (): Promise<void> => {
      await this.#asking;
      await Promise.all([...this.#workers.values()].map((worker) => worker.run(undefined)));
      await this.parts.leases.giveBack([...new Set([...names, ...this.#wanted().map(({ name }) => name)])]).catch(() => undefined);
    };
    await Promise.race([ended(), sleep(millis, undefined, { signal: waited.signal }).catch(() => undefined)]);
    waited.abort();
  }

  #wanted(): EventSource[] {
    return [...(this.parts.sources.known?.byName.values() ?? [])].filter(({ endpoint }) => endpoint !== undefined);
  }

  #ask(): void {
    this.#askAgain = this.#asking !== undefined;
    if (this.#askAgain || this.#stopped) return;
    this.#asking = this.#renew().finally(() => {
      this.#asking = undefined;
      if (this.#askAgain) this.#ask();
    });
  }

  async #renew(): Promise<void> {
    const wanted = this.#wanted();
    const unwanted = this.leading.filter((name) => !wanted.some((source) => source.name === name));
    try {
      await Promise.all(unwanted.map((name) => this.#run(name, undefined)));
      await this.parts.leases.giveBack(unwanted);
      const sentAt = performance.now();
      const numbers = await this.parts.leases.lead(wanted.map(({ name }) => name), this.#times.life);
      if (this.#stopped) return;
      this.#expireAt(sentAt + this.#times.life * SAFE_PART);
      for (const source of wanted) {
        const fencing = numbers.get(source.name);
        void this.#run(source.name, fencing === undefined ? undefined : { source, fencing });
      }
    } catch (error) {
      this.parts.logger.debug({ reason: String(error) }, 'leases of event sources could not be renewed');
    }
  }

  /** The leases of all sources are renewed together, so they end together. */
  #expireAt(time: number): void {
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => {
      const names = this.leading;
      if (names.length > 0) this.parts.logger.warn({ sources: names }, 'leases of event sources could not be renewed in time: their tasks end here');
      for (const name of names) void this.#run(name, undefined);
    }, Math.max(0, time - performance.now()));
  }

  async #run(name: string, led: Led | undefined): Promise<void> {
    let worker = this.#workers.get(name);
    if (worker === undefined && led === undefined) return;
    if (worker === undefined) {
      worker = new SourceWorker(this.parts);
      this.#workers.set(name, worker);
    }
    const done = worker.run(led);
    this.parts.onLeading?.(this.leading.length);
    await done;
    if (!worker.leads && this.#workers.get(name) === worker) this.#workers.delete(name);
  }
}

/** The tasks of one source: those of before have ended when new ones start. */
class SourceWorker {
  #wanted: Led | undefined;
  #running: { readonly led: Led; readonly tasks: readonly SourceTask[] } | undefined;
  #working: Promise<void> | undefined;

  constructor(private readonly parts: Pick<SourceLeaderParts, 'tasks' | 'logger'>) {}

  get leads(): boolean {
    return this.#wanted !== undefined;
  }

  /** Runs the tasks of a source in this state; undefined: none. Resolves when that is reached. */
  run(led: Led | undefined): Promise<void> {
    this.#wanted = led;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  async #work(): Promise<void> {
    while (!sameState(this.#running?.led, this.#wanted)) {
      await this.#stopTasks();
      const led = this.#wanted;
      if (led === undefined) continue;
      this.#startTasks(led);
    }
  }

  #startTasks(led: Led): void {
    const { source, fencing } = led;
    try {
      const tasks = this.parts.tasks(source, fencing);
      this.#running = { led, tasks };
      for (const task of tasks) task.start();
      this.parts.logger.info({ source: source.name, fencing, version: source.version }, 'leading an event source');
    } catch (error) {
      this.#running ??= { led, tasks: [] };
      this.parts.logger.error({ err: error, source: source.name }, 'the tasks of an event source could not be started');
    }
  }

  async #stopTasks(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    const results = await Promise.allSettled(running.tasks.map((task) => task.stop()));
    const failed = results.filter((result) => result.status === 'rejected');
    if (failed.length > 0) this.parts.logger.error({ source: running.led.source.name, reasons: failed.map(({ reason }) => String(reason)) }, 'a task did not end well');
  }
}

function sameState(one: Led | undefined, other: Led | undefined): boolean {
  return one?.fencing === other?.fencing && one?.source.version === other?.source.version;
}
