import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import { giveBackMemory, giveBackMemoryAtRest } from '#runtime/idle-memory.js';
import { createLogger } from '#runtime/log.js';
import { BadSetting } from '#runtime/setting.js';
import { NestLogger } from './nest-logger.js';
import { WorkerModule } from './worker.module.js';
import { readWorkerSettings } from './worker-settings.js';

/** Milliseconds after SIGTERM at which the process ends whatever still hangs; leases that were not returned run out by themselves. */
const STOP_LIMIT = 9_500;

async function start(): Promise<void> {
  const warnings: string[] = [];
  const settings = readWorkerSettings(process.env, (warning) => warnings.push(warning));
  const logger = createLogger('worker', settings.logLevel);
  // A child of the hub shares its environment; the hub has said it already.
  if (process.send === undefined) for (const warning of warnings) logger.warn(warning);

  const module = await WorkerModule.create(settings, logger);
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: new NestLogger(logger) });
  let stopping = false;
  const stop = (reason: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ reason }, 'worker stops');
    setTimeout(() => process.exit(0), STOP_LIMIT).unref();
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'worker did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // The parent is gone: nobody would stop this process.
  process.on('disconnect', () => stop('parent process ended'));

  await app.listen(settings.port, settings.host);
  const { port } = app.getHttpServer().address() as AddressInfo;
  giveBackMemory();
  giveBackMemoryAtRest();
  logger.info({ port }, 'worker ready');
  process.send?.({ ready: true, port });
}

start().catch((error: unknown) => {
  const text = error instanceof BadSetting ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`magpie worker: ${text}\n`);
  process.exit(1);
});
