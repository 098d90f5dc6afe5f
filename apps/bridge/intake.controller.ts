import { All, Controller, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isSourceName } from '#event-rule/event-rule.js';
import { Bridge } from './bridge.js';
import type { Body } from './journal-entry.js';

type IntakeRequest = FastifyRequest<{ Params: { source: string } }>;

/** Seconds after which a sender that was turned away may come again; senders that know better ignore it. */
const RETRY_AFTER = 3;

const NO_SOURCE = 'not the name of a source: letters, digits, dots, hyphens and underscores, 64 at the most';

/**
 * Where object stores post their events. Answers 2xx to whatever is stored, readable or not: a sender repeats anything else for ever
 * and sends nothing behind it. Never redirects, and answers 2xx to nothing but POST. Whoever gets here has shown the token.
 */
@Controller('intake')
export class IntakeController {
  constructor(private readonly bridge: Bridge) {}

  /** Answers when the body is stored. */
  @Post('s3/:source')
  async durable(@Req() request: IntakeRequest, @Res() reply: FastifyReply): Promise<void> {
    if (!isSourceName(request.params.source)) return refuse(reply, 404, NO_SOURCE);
    const { metrics, intake } = this.bridge;
    try {
      const place = await intake.store(bodyOf(request));
      metrics.intake.inc({ way: 'durable', result: place });
      await reply.code(200).send();
    } catch (error) {
      metrics.intake.inc({ way: 'durable', result: 'refused' });
      await refuse(reply, 503, error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
  }

  /** Answers when the body is handed on in memory: for a second target beside a durable one, so that events arrive at once. */
  @Post('s3/:source/fast')
  async fast(@Req() request: IntakeRequest, @Res() reply: FastifyReply): Promise<void> {
    if (!isSourceName(request.params.source)) return refuse(reply, 404, NO_SOURCE);
    const taken = this.bridge.intake.takeFast(bodyOf(request));
    this.bridge.metrics.intake.inc({ way: 'fast', result: taken ? 'memory' : 'refused' });
    await (taken ? reply.code(200).send() : refuse(reply, 503, 'too much is under way'));
  }

  @All('*')
  async refuseMethod(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    if (request.method !== 'POST') await refuse(reply.header('allow', 'POST'), 405, 'only POST');
    else await refuse(reply, 404, 'no intake here: POST /intake/s3/<source>');
  }
}

function bodyOf({ body, params }: IntakeRequest): Body {
  return { source: params.source, receivedAt: Date.now(), bytes: Buffer.isBuffer(body) ? body : Buffer.alloc(0) };
}

async function refuse(reply: FastifyReply, status: number, reason: string): Promise<void> {
  if (status === 503) reply.header('retry-after', String(RETRY_AFTER));
  await reply.code(status).type('text/plain; charset=utf-8').send(`${reason}\n`);
}
