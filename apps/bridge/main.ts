import 'reflect-metadata';
import { readHubSettings, type HubSettings } from '#runtime/hub-settings.js';
import { giveBackMemory, giveBackMemoryAtRest } from '#runtime/idle-memory.js';
import { createLogger, type Logger } from '#runtime/log.js';
import { BadSetting } from '#runtime/setting.js';
import { Bridge, type BridgeSettings } from './bridge.js';
import { BridgeServer } from './bridge-server.js';
import { IntakeToken } from './intake/intake-token.js';

/** Milliseconds of a stop, which the hub ends after 5 s: first the connections, then what is under way. */
const STOP_TIMES = { linger: 500, deadline: 2_000 };
const FINISH_LIMIT = 2_000;

async function main(): Promise<void> {
  const warnings: string[] = [];
  const hub = readHubSettings(process.env, (warning) => warnings.push(warning));
  const { settings, intakeToken } = bridgeSettings(hub);
  const logger = createLogger('bridge', hub.logLevel);
  // A child of the hub shares its environment; the hub has said it already.
  if (process.send === undefined) for (const warning of warnings) logger.warn(warning);
  const bridge = new Bridge(settings, logger);
  const onFailure = (error: unknown): never => {
    logger.fatal({ err: error }, 'the thread of the intake has ended');
    process.exit(1);
  };
  const server = await BridgeServer.listen(bridge, new IntakeToken(intakeToken), logger, { host: hub.host, port: hub.bridgePort, onFailure });
  const { port } = server;
  stopOnSignal(server, bridge, logger);
  logger.info({ host: hub.host, port }, 'bridge listens');
  await bridge.start();
  giveBackMemory();
  giveBackMemoryAtRest();
  process.send?.({ ready: true, port });
}

function bridgeSettings(hub: HubSettings): { settings: BridgeSettings; intakeToken: string } {
  const { redisUrl, redisHighWater, keyPrefix, secretKey, dataDir, accountId, region, intakeToken } = hub;
  if (redisUrl === undefined) throw new BadSetting('MAGPIE_REDIS_URL', 'not set', 'the URL of a Redis (npm start brings its own)');
  if (secretKey === undefined) throw new BadSetting('MAGPIE_SECRET_KEY', 'not set', '32 bytes as base64, the same for every process');
  if (accountId === undefined) throw new BadSetting('MAGPIE_ACCOUNT_ID', 'not set', '16 digits, the account that events and rules belong to');
  if (intakeToken === undefined) throw new BadSetting('MAGPIE_INTAKE_TOKEN', 'not set', '8 to 256 printable characters without blanks');
  return { settings: { redisUrl, redisHighWater, keyPrefix, secretKey, dataDir, account: accountId, region }, intakeToken };
}

function stopOnSignal(server: BridgeServer, bridge: Bridge, logger: Logger): void {
  let stopping = false;
  const stop = (reason: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason }, 'bridge stops');
    void server
      .stop(STOP_TIMES)
      .then(() => bridge.stop(FINISH_LIMIT))
      .then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error({ err: error }, 'bridge could not stop properly');
          process.exit(1);
        },
      );
  };
  process.once('SIGTERM', () => stop('SIGTERM'));
  process.once('SIGINT', () => stop('SIGINT'));
  // The hub that started this process is gone: nobody would ever stop it.
  process.once('disconnect', () => stop('parent process ended'));
}

main().catch((error: unknown) => {
  process.stderr.write(`magpie bridge: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
