import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { readHubSettings, type HubSettings } from '#runtime/hub-settings.js';
import { createLogger, type Logger } from '#runtime/log.js';
import { BadSetting } from '#runtime/setting.js';
import { createApiServer } from './api-server.js';
import type { ApiSettings } from './api-settings.js';
import { ServerLifecycle, stopServer } from './server-lifecycle.js';

/** Milliseconds of a stop; whoever started the process gives it 5 s. */
const STOP_TIMES = { linger: 1_000, deadline: 4_000 };

async function main(): Promise<void> {
  const warnings: string[] = [];
  const hub = readHubSettings(process.env, (warning) => warnings.push(warning));
  const settings = apiSettings(hub);
  const logger = createLogger('api', hub.logLevel);
  // A child of the hub shares its environment; the hub has said it already.
  if (process.send === undefined) for (const warning of warnings) logger.warn(warning);
  const app = await createApiServer({ settings, logger });
  stopOnSignal(app, logger);
  await app.listen(hub.apiPort, hub.host);
  const { port } = app.getHttpServer().address() as AddressInfo;
  logger.info({ host: hub.host, port }, 'api listens');
  process.send?.({ ready: true, port });
}

function apiSettings({ redisUrl, redisHighWater, keyPrefix, secretKey, publicUrl, accountId, accessKeyId, accessKeySecret }: HubSettings): ApiSettings {
  if (redisUrl === undefined) throw new BadSetting('MAGPIE_REDIS_URL', 'not set', 'the URL of a Redis (npm start brings its own)');
  if (secretKey === undefined) throw new BadSetting('MAGPIE_SECRET_KEY', 'not set', '32 bytes as base64, the same for every process');
  const complete = accountId !== undefined && accessKeyId !== undefined && accessKeySecret !== undefined;
  const firstKey = complete ? { accountId, accessKeyId, accessKeySecret } : undefined;
  return {
    redisUrl,
    redisHighWater,
    keyPrefix,
    secretKey,
    ...(publicUrl !== undefined && { publicUrl }),
    ...(firstKey !== undefined && { firstKey }),
  };
}

function stopOnSignal(app: NestFastifyApplication, logger: Logger): void {
  let stopping = false;
  const stop = (reason: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason }, 'api stops');
    void stopApi(app).then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'api could not stop properly');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', () => stop('SIGTERM'));
  process.once('SIGINT', () => stop('SIGINT'));
  // The hub that started this process is gone: nobody would ever stop it.
  process.once('disconnect', () => stop('parent process ended'));
}

async function stopApi(app: NestFastifyApplication): Promise<void> {
  await stopServer(app.getHttpServer(), app.get(ServerLifecycle), STOP_TIMES);
  await app.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`magpie api: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
