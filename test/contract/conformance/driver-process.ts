import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import {
  Refusal,
  type Endpoint,
  type Gives,
  type MnsScenarioClient,
  type Operation,
  type ScenarioCredentials,
  type Takes,
} from './operations.js';

/** Milliseconds of one call; the longest wait of a scenario is 20 s. */
const CALL_LIMIT = 30_000;
const STOP_LIMIT = 3_000;

interface Answer {
  readonly id: number;
  readonly gives?: object;
  readonly refused?: { readonly code: string; readonly requestId?: string; readonly hostId?: string };
  /** A failure of the client itself, with whatever it says. */
  readonly failed?: string;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * An SDK of another language in one long-living process, which reads calls as lines of JSON and answers each with a line:
 * `{"id":1,"operation":"deleteQueue","takes":{…},"access":{…}}`, then `{"id":1,"gives":{}}`, `"refused":{"code":…}` or `"failed":"…"`.
 */
export class DriverProcess implements MnsScenarioClient {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #complaints: string[] = [];
  #calls = 0;

  constructor(
    readonly lacks: MnsScenarioClient['lacks'],
    private readonly endpoint: Endpoint,
    [program, ...args]: readonly [string, ...string[]],
    /** Handed to the driver with the credentials of each call. */
    private readonly choices: Readonly<Record<string, string>> = {},
  ) {
    const { PATH, HOME, LANG } = process.env;
    this.#child = spawn(program, args, { env: { PATH, HOME, LANG, PYTHONIOENCODING: 'utf-8' }, stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#onLine(line));
    createInterface({ input: this.#child.stderr! }).on('line', (line) => {
      if (this.#complaints.push(line) > 20) this.#complaints.shift();
    });
    this.#child.on('error', (error) => this.#giveUp(error.message));
    this.#child.on('exit', (code) => this.#giveUp(`ended with code ${code}`));
    this.#child.stdin!.on('error', () => undefined);
  }

  async call<O extends Operation>(operation: O, takes: Takes<O>, credentials?: ScenarioCredentials): Promise<Gives<O>> {
    const id = ++this.#calls;
    const { url, account, accessKeyId, accessKeySecret } = { ...this.endpoint, ...credentials };
    const access = { url, account, accessKeyId, accessKeySecret, ...this.choices };
    const { gives, refused, failed } = await this.#exchange({ id, operation, takes, access });
    if (refused !== undefined) throw new Refusal(refused.code, refused);
    if (failed !== undefined) throw new Error(`${operation}: ${failed}`);
    return gives as Gives<O>;
  }

  #exchange(call: { readonly id: number; readonly operation: string; readonly takes: object; readonly access: object }): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(`no answer to ${call.operation}`), CALL_LIMIT);
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(call.id);
      };
      this.#waiting.set(call.id, {
        resolve: (answer) => (settle(), resolve(answer)),
        reject: (error) => (settle(), reject(error)),
      });
      this.#child.stdin!.write(`${JSON.stringify(call)}\n`);
    });
  }

  #onLine(line: string): void {
    // SDKs may print things of their own.
    if (!line.startsWith('{"id"')) return;
    const answer = JSON.parse(line) as Answer;
    this.#waiting.get(answer.id)?.resolve(answer);
  }

  #giveUp(reason: string): void {
    const error = new Error([`the driver ${this.#child.spawnargs[0]}: ${reason}`, ...this.#complaints].join('\n'));
    for (const { reject } of [...this.#waiting.values()]) reject(error);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
    const exited = once(this.#child, 'exit');
    this.#child.stdin!.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT);
    await exited;
    clearTimeout(timer);
  }
}
