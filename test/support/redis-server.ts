import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedisProgram } from '../../apps/standalone/program-path.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

export interface RedisServerOptions {
  /** Write every command to disk before it is answered, as the hub's own Redis does. */
  readonly appendOnly?: boolean;
  readonly port?: number;
  /** Kept after `stop`; a directory of its own that goes with `stop` otherwise. */
  readonly dir?: string;
  /** More arguments for the server, such as `--maxmemory 10mb`. */
  readonly args?: readonly string[];
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  readonly pid: number;
  stop(): Promise<void>;
  /** SIGKILL: no chance to write anything. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and directory; kills it first when it still runs. */
  restart(): Promise<void>;
}

/** A real Redis (or Valkey) on a loopback port of its own, empty unless `dir` holds data. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'magpie-redis-')));
  const persistence = options.appendOnly === true ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...persistence, ...(options.args ?? [])];
  const program = findRedisProgram(process.env['PATH']);
  if (program === undefined) throw new Error('no redis-server or valkey-server on PATH: run `node scripts/setup.mjs test`');
  let child = await launch(program);

  async function launch(path: string): Promise<ChildProcess> {
    const started = spawn(path, args, { stdio: 'ignore' });
    await eventually(`redis-server answers on port ${port}`, () => answersPing(port), { within: 10_000 });
    return started;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return child.pid ?? -1;
    },
    stop: async () => {
      await end('SIGTERM');
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
    kill9: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGKILL');
      child = await launch(program);
    },
  };
}

/** True once the server has loaded its data and serves. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
