import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CertificateFiles } from '#runtime/certificate-files.js';
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

/** What a process listens at. */
interface Ports {
  readonly port: number;
  readonly tlsPort?: number;
}

export interface HubAddresses {
  readonly api: string;
  /** There with a certificate. */
  readonly apiTls?: string;
  readonly bridge: string;
  readonly worker: string;
}

/** The whole hub on one machine: an embedded Redis unless there is another, and the three processes that use it. */
export class Hub {
  readonly #apps: Record<AppName, SupervisedProcess<Ports>>;
  readonly #ports: Record<AppName, number>;
  /** Of the API. */
  #tlsPort: number;
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
    this.#tlsPort = settings.tlsPort;
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
    await checkCertificate(this.settings);
    const credentials = loadCredentials(directory.file('credentials.json'), this.settings);
    const redisUrl = this.settings.redisUrl ?? (await this.#startRedis(directory));
    this.#shared = { ...this.environment, ...environmentOf(credentials), MAGPIE_DATA_DIR: directory.path, MAGPIE_REDIS_URL: redisUrl };
    // The worker hands out URLs of the API, so a port that the system chooses must be known first.
    const api = this.#startApp('api');
    const worker = this.settings.apiPort === 0 ? api.then(() => this.#startApp('worker')) : this.#startApp('worker');
    await Promise.all([api, worker, this.#startApp('bridge')]);
    return { addresses: this.#addresses(), credentials };
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
    const { port, tlsPort } = await this.#apps[name].start(START_LIMIT);
    this.#ports[name] = port;
    if (tlsPort !== undefined) this.#tlsPort = tlsPort;
  }

  #supervise(name: AppName): SupervisedProcess<Ports> {
    return new SupervisedProcess({ name, launch: () => this.#fork(name), whenReady: reportedPorts }, this.logger);
  }

  #fork(name: AppName): ChildProcess {
    const { api, bridge, worker } = this.#ports;
    const ports = {
      MAGPIE_API_PORT: String(api),
      MAGPIE_TLS_PORT: String(this.#tlsPort),
      MAGPIE_BRIDGE_PORT: String(bridge),
      MAGPIE_WORKER_PORT: String(worker),
    };
    const main = fileURLToPath(new URL(`../${name}/main.js`, import.meta.url));
    // Detached: Ctrl-C in a terminal reaches this process alone, which then stops the others in order.
    // Its standard output belongs to the ready line, so theirs goes to standard error.
    return fork(main, { env: { ...this.#shared, ...ports }, stdio: ['ignore', 2, 2, 'ipc'], detached: true });
  }

  #addresses(): HubAddresses {
    const host = reachable(this.settings.host);
    const url = (name: AppName): string => `http://${host}:${this.#ports[name]}`;
    return {
      api: this.settings.publicUrl ?? url('api'),
      ...(this.settings.tlsCert !== undefined && { apiTls: `https://${host}:${this.#tlsPort}` }),
      bridge: url('bridge'),
      worker: url('worker'),
    };
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

/** The ports of the message `{ ready: true, port, tlsPort? }` that a process sends when it serves. */
async function reportedPorts(child: ChildProcess): Promise<Ports> {
  for (;;) {
    const [message] = (await once(child, 'message')) as [unknown];
    if (isReadyMessage(message)) return message;
  }
}

function isReadyMessage(message: unknown): message is { ready: true } & Ports {
  const { ready, port } = (message ?? {}) as { ready?: unknown; port?: unknown };
  return ready === true && typeof port === 'number';
}

/** The API reads it again; here a mistake is answered with one line. @throws BadSetting */
async function checkCertificate({ tlsCert, tlsKey }: HubSettings): Promise<void> {
  if (tlsCert !== undefined && tlsKey !== undefined) await new CertificateFiles(tlsCert, tlsKey).load();
}

/** What to write into a URL for a bind address. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
