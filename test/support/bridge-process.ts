import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The bridge as it is built for `npm run start:bridge`; seen from the sources as well as from dist/. */
const bridgeMain = fileURLToPath(new URL(import.meta.url.includes('/dist/test/') ? '../../apps/bridge/main.js' : '../../dist/apps/bridge/main.js', import.meta.url));

export interface BridgeProcessOptions {
  readonly redisUrl: string;
  readonly keyPrefix: string;
  readonly dataDir: string;
  readonly account: string;
  readonly token: string;
  /** 0 for any. */
  readonly port: number;
}

export interface BridgeProcess {
  readonly port: number;
  readonly pid: number;
  /** Code of a process that ended by itself, else the signal. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** A bridge in a process of its own, once it is ready. */
export async function startBridgeProcess(options: BridgeProcessOptions): Promise<BridgeProcess> {
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    MAGPIE_REDIS_URL: options.redisUrl,
    MAGPIE_KEY_PREFIX: options.keyPrefix,
    MAGPIE_DATA_DIR: options.dataDir,
    MAGPIE_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    MAGPIE_ACCOUNT_ID: options.account,
    MAGPIE_INTAKE_TOKEN: options.token,
    MAGPIE_BRIDGE_PORT: String(options.port),
    MAGPIE_LOG_LEVEL: 'error',
  };
  const child = fork(bridgeMain, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const port = await readyPort(child);
  return {
    port,
    pid: child.pid!,
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
      return child.exitCode ?? child.signalCode;
    },
  };
}

async function readyPort(child: ChildProcess): Promise<number> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the bridge ended with code ${code} before it was ready`);
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [{ port: number }];
  ended.catch(() => undefined);
  return message.port;
}
