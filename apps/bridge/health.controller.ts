import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Bridge } from './bridge.js';
import { IntakeToken } from './intake/intake-token.js';

/** Milliseconds after which a Redis that has not taken a write counts as away. */
const WRITE_DEADLINE = 2_000;
/** Unreadable bodies that are shown. */
const SHOWN = 100;

/** For orchestrators, Prometheus and operators. */
@Controller()
export class HealthController {
  constructor(
    private readonly bridge: Bridge,
    private readonly token: IntakeToken,
  ) {}

  @Get('healthz')
  async alive(@Res() reply: FastifyReply): Promise<void> {
    await reply.send({ status: 'alive' });
  }

  /** While Redis is away the intake goes on into files, but no event arrives anywhere: not ready. */
  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const obstacle = await this.#obstacle();
    const { refusing } = this.bridge;
    const ready = { status: 'ready', ...(refusing !== undefined && { refusing: 'events', reason: refusing }) };
    await (obstacle === undefined ? reply.send(ready) : reply.code(503).send({ status: 'not ready', reason: obstacle }));
  }

  @Get('metrics')
  async prometheus(@Res() reply: FastifyReply): Promise<void> {
    this.bridge.updateMetrics();
    const { registry } = this.bridge.metrics;
    await reply.type(registry.contentType).send(await registry.metrics());
  }

  /** The bodies that could not be read, newest first, of one source with `?source=`: what an operator asks for when the counter moves. */
  @Get('unreadable')
  async unreadable(@Req() request: FastifyRequest<{ Querystring: { source?: string } }>, @Res() reply: FastifyReply): Promise<void> {
    if (!this.token.admits(request.headers.authorization)) {
      await reply.code(401).header('www-authenticate', 'Bearer').send();
      return;
    }
    const bodies = await this.bridge.badInput?.unreadable(SHOWN, request.query.source).catch(() => undefined);
    if (bodies === undefined) {
      await reply.code(503).send({ reason: 'Redis is away' });
      return;
    }
    await reply.send({ bodies });
  }

  async #obstacle(): Promise<string | undefined> {
    const { journal } = this.bridge;
    if (journal === undefined) return 'Redis was not reached yet';
    const answered = new AbortController();
    const write = journal.probe().then(
      () => undefined,
      (error: unknown) => String(error),
    );
    const late = sleep(WRITE_DEADLINE, `Redis took no write within ${WRITE_DEADLINE} ms`, { signal: answered.signal }).catch(() => undefined);
    return Promise.race([write, late]).finally(() => answered.abort());
  }
}
