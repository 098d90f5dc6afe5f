import { readHubSettings } from '#runtime/hub-settings.js';
import { giveBackMemory } from '#runtime/idle-memory.js';
import { createLogger } from '#runtime/log.js';
import { BadSetting } from '#runtime/setting.js';
import { DataDirectoryInUse } from './data-directory.js';
import { Hub } from './hub.js';
import { StartFailure } from './supervised-process.js';

async function main(): Promise<void> {
  const warnings: string[] = [];
  const settings = readHubSettings(process.env, (warning) => warnings.push(warning));
  const logger = createLogger('standalone', settings.logLevel);
  for (const warning of warnings) logger.warn(warning);
  const hub = new Hub(settings, process.env, logger);
  const stopped = new Promise<void>((resolve) => {
    const stop = (signal: NodeJS.Signals): void => {
      logger.info({ signal }, 'stopping');
      resolve();
    };
    process.once('SIGTERM', stop).once('SIGINT', stop);
    // A second signal, or the one that npm passes on beside the terminal's, changes nothing: stopping takes less than 10 s.
    process.on('SIGTERM', () => undefined).on('SIGINT', () => undefined);
    process.on('SIGHUP', () => logger.warn('SIGHUP is ignored: a rolling restart is not available yet'));
  });
  try {
    const started = await Promise.race([hub.start(), stopped]);
    if (started !== undefined) {
      const { addresses, credentials } = started;
      const { accountId, accessKeyId } = credentials;
      const { api, apiTls, bridge, worker } = addresses;
      const urls = `api=${api} bridge=${bridge} worker=${worker}${apiTls === undefined ? '' : ` https=${apiTls}`}`;
      giveBackMemory();
      process.stdout.write(`magpie ready ${urls} account=${accountId} accessKeyId=${accessKeyId}\n`);
    }
    await stopped;
  } finally {
    await hub.stop();
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const expected = error instanceof BadSetting || error instanceof DataDirectoryInUse || error instanceof StartFailure;
    process.stderr.write(`magpie: ${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
