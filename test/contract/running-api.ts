import { randomBytes } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiListeners, type ListenOptions } from '../../apps/api/api-listeners.js';
import { createApiServer } from '../../apps/api/api-server.js';
import type { ApiSettings } from '../../apps/api/api-settings.js';
import { silentLogger, type Logger } from '#runtime/log.js';
import { MnsClient, type MnsCredentials } from './mns-client.js';

export const ACCOUNT = '1234567890123456';

export interface RunningApi {
  readonly app: NestFastifyApplication;
  readonly listeners: ApiListeners;
  readonly settings: ApiSettings;
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly credentials: MnsCredentials;
  readonly client: MnsClient;
  /** What SIGTERM does, without ending this process. */
  stop(): Promise<void>;
}

type ChosenSettings = Pick<ApiSettings, 'redisUrl' | 'keyPrefix' | 'publicUrl' | 'secretKey' | 'trustedProxies' | 'pushAllow' | 'channels' | 'bridgeUrl' | 'intakeToken'>;

export interface RunningApiOptions extends Partial<ChosenSettings> {
  readonly logger?: Logger;
  /** 127.0.0.1 when absent. */
  readonly addresses?: readonly string[];
  readonly tls?: NonNullable<ListenOptions['tls']>;
}

/** The real API in this process: a port of its own, the real Redis of the tests, a fresh key prefix. */
export async function startApi(chosen: RunningApiOptions = {}): Promise<RunningApi> {
  const { logger = silentLogger, addresses = ['127.0.0.1'], tls, ...options } = chosen;
  const credentials = { accessKeyId: 'contract-key', accessKeySecret: 'contract-secret' };
  const settings: ApiSettings = {
    redisUrl: process.env['MAGPIE_TEST_REDIS_URL'] ?? '',
    keyPrefix: `contract-${randomBytes(6).toString('hex')}`,
    secretKey: randomBytes(32),
    firstKey: { accountId: ACCOUNT, ...credentials },
    ...options,
  };
  const app = await createApiServer({ settings, logger });
  const listeners = await ApiListeners.open(app, { addresses, port: 0, ...(tls !== undefined && { tls }) });
  const { port } = listeners;
  const client = new MnsClient(port, credentials);
  return {
    app,
    listeners,
    settings,
    port,
    url: `http://127.0.0.1:${port}`,
    credentials,
    client,
    stop: async () => {
      client.close();
      await listeners.stop({ linger: 200, deadline: 4_000 });
      await app.close();
    },
  };
}
