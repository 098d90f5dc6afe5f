import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { endWithThisProcess } from './end-with-this-process.js';

export interface MinioWebhook {
  /** Part of the ARN `arn:minio:sqs::<id>:webhook`. */
  readonly id: string;
  readonly endpoint: string;
  readonly token: string;
  /** Undelivered events are kept on disk and sent again: nothing is lost, but each may be up to 3 s late. */
  readonly queueDir?: boolean;
}

export interface MinioOptions {
  /** Path of the server program. */
  readonly program: string;
  readonly webhooks: readonly MinioWebhook[];
  /** More of MinIO's environment variables. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Milliseconds until a server that does not answer counts as failed. */
const START_LIMIT = 30_000;

/** A MinIO server with one drive in a temporary directory, on loopback, that waits for its event queue and for its rules. */
export class MinioServer {
  readonly endpoint: string;
  readonly accessKey = 'magpie-demo';
  readonly secretKey = randomBytes(16).toString('hex');
  #child: ChildProcess | undefined;
  #said = '';

  private constructor(
    private readonly options: MinioOptions,
    private readonly directory: string,
    readonly port: number,
  ) {
    this.endpoint = `http://127.0.0.1:${port}`;
  }

  /** Resolves when the server takes requests. @throws Error with what the server said last. */
  static async start(options: MinioOptions): Promise<MinioServer> {
    const directory = await mkdtemp(join(tmpdir(), 'magpie-minio-'));
    const server = new MinioServer(options, directory, await freePort());
    try {
      await server.launch();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  /** Starts the server on its drive; again, after `end`. */
  async launch(): Promise<void> {
    const drive = join(this.directory, 'drive');
    await mkdir(drive, { recursive: true });
    const address = ['--address', `127.0.0.1:${this.port}`, '--certs-dir', join(this.directory, 'certs')];
    const env = this.#environment();
    const child = spawn(this.options.program, ['server', ...address, drive], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    endWithThisProcess(child, 'SIGKILL');
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => this.#hear(data));
    child.once('error', (error) => this.#hear(Buffer.from(error.message)));
    await this.#untilReady(child);
  }

  /** Ends the server and leaves its drive. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** Ends the server and removes what it stored. */
  async stop(): Promise<void> {
    // Nothing is worth waiting for: the drive goes as well.
    await this.end('SIGKILL');
    await rm(this.directory, { recursive: true, force: true });
  }

  #environment(): NodeJS.ProcessEnv {
    const webhooks = this.options.webhooks.map(({ id, endpoint, token, queueDir }) => ({
      [`MINIO_NOTIFY_WEBHOOK_ENABLE_${id}`]: 'on',
      [`MINIO_NOTIFY_WEBHOOK_ENDPOINT_${id}`]: endpoint,
      [`MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_${id}`]: token,
      ...(queueDir === true && { [`MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_${id}`]: join(this.directory, 'events') }),
    }));
    return {
      PATH: process.env['PATH'],
      HOME: this.directory,
      MINIO_ROOT_USER: this.accessKey,
      MINIO_ROOT_PASSWORD: this.secretKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
      // Without them an answered upload may have no event: one lost in memory at a crash, one taken before the rules were read.
      MINIO_API_SYNC_EVENTS: 'on',
      MINIO_SYNC_BOOT: 'on',
      MINIO_PROMETHEUS_AUTH_TYPE: 'public',
      ...(Object.assign({}, ...webhooks) as Record<string, string>),
      ...this.options.environment,
    };
  }

  async #untilReady(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + START_LIMIT;
    while (Date.now() < deadline && child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      if (await answers(`${this.endpoint}/minio/health/ready`)) return;
      await sleep(20);
    }
    throw new Error(`MinIO did not start: ${this.#said.trim().split('\n').slice(-3).join(' | ')}`);
  }

  #hear(data: Buffer): void {
    this.#said = (this.#said + data.toString()).slice(-4_096);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
}
