import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const inDist = import.meta.url.includes('/dist/test/');
/** The API as it is built for `npm run start:api`; seen from the sources as well as from dist/. */
const apiMain = fileURLToPath(new URL(inDist ? '../../apps/api/main.js' : '../../dist/apps/api/main.js', import.meta.url));

const STOP_LIMIT = 8_000;

export interface ApiProcess {
  readonly port: number;
  readonly pid: number;
  readonly account: string;
  readonly credentials: { readonly accessKeyId: string; readonly accessKeySecret: string };
  /** Lines of its log, from level warn on. */
  readonly log: readonly string[];
  readonly running: boolean;
  stop(): Promise<void>;
  /** SIGKILL: what it has under way is cut. */
  kill9(): Promise<void>;
}

/** What processes share that are one API. */
export interface ApiDeployment {
  readonly keyPrefix: string;
  readonly secretKey: string;
}

export function newApiDeployment(): ApiDeployment {
  return { keyPrefix: `api-${randomBytes(6).toString('hex')}`, secretKey: randomBytes(32).toString('base64') };
}

/** The API alone in a process of its own, once it is ready: no worker, so that nothing is ever pushed anywhere. */
export async function startApiProcess(redisUrl: string, deployment = newApiDeployment()): Promise<ApiProcess> {
  const { PATH, HOME } = process.env;
  const account = '1234567890123456';
  const credentials = { accessKeyId: 'process-key', accessKeySecret: 'process-secret' };
  const env = {
    PATH,
    HOME,
    MAGPIE_REDIS_URL: redisUrl,
    MAGPIE_KEY_PREFIX: deployment.keyPrefix,
    MAGPIE_SECRET_KEY: deployment.secretKey,
    MAGPIE_ACCOUNT_ID: account,
    MAGPIE_ACCESS_KEY_ID: credentials.accessKeyId,
    MAGPIE_ACCESS_KEY_SECRET: credentials.accessKeySecret,
    MAGPIE_API_PORT: '0',
    MAGPIE_LOG_LEVEL: 'warn',
  };
  const child = fork(apiMain, { env, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const log: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) createInterface({ input: stream }).on('line', (line) => log.push(line));
  const port = await readyPort(child, log);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT);
    await exited;
    clearTimeout(timer);
  };
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    port,
    pid: child.pid!,
    account,
    credentials,
    log,
    get running() {
      return running();
    },
    stop: async () => (running() ? end('SIGTERM') : undefined),
    kill9: async () => (running() ? end('SIGKILL') : undefined),
  };
}

async function readyPort(child: ChildProcess, log: readonly string[]): Promise<number> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the API ended with code ${code} before it was ready\n${log.join('\n')}`);
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [{ port: number }];
  ended.catch(() => undefined);
  return message.port;
}
