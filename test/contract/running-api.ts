import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApiServer } from '../../apps/api/api-server.js';
import type { ApiSettings } from '../../apps/api/api-settings.js';
import { ServerLifecycle, stopServer } from '../../apps/api/server-lifecycle.js';
import { silentLogger, type Logger } from '#runtime/log.js';
import { MnsClient, type MnsCredentials } from './mns-client.js';

export const ACCOUNT = '1234567890123456';

export interface RunningApi {
  readonly app: NestFastifyApplication;
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly credentials: MnsCredentials;
  readonly client: MnsClient;
  /** What SIGTERM does, without ending this process. */
  stop(): Promise<void>;
}

export interface RunningApiOptions extends Partial<Pick<ApiSettings, 'redisUrl' | 'keyPrefix' | 'publicUrl' | 'secretKey'>> {
  readonly logger?: Logger;
}

/** The real API in this process: a port of its own, the real Redis of the tests, a fresh key prefix. */
export async function startApi({ logger = silentLogger, ...options }: RunningApiOptions = {}): Promise<RunningApi> {
  const credentials = { accessKeyId: 'contract-key', accessKeySecret: 'contract-secret' };
  const settings: ApiSettings = {
    redisUrl: process.env['MAGPIE_TEST_REDIS_URL'] ?? '',
    keyPrefix: `contract-${randomBytes(6).toString('hex')}`,
    secretKey: randomBytes(32),
    firstKey: { accountId: ACCOUNT, ...credentials },
    ...options,
  };
  const app = await createApiServer({ settings, logger });
  await app.listen(0, '127.0.0.1');
  const server: Server = app.getHttpServer();
  const { port } = server.address() as AddressInfo;
  const client = new MnsClient(port, credentials);
  return {
    app,
    port,
    url: `http://127.0.0.1:${port}`,
    credentials,
    client,
    stop: async () => {
      client.close();
      await stopServer(server, app.get(ServerLifecycle), { linger: 200, deadline: 4_000 });
      await app.close();
    },
  };
}
