import 'reflect-metadata';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { environmentChannels } from '#delivery/environment-channels.js';
import { CertificateFiles } from '#runtime/certificate-files.js';
import { isLoopback, readHubSettings, type HubSettings } from '#runtime/hub-settings.js';
import { giveBackMemory, giveBackMemoryAtRest } from '#runtime/idle-memory.js';
import { createLogger, type Logger } from '#runtime/log.js';
import { BadSetting } from '#runtime/setting.js';
import { addressesOf, ApiListeners } from './api-listeners.js';
import { createApiServer } from './api-server.js';
import type { ApiSettings } from './api-settings.js';
import type { AccountSetup } from './setup-file/account-setup.js';

/** Milliseconds of a stop; whoever started the process gives it 5 s. */
const STOP_TIMES = { linger: 1_000, deadline: 4_000 };

async function main(): Promise<void> {
  const warnings: string[] = [];
  const hub = readHubSettings(process.env, (warning) => warnings.push(warning));
  const settings = apiSettings(hub);
  const logger = createLogger('api', hub.logLevel);
  // A child of the hub shares its environment; the hub has said it already.
  if (process.send === undefined) for (const warning of warnings) logger.warn(warning);
  // Before anything is connected: a mistake in the files is told at once.
  const setup = await readSetup(hub);
  const files = certificateFiles(hub);
  const certificate = await files?.load();
  const addresses = await addressesOf(hub.host);
  const app = await createApiServer({ settings, logger });
  const opening = applySetup(setup, app, logger).then(() =>
    ApiListeners.open(app, { addresses, port: hub.apiPort, ...(certificate !== undefined && { tls: { port: hub.tlsPort, certificate } }) }),
  );
  stopOnSignal(app, opening, logger);
  const listeners = await opening;
  giveBackMemory();
  giveBackMemoryAtRest();
  files?.watch((changed) => listeners.useCertificate(changed), logger);
  const { port, tlsPort } = listeners;
  logger.info({ host: hub.host, port, ...(tlsPort !== undefined && { tlsPort }) }, 'api listens');
  process.send?.({ ready: true, port, tlsPort });
}

function certificateFiles({ tlsCert, tlsKey }: HubSettings): CertificateFiles | undefined {
  return tlsCert === undefined || tlsKey === undefined ? undefined : new CertificateFiles(tlsCert, tlsKey);
}

function apiSettings(hub: HubSettings): ApiSettings {
  const { redisUrl, redisHighWater, keyPrefix, secretKey, publicUrl, trustedProxies, pushAllow, intakeToken } = hub;
  const { accountId, accessKeyId, accessKeySecret } = hub;
  if (redisUrl === undefined) throw new BadSetting('MAGPIE_REDIS_URL', 'not set', 'the URL of a Redis (npm start brings its own)');
  if (secretKey === undefined) throw new BadSetting('MAGPIE_SECRET_KEY', 'not set', '32 bytes as base64, the same for every process');
  const complete = accountId !== undefined && accessKeyId !== undefined && accessKeySecret !== undefined;
  const firstKey = complete ? { accountId, accessKeyId, accessKeySecret } : undefined;
  return {
    redisUrl,
    redisHighWater,
    keyPrefix,
    secretKey,
    trustedProxies,
    pushAllow,
    channels: environmentChannels(hub),
    ...bridgeUrlOf(hub),
    ...(intakeToken !== undefined && { intakeToken }),
    ...(publicUrl !== undefined && { publicUrl }),
    ...(firstKey !== undefined && { firstKey }),
  };
}

/** On one machine it is clear where the bridge is; a bind address for all networks is no address to post to. */
function bridgeUrlOf({ bridgePublicUrl, host, bridgePort }: HubSettings): { bridgeUrl?: string } {
  if (bridgePublicUrl !== undefined) return { bridgeUrl: bridgePublicUrl };
  return isLoopback(host) && bridgePort !== 0 ? { bridgeUrl: `http://${host.includes(':') ? `[${host}]` : host}:${bridgePort}` } : {};
}

/** The library that reads it is loaded only by those who have such a file. @throws BadSetting, BadSetupFile */
async function readSetup(hub: HubSettings): Promise<AccountSetup | undefined> {
  if (hub.setupFile === undefined) return undefined;
  const { AccountSetup } = await import('./setup-file/account-setup.js');
  return AccountSetup.read(hub.setupFile, hub);
}

async function applySetup(setup: AccountSetup | undefined, app: NestFastifyApplication, logger: Logger): Promise<void> {
  if (setup === undefined) return;
  const { created, changed } = await setup.apply(app);
  logger.info({ created, changed }, 'the set-up file is applied');
}

function stopOnSignal(app: NestFastifyApplication, opening: Promise<ApiListeners>, logger: Logger): void {
  let stopping = false;
  const stop = (reason: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason }, 'api stops');
    void stopApi(app, opening).then(
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

async function stopApi(app: NestFastifyApplication, opening: Promise<ApiListeners>): Promise<void> {
  await (await opening).stop(STOP_TIMES);
  await app.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`magpie api: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
