import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#runtime/log.js';
import { freePort } from './free-port.js';
import { sendRedisCommand, type RedisEndpoint } from './redis-command.js';
import { StartFailure, SupervisedProcess } from './supervised-process.js';

/** Share of the memory that Redis may fill; the rest is for the hub and for what Redis copies while it rewrites its file. */
const MEMORY_SHARE = 0.5;

/** Milliseconds that a server which was left behind may take to stop. */
const SHUTDOWN_LIMIT = 20_000;

/** Replies of another server at a port that was ours. */
const WRONG_PASSWORD = /^-(WRONGPASS|ERR Client sent AUTH|ERR AUTH)|^[^+-]/;

/** A log of more bytes is moved aside at a start; one older log is kept. */
const LOG_LIMIT = 10 * 1024 * 1024;

export interface EmbeddedRedisOptions {
  /** Path of redis-server or valkey-server. */
  readonly program: string;
  /** Holds the append-only file, the configuration, the log and where the server can be reached. */
  readonly directory: string;
  /** Bytes of memory that the machine (or the container) has. */
  readonly machineMemory: number;
  readonly logger: Logger;
}

/**
 * The hub's private Redis: on loopback, at a free port, with a password of its own, every write on disk before it is
 * answered. A server that an earlier hub left behind on the same directory is shut down first, since two servers on one
 * append-only file would destroy it.
 */
export class EmbeddedRedis {
  readonly #process: SupervisedProcess<void>;
  readonly #configuration: string;
  readonly #endpointFile: string;
  readonly #log: string;
  #endpoint: RedisEndpoint = { port: 0, password: '' };

  constructor(private readonly options: EmbeddedRedisOptions) {
    const { directory, program, logger } = options;
    this.#configuration = join(directory, 'redis.conf');
    this.#endpointFile = join(directory, 'endpoint.json');
    this.#log = join(directory, 'redis.log');
    this.#process = new SupervisedProcess<void>(
      {
        name: 'redis',
        // A process group of its own: Ctrl-C in a terminal must not reach Redis before the hub has drained.
        launch: () => spawn(program, [this.#configuration], { stdio: 'ignore', detached: true }),
        whenReady: (child) => untilLoaded(child, this.#endpoint, logger),
        lastWords: () => `${lastLine(this.#log)} (${this.#log})`,
      },
      logger,
    );
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Resolves with the URL once all data is loaded. @throws StartFailure with the last line of the server's log. */
  async start(): Promise<string> {
    mkdirSync(this.options.directory, { recursive: true, mode: 0o700 });
    await shutDownLeftBehind(this.#endpointFile, this.options.logger);
    if (existsSync(this.#log) && statSync(this.#log).size > LOG_LIMIT) renameSync(this.#log, `${this.#log}.1`);
    this.#endpoint = { port: await freePort(), password: randomBytes(24).toString('hex') };
    writeFileSync(this.#configuration, configurationText(this.options, this.#endpoint), { mode: 0o600 });
    writeFileSync(this.#endpointFile, JSON.stringify(this.#endpoint), { mode: 0o600 });
    await this.#process.start();
    return `redis://:${this.#endpoint.password}@127.0.0.1:${this.#endpoint.port}`;
  }

  /** Also while it still loads, and before it was started: it cannot be started afterwards. */
  async stop(graceMillis: number): Promise<void> {
    await this.#process.stop(graceMillis);
  }
}

/** Each line is documented in Redis's own redis.conf; here only why it differs from the default. */
function configurationText({ directory, machineMemory }: EmbeddedRedisOptions, { port, password }: RedisEndpoint): string {
  const settings: [name: string, value: string][] = [
    ['bind', '127.0.0.1'],
    ['port', String(port)],
    ['requirepass', password],
    ['dir', quoted(directory)],
    ['logfile', quoted(join(directory, 'redis.log'))],
    // What was answered is on disk; the snapshot file is not needed beside the append-only one.
    ['appendonly', 'yes'],
    ['appendfsync', 'always'],
    ['save', '""'],
    // A full memory refuses new messages; dropping some silently would lose them.
    ['maxmemory', String(Math.max(64 * 1024 * 1024, Math.floor(machineMemory * MEMORY_SHARE)))],
    ['maxmemory-policy', 'noeviction'],
    // Delayed jobs of BullMQ start 8 ms late instead of 49.
    ['hz', '100'],
    ['dynamic-hz', 'no'],
  ];
  return settings.map((setting) => `${setting.join(' ')}\n`).join('');
}

function quoted(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&')}"`;
}

async function untilLoaded(child: ChildProcess, endpoint: RedisEndpoint, logger: Logger): Promise<void> {
  let reportAt = Date.now() + 2_000;
  while (child.exitCode === null && child.signalCode === null) {
    const reply = await sendRedisCommand(endpoint, 'PING');
    if (reply === '+PONG') return;
    if (Date.now() >= reportAt) {
      logger.info({ reply }, 'waiting for redis');
      reportAt += 5_000;
    }
    await sleep(10);
  }
  throw new StartFailure('redis ended');
}

/** The password makes sure that the server which answers is the one of this directory. */
async function shutDownLeftBehind(file: string, logger: Logger): Promise<void> {
  const endpoint = readEndpoint(file);
  if (endpoint === undefined) return;
  const deadline = Date.now() + SHUTDOWN_LIMIT;
  for (let told = false; ; told = true) {
    const reply = await sendRedisCommand(endpoint, told ? 'SHUTDOWN' : 'PING');
    // Nobody there any more, or somebody else at that port by now.
    if (reply === undefined || WRONG_PASSWORD.test(reply)) return;
    if (!told) logger.warn('shutting down the redis that an earlier hub left behind');
    if (Date.now() > deadline) throw new StartFailure(`the redis that an earlier hub left at port ${endpoint.port} does not stop: ${reply}`);
    await sleep(50);
  }
}

function readEndpoint(file: string): RedisEndpoint | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RedisEndpoint;
  } catch {
    // Cut short by a crash before the server was started.
    return undefined;
  }
}

function lastLine(log: string): string {
  if (!existsSync(log)) return 'no log was written';
  return readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) ?? '';
}
