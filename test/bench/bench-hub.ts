import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { endWithThisProcess } from '../../apps/standalone/demo/end-with-this-process.js';
import { eventually } from '../support/eventually.js';
import type { RedisServer } from '../support/redis-server.js';
import { startBenchRedis } from './bench-redis.js';
import { RawConnection, type RawResponse } from './raw-connection.js';
import { signedRequest, type Credentials } from './signed-request.js';

/** A Redis that fsyncs every write, the API beside it, and connections to both: what every benchmark of the data plane starts from. */
export interface BenchHub {
  readonly redis: RedisClient;
  readonly redisServer: RedisServer;
  readonly keyPrefix: string;
  readonly credentials: Credentials & { readonly accountId: string };
  /** For `CpuUse`. */
  readonly pids: Readonly<Record<'load generator' | 'API' | 'Redis', number>>;
  connect(count: number): Promise<RawConnection[]>;
  call(method: string, target: string, body?: string): Promise<RawResponse>;
  /** Bytes that Redis says it uses, once it has freed what it frees in the background. */
  usedMemory(): Promise<number>;
  /** Bytes resident of the API after a garbage collection. */
  apiMemory(): Promise<number>;
  close(): Promise<void>;
}

const KEY_PREFIX = 'bench';

export async function startBenchHub(): Promise<BenchHub> {
  const server = await startBenchRedis();
  const redis = connectRedis(server.url, { role: 'worker', logger: silentLogger });
  const credentials = { accountId: '1234567890123456', accessKeyId: 'bench', accessKeySecret: randomBytes(16).toString('hex') };
  const { api, port } = await startApi(server.url, credentials);
  const connect = (count: number): Promise<RawConnection[]> => Promise.all(Array.from({ length: count }, () => RawConnection.open('127.0.0.1', port)));
  const control = new ControlConnection(connect);
  return {
    redis,
    redisServer: server,
    keyPrefix: KEY_PREFIX,
    credentials,
    pids: { 'load generator': process.pid, API: api.pid!, Redis: server.pid },
    connect,
    call: async (method, target, body) => (await control.open()).request(signedRequest(credentials, method, target, body)),
    usedMemory: () => usedMemory(redis),
    apiMemory: async () => {
      api.send('memory');
      const [{ resident }] = (await once(api, 'message')) as [{ resident: number }];
      return resident;
    },
    close: async () => {
      control.close();
      const exited = once(api, 'exit');
      api.disconnect();
      await exited;
      await redis.quit();
      await server.stop();
    },
  };
}

/** Seconds after which the API may have closed a connection that was not used. */
const STALE = 60;

/** For single calls, with minutes between them. */
class ControlConnection {
  #lane: RawConnection | undefined;
  #usedAt = 0;

  constructor(private readonly connect: BenchHub['connect']) {}

  async open(): Promise<RawConnection> {
    if (performance.now() - this.#usedAt > STALE * 1_000) this.close();
    this.#usedAt = performance.now();
    return (this.#lane ??= (await this.connect(1))[0]!);
  }

  close(): void {
    this.#lane?.close();
    this.#lane = undefined;
  }
}

async function startApi(redisUrl: string, { accountId, accessKeyId, accessKeySecret }: BenchHub['credentials']): Promise<{ api: ChildProcess; port: number }> {
  const args = [redisUrl, KEY_PREFIX, accountId, accessKeyId, accessKeySecret];
  const api = fork(new URL('./bench-server.js', import.meta.url), args);
  endWithThisProcess(api, 'SIGKILL');
  const [{ port }] = (await once(api, 'message')) as [{ port: number }];
  return { api, port };
}

/** Bytes that Redis says it uses, once it has freed what it frees in the background. */
export async function usedMemory(redis: RedisClient): Promise<number> {
  const info = async (section: string): Promise<string> => String(await redis.call('INFO', section));
  await eventually('Redis has freed what it frees in the background', async () => /lazyfree_pending_objects:0\b/.test(await info('memory')), { within: 60_000 });
  return Number(/used_memory:(\d+)/.exec(await info('memory'))![1]);
}
