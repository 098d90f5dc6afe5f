import { Controller, Get, Head, Inject, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryWatch } from '#redis/memory-watch.js';
import type { RedisClient } from '#redis/redis-client.js';
import { probeWrite } from '#redis/write-probe.js';
import type { ApiSettings } from './api-settings.js';
import { REDIS_COMMANDS, SETTINGS } from './injection-tokens.js';
import { sendJson } from './problem-reply.js';
import { RequestMetrics } from './request-metrics.js';
import { ServerLifecycle } from './server-lifecycle.js';

const PUBLIC = { public: true };

/** Milliseconds after which a Redis that has not taken a write counts as away. */
const WRITE_DEADLINE = 2_000;

/** For load balancers, orchestrators and Prometheus; open to whoever reaches the port. */
@Controller()
export class HealthController {
  constructor(
    @Inject(REDIS_COMMANDS) private readonly client: RedisClient,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    private readonly lifecycle: ServerLifecycle,
    private readonly metrics: RequestMetrics,
    private readonly memory: MemoryWatch,
  ) {}

  @Get('healthz')
  @RouteConfig(PUBLIC)
  alive(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    request.operation = 'Health';
    sendJson(request, reply, 200, { status: 'alive' });
  }

  @Head('healthz')
  @RouteConfig(PUBLIC)
  aliveHead(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.alive(request, reply);
  }

  /**
   * A connection that answers PING may still lead to a Redis that takes no writes: read-only, or without a disk. One that is full takes
   * those of receiving and deleting, which must go on to make room: the process is ready, and says what it refuses.
   */
  @Get('readyz')
  @RouteConfig(PUBLIC)
  async ready(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    request.operation = 'Readiness';
    const obstacle = this.lifecycle.stopping ? 'the process is stopping' : await this.findObstacle();
    const { refusing } = this.memory;
    if (obstacle === undefined) sendJson(request, reply, 200, { status: 'ready', ...(refusing !== undefined && { refusing: 'new messages', reason: refusing }) });
    else sendJson(request, reply, 503, { status: 'not ready', reason: obstacle });
  }

  @Head('readyz')
  @RouteConfig(PUBLIC)
  readyHead(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.ready(request, reply);
  }

  @Get('metrics')
  @RouteConfig(PUBLIC)
  async prometheus(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    request.operation = 'Metrics';
    const { registry } = this.metrics;
    await reply.type(registry.contentType).send(await registry.metrics());
  }

  private async findObstacle(): Promise<string | undefined> {
    const stop = new AbortController();
    const write = probeWrite(this.client, `${this.settings.keyPrefix}:ready:api`).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const reason = `Redis took no write within ${WRITE_DEADLINE} ms`;
    const tooLate = sleep(WRITE_DEADLINE, reason, { signal: stop.signal }).catch(() => undefined);
    const obstacle = await Promise.race([write, tooLate]);
    stop.abort();
    return obstacle;
  }
}
