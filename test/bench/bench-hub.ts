import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { RawConnection, type RawResponse } from './raw-connection.js';
import { signedRequest, type Credentials } from './signed-request.js';

/** A Redis that fsyncs every write, the API beside it, and connections to both: what every benchmark of the data plane starts from. */
export interface BenchHub {
  readonly redis: RedisClient;
  readonly redisUrl: string;
  readonly credentials: Credentials & { readonly accountId: string };
  readonly keyPrefix: string;
  connect(count: number): Promise<RawConnection[]>;
  call(method: string, target: string, body?: string): Promise<RawResponse>;
  close(): Promise<void>;
}

export async function startBenchHub(): Promise<BenchHub> {
  const server: RedisServer = await startRedis({ appendOnly: true });
  const redis = connectRedis(server.url, { role: 'worker', logger: silentLogger });
  await redis.call('CONFIG', 'SET', 'appendfsync', 'always');
  const credentials = { accountId: '1234567890123456', accessKeyId: 'bench', accessKeySecret: randomBytes(16).toString('hex') };
  const keyPrefix = 'bench';
  const api: ChildProcess = fork(new URL('./bench-server.js', import.meta.url), [
    server.url,
    keyPrefix,
    credentials.accountId,
    credentials.accessKeyId,
    credentials.accessKeySecret,
  ]);
  const [{ port }] = (await once(api, 'message')) as [{ port: number }];
  const connect = (count: number): Promise<RawConnection[]> => Promise.all(Array.from({ length: count }, () => RawConnection.open('127.0.0.1', port)));
  const [control] = await connect(1);
  return {
    redis,
    redisUrl: server.url,
    credentials,
    keyPrefix,
    connect,
    call: (method, target, body) => control!.request(signedRequest(credentials, method, target, body)),
    close: async () => {
      control!.close();
      const exited = once(api, 'exit');
      api.disconnect();
      await exited;
      await redis.quit();
      await server.stop();
    },
  };
}
