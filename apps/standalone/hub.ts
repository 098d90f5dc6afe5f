import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { HubSettings } from '#runtime/hub-settings.js';
import type { Logger } from '#runtime/log.js';
import type { Environment } from '#runtime/setting.js';
import { loadCredentials, type Credentials } from './credentials.js';
import { DataDirectory } from './data-directory.js';
import { EmbeddedRedis } from './embedded-redis.js';
import { checkPorts } from './listen-ports.js';
import { findRedisProgram } from './program-path.js';
import { StartFailure, SupervisedProcess } from './supervised-process.js';

/** Milliseconds that a process may take until it serves; its Redis has loaded its data by then. */
const START_LIMIT = 60_000;

/** Milliseconds after the begin of a stop at which what still runs is killed: below the 10 s after which others kill the hub. */
const STOP_BY = { apps: 8_500, redis: 9_500 };

type AppName = 'api' | 'bridge' | 'worker';

export interface HubAddresses {
  readonly api: string;
  readonly bridge: string;
  readonly worker: string;
}

/** The whole hub on one machine: an embedded Redis unless there is another, and the three processes that use it. */
export class Hub {
  readonly #apps: Record<AppName, SupervisedProcess<number>>;
  readonly #ports: Record<AppName, number>;
  #shared: Environment = {};
  #directory: DataDirectory | undefined;
  #redis: EmbeddedRedis | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly settings: HubSettings,
    private readonly environment: Environment,
    private readonly logger: Logger,
  ) {
    this.#ports = { api: settings.apiPort, bridge: settings.bridgePort, worker: settings.workerPort };
    this.#apps = { api: this.#supervise('api'), bridge: this.#supervise('bridge'), worker: this.#supervise('worker') };
  }

  /**
   * Resolves when a client can use the hub. After a failure, `stop` ends what had been started.
   *
   * @throws BadSetting, DataDirectoryInUse, StartFailure
   */
  async start(): Promise<{ addresses: HubAddresses; credentials: Credentials }> {
    const directory = await DataDirectory.claim(this.settings.dataDir);
    this.#directory = directory;
    await checkPorts(this.settings);
    const credentials = loadCredentials(directory.file('credentials.json'), this.settings);
    const redisUrl = this.settings.redisUrl ?? (await this.#startRedis(directory));
    this.#shared = { ...this.environment, ...environmentOf(credentials), MAGPIE_DATA_DIR: directory.path, MAGPIE_REDIS_URL: redisUrl };
    // The worker hands out URLs of the API, so a port that the system chooses must be known first.
    const api = this.#startApp('api');
    const worker = this.settings.apiPort === 0 ? api.then(() => this.#startApp('worker')) : this.#startApp('worker');
    await Promise.all([api, worker, this.#startApp('bridge')]);
    const addresses = { api: this.settings.publicUrl ?? this.#urlOf('api'), bridge: this.#urlOf('bridge'), worker: this.#urlOf('worker') };
    return { addresses, credentials };
  }

  /** Lets everything finish what it does, Redis last. Takes less than 10 s. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const begin = performance.now();
    const left = (limit: number): number => limit - (performance.now() - begin);
    // All at once: pushes in flight may need as long as polls do, and what arrives meanwhile waits in Redis anyway.
    await Promise.all(Object.values(this.#apps).map((app) => app.stop(left(STOP_BY.apps))));
    await this.#redis?.stop(left(STOP_BY.redis));
    await this.#directory?.release();
  }

  async #startRedis(directory: DataDirectory): Promise<string> {
    const program = findRedisProgram(this.environment['PATH']);
    if (program === undefined) throw new StartFailure('no redis-server or valkey-server on PATH: install one, or set MAGPIE_REDIS_URL');
    if (this.#stopped !== undefined) throw new StartFailure('stopped before it was ready');
    const machineMemory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
    this.#redis = new EmbeddedRedis({ program, directory: directory.file('redis'), machineMemory, logger: this.logger });
    return await this.#redis.start();
  }

  async #startApp(name: AppName): Promise<void> {
    // A restart takes the same port again, also when the system had chosen it.
    this.#ports[name] = await this.#apps[name].start(START_LIMIT);
  }

  #supervise(name: AppName): SupervisedProcess<number> {
    return new SupervisedProcess({ name, launch: () => this.#fork(name), whenReady: reportedPort }, this.logger);
  }

  #fork(name: AppName): ChildProcess {
    const { api, bridge, worker } = this.#ports;
    const ports = { MAGPIE_API_PORT: String(api), MAGPIE_BRIDGE_PORT: String(bridge), MAGPIE_WORKER_PORT: String(worker) };
    const main = fileURLToPath(new URL(`../${name}/main.js`, import.meta.url));
    // Detached: Ctrl-C in a terminal reaches this process alone, which then stops the others in order.
    // Its standard output belongs to the ready line, so theirs goes to standard error.
    return fork(main, { env: { ...this.#shared, ...ports }, stdio: ['ignore', 2, 2, 'ipc'], detached: true });
  }

  #urlOf(name: AppName): string {
    return `http://${reachable(this.settings.host)}:${this.#ports[name]}`;
  }
}

function environmentOf(credentials: Credentials): Environment {
  return {
    MAGPIE_ACCOUNT_ID: credentials.accountId,
    MAGPIE_ACCESS_KEY_ID: credentials.accessKeyId,
    MAGPIE_ACCESS_KEY_SECRET: credentials.accessKeySecret,
    MAGPIE_SECRET_KEY: credentials.secretKey,
    MAGPIE_INTAKE_TOKEN: credentials.intakeToken,
  };
}

/** The port of the message `{ ready: true, port }` that a process sends when it serves. */
async function reportedPort(child: ChildProcess): Promise<number> {
  for (;;) {
    const [message] = (await once(child, 'message')) as [unknown];
    if (isReadyMessage(message)) return message.port;
  }
}

function isReadyMessage(message: unknown): message is { ready: true; port: number } {
  const { ready, port } = (message ?? {}) as { ready?: unknown; port?: unknown };
  return ready === true && typeof port === 'number';
}

/** What to write into a URL for a bind address. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
