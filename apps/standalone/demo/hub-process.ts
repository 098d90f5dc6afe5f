import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Environment } from '#runtime/setting.js';
import type { Credentials } from '../credentials.js';
import type { HubAddresses } from '../hub.js';
import { endWithThisProcess } from './end-with-this-process.js';

export interface HubProcessOptions {
  /** Path of the built `apps/standalone/main.js`. */
  readonly main: string;
  /** Its settings; MAGPIE_DATA_DIR is needed, since the generated credentials are read from there. */
  readonly environment: Environment & { readonly MAGPIE_DATA_DIR: string };
  /** Told each line of the log; not called for the ready line. */
  readonly onLog?: (line: string) => void;
}

export interface HubExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A hub that runs as a process of its own, started as `npm start` does, and what a client needs to use it. */
export class HubProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly exited: Promise<HubExit>,
    readonly addresses: HubAddresses,
    readonly credentials: Credentials,
    /** Everything that it wrote on standard output. */
    readonly output: readonly string[],
  ) {}

  /** Resolves with the ready line. @throws Error with the last line of its log when it ended before. */
  static async start({ main, environment, onLog = () => undefined }: HubProcessOptions): Promise<HubProcess> {
    const child = spawn(process.execPath, [main], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    endWithThisProcess(child, 'SIGTERM');
    const exited = new Promise<HubExit>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    let lastLog = '';
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastLog = line;
      onLog(line);
    });
    const output: string[] = [];
    const ready = new Promise<string>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        output.push(line);
        if (line.startsWith('magpie ready ')) resolve(line);
      });
    });
    const closed = once(child, 'close').then(() => {
      throw new Error(lastLog === '' ? `the hub ended with code ${child.exitCode}` : lastLog);
    });
    const line = await Promise.race([ready, closed]);
    closed.catch(() => undefined);
    const [, api = '', bridge = '', worker = ''] = / api=(\S+) bridge=(\S+) worker=(\S+) /.exec(line) ?? [];
    return new HubProcess(child, exited, { api, bridge, worker }, readCredentials(environment), output);
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async stop(): Promise<HubExit> {
    this.signal('SIGTERM');
    return await this.exited;
  }
}

/** What is set holds; the rest was generated at the first start. */
function readCredentials(environment: HubProcessOptions['environment']): Credentials {
  const generated = JSON.parse(readFileSync(join(environment.MAGPIE_DATA_DIR, 'credentials.json'), 'utf8')) as Credentials;
  return {
    accountId: environment['MAGPIE_ACCOUNT_ID'] || generated.accountId,
    accessKeyId: environment['MAGPIE_ACCESS_KEY_ID'] || generated.accessKeyId,
    accessKeySecret: environment['MAGPIE_ACCESS_KEY_SECRET'] || generated.accessKeySecret,
    secretKey: environment['MAGPIE_SECRET_KEY'] || generated.secretKey,
    intakeToken: environment['MAGPIE_INTAKE_TOKEN'] || generated.intakeToken,
  };
}
