import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** One of the apps as built in dist/, in a process that can be killed and started again on the same port. */
export class AppProcess {
  #child: ChildProcess | undefined;
  #port = 0;

  /** @param portSetting name of the variable that holds the app's port */
  constructor(
    private readonly app: 'api' | 'bridge' | 'worker',
    private readonly portSetting: string,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  get port(): number {
    return this.#port;
  }

  /** Resolves when the app is ready, which takes a Redis. */
  async start(): Promise<void> {
    const main = fileURLToPath(new URL(`../../apps/${this.app}/main.js`, import.meta.url));
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, ...this.settings, [this.portSetting]: String(this.#port) };
    const child = fork(main, { env, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child = child;
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the ${this.app} ended (${code ?? signal}) before it was ready`);
    });
    ended.catch(() => undefined);
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [{ port: number }];
    this.#port = message.port;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}
