import { Controller, Get, Header, HttpCode, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryWatch } from '#redis/memory-watch.js';
import type { RedisClient } from '#redis/redis-client.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { REDIS_COMMANDS, SETTINGS } from './injection-tokens.js';
import { WorkerLifecycle } from './worker-lifecycle.js';
import type { WorkerSettings } from './worker-settings.js';

/** Milliseconds after which a Redis that has not taken a write counts as away. */
const WRITE_DEADLINE = 2_000;

/** All that the worker serves: for orchestrators and Prometheus. */
@Controller()
export class HealthController {
  constructor(
    @Inject(REDIS_COMMANDS) private readonly client: RedisClient,
    @Inject(SETTINGS) private readonly settings: WorkerSettings,
    private readonly lifecycle: WorkerLifecycle,
    private readonly metrics: DeliveryMetrics,
    private readonly memory: MemoryWatch,
  ) {}

  @Get('healthz')
  @HttpCode(200)
  alive(): { status: string } {
    return { status: 'alive' };
  }

  /** Ready: drains are taken, and a real write to Redis works (a connection may stand although Redis is full or read-only). */
  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const obstacle = this.lifecycle.findObstacle() ?? (await this.findWriteObstacle());
    const { refusing } = this.memory;
    if (obstacle === undefined) await reply.code(200).send({ status: 'ready', ...(refusing !== undefined && { refusing: 'pushes to queues', reason: refusing }) });
    else await reply.code(503).send({ status: 'not ready', reason: obstacle });
  }

  @Get('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  prometheus(): Promise<string> {
    return this.metrics.registry.metrics();
  }

  private async findWriteObstacle(): Promise<string | undefined> {
    const stop = new AbortController();
    const write = this.client.set(`${this.settings.keyPrefix}:ready:worker`, String(Date.now()), 'PX', 60_000).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const lateness = `Redis took no write within ${WRITE_DEADLINE} ms`;
    const tooLate = sleep(WRITE_DEADLINE, lateness, { signal: stop.signal }).catch(() => undefined);
    const obstacle = await Promise.race([write, tooLate]);
    stop.abort();
    return obstacle;
  }
}
