import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AttemptLog } from '#delivery/attempt-log.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { ListRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';

/** What became of published messages. */
@Controller('api/v1/deliveries')
export class DeliveryController {
  constructor(private readonly attempts: AttemptLog) {}

  /** Every attempt to deliver a message of the caller's topics, to whichever subscription, by the id that its publisher was given. */
  @Get()
  async find(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'FindDeliveries');
    const messageId = request.query.get('messageid') ?? '';
    if (!/^[0-9A-F]{32}$/i.test(messageId)) throw new InvalidArgument('messageId', 'messageId has 32 hexadecimal digits.');
    const attempts = await this.attempts.find(messageId.toUpperCase());
    sendJson(request, reply, 200, { messageId, attempts: attempts.filter(({ topicOwner }) => topicOwner === request.account) });
  }
}
