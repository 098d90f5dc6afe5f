import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '#runtime/setting.js';
import type { Arrival } from './arrivals.js';
import { HubProcess } from './hub-process.js';

/** Where a run is silent about them, the hub keeps out of the way of one that runs already, and says little. */
const PRESET: Environment = {
  MAGPIE_API_PORT: '0',
  MAGPIE_BRIDGE_PORT: '0',
  MAGPIE_WORKER_PORT: '0',
  MAGPIE_LOG_LEVEL: 'warn',
};

export type HubEnvironment = Environment & { readonly MAGPIE_DATA_DIR: string };

/** One run of the demo or of an example: what it says, the hub that it plays with, and what has to be ended with it. */
export class DemoRun {
  /** Resolves at SIGINT or SIGTERM. */
  readonly interrupted: Promise<void>;
  readonly #endings: (() => unknown)[] = [];

  private constructor(private readonly name: string) {
    this.interrupted = new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
    });
  }

  /** Exit code: that of `play`, 0 after an interruption, 1 after an error. What was started is ended in reverse order. */
  static async play(name: string, play: (run: DemoRun) => Promise<number>): Promise<number> {
    const run = new DemoRun(name);
    try {
      return await Promise.race([play(run), run.interrupted.then(() => 0)]);
    } catch (error) {
      return run.fail(error instanceof Error ? error.message : String(error));
    } finally {
      for (const end of run.#endings.reverse()) await end();
    }
  }

  /** One line on standard output. */
  say(line: string): void {
    process.stdout.write(`${this.name}: ${line}\n`);
  }

  /** One line on standard error, and the exit code that goes with it. */
  fail(message: string): 1 {
    process.stderr.write(`${this.name}: ${message}\n`);
    return 1;
  }

  /** @param start what the time of the arrival counts from; Infinity: it is not shown */
  show(destination: string, { at, text }: Arrival, start: number): void {
    const latency = start === Infinity ? '' : `${Math.round(at - start)} ms`;
    this.say(`${destination.padEnd(8)} ${latency.padStart(8)}  ${text}`);
  }

  atEnd(ending: () => unknown): void {
    this.#endings.push(ending);
  }

  temporaryDirectory(): string {
    const directory = mkdtempSync(join(tmpdir(), `magpie-${this.name}-`));
    this.atEnd(() => rmSync(directory, { recursive: true, force: true }));
    return directory;
  }

  /** The operator's settings hold, except for those that the run needs as they are. */
  hubEnvironment({ preset = {}, fixed = {} }: { readonly preset?: Environment; readonly fixed?: Environment }): HubEnvironment {
    const dataDir = process.env['MAGPIE_DATA_DIR'] || this.temporaryDirectory();
    return { ...PRESET, ...preset, ...process.env, ...fixed, MAGPIE_DATA_DIR: dataDir };
  }

  async startHub(environment: HubEnvironment): Promise<HubProcess> {
    const start = performance.now();
    const main = fileURLToPath(new URL('../main.js', import.meta.url));
    const hub = await HubProcess.start({ main, environment, onLog: (line) => process.stderr.write(`${line}\n`) });
    this.atEnd(() => hub.stop());
    this.say(`hub ready after ${seconds(start)}: api ${hub.addresses.api}, bridge ${hub.addresses.bridge}`);
    return hub;
  }

  /** Exit code of a run that shows no more and waits: 0 at Ctrl-C, 1 when the hub ends by itself. */
  async stayUp(hub: HubProcess): Promise<number> {
    const endedByItself = await Promise.race([this.interrupted.then(() => false), hub.exited.then(() => true)]);
    return endedByItself ? this.fail('the hub has ended') : 0;
  }
}

/** Since a time of `performance.now`. */
export function seconds(start: number): string {
  return `${((performance.now() - start) / 1_000).toFixed(1)} s`;
}
