import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#runtime/log.js';

/** Milliseconds before the first restart of a process that died; doubled each time, up to the longest. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 10_000;

/** A process that ran for so many milliseconds before it died starts again without a long pause. */
const SETTLED = 30_000;

export interface ProcessRecipe<Ready> {
  readonly name: string;
  launch(): ChildProcess;
  /** Resolves when the process does its work; need not care for its end, nor for a time limit. */
  whenReady(child: ChildProcess): Promise<Ready>;
  /** What more there is to say when the process has died, such as the last line of its log. */
  lastWords?(): string;
}

/** A child process that could not be started. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
}

/**
 * One child process that is started again, with growing pauses, whenever it ends without having been told to.
 *
 * Only the first start can fail; from then on its end is logged and repaired.
 */
export class SupervisedProcess<Ready> {
  #child: ChildProcess | undefined;
  #startedAt = 0;
  #pause = FIRST_PAUSE;
  readonly #stopping = new AbortController();

  constructor(
    private readonly recipe: ProcessRecipe<Ready>,
    private readonly logger: Logger,
  ) {}

  /** Id of the process that runs now; undefined between the end of one and the start of the next. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** @throws StartFailure when it ended or was stopped, or was not ready within so many milliseconds. */
  async start(withinMillis = Infinity): Promise<Ready> {
    if (this.#stopping.signal.aborted) throw new StartFailure(`${this.recipe.name} was stopped before it was started`);
    const child = this.#launch();
    const ended = once(child, 'exit').then(() => {
      throw new StartFailure(this.#describeEnd(child));
    });
    const giveUp = new AbortController();
    const late = withinMillis === Infinity ? [] : [this.#lateness(withinMillis, giveUp.signal)];
    try {
      const ready = await Promise.race([this.recipe.whenReady(child), ended, failureToSpawn(child), ...late]);
      this.#watch(child);
      return ready;
    } finally {
      giveUp.abort();
      ended.catch(() => undefined);
    }
  }

  /** SIGTERM, and SIGKILL when it has not ended after so many milliseconds. Safe to call at any time, also twice; final. */
  async stop(graceMillis: number): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.logger.warn({ process: this.recipe.name, graceMillis }, 'process did not stop in time and is killed');
      child.kill('SIGKILL');
    }, graceMillis);
    await ended;
    clearTimeout(timer);
  }

  #launch(): ChildProcess {
    this.#child = this.recipe.launch();
    this.#startedAt = Date.now();
    return this.#child;
  }

  async #lateness(millis: number, signal: AbortSignal): Promise<never> {
    await sleep(millis, undefined, { signal });
    throw new StartFailure(`${this.recipe.name} was not ready within ${millis / 1_000} s`);
  }

  #describeEnd(child: ChildProcess): string {
    const how = child.signalCode === null ? `with code ${child.exitCode}` : `by ${child.signalCode}`;
    const lastWords = this.recipe.lastWords?.() ?? '';
    return `${this.recipe.name} ended ${how}${lastWords === '' ? '' : `: ${lastWords}`}`;
  }

  #watch(child: ChildProcess): void {
    const restart = (): void => {
      if (this.#stopping.signal.aborted) return;
      this.logger.error({ process: this.recipe.name, pid: child.pid }, this.#describeEnd(child));
      void this.#restart();
    };
    if (hasEnded(child)) restart();
    else child.once('exit', restart);
  }

  async #restart(): Promise<void> {
    if (Date.now() - this.#startedAt > SETTLED) this.#pause = FIRST_PAUSE;
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, LONGEST_PAUSE);
    try {
      await sleep(pause, undefined, { signal: this.#stopping.signal });
    } catch {
      return;
    }
    const child = this.#launch();
    child.once('error', (error) => this.logger.error({ process: this.recipe.name, reason: error.message }, 'process could not be started'));
    this.#watch(child);
    this.recipe.whenReady(child).then(
      () => this.logger.info({ process: this.recipe.name, pid: child.pid }, 'process is up again'),
      () => undefined,
    );
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

/** A program that cannot be started at all (missing, not executable) reports an error and never an exit. */
async function failureToSpawn(child: ChildProcess): Promise<never> {
  const [error] = (await once(child, 'error')) as [Error];
  throw new StartFailure(error.message);
}
