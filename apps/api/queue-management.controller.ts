import { Controller, Get, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { DeadLetterPolicy } from '#queue/queue-attributes.js';
import { checkQueueName } from '#queue/queue-name.js';
import { QueueStore } from '#queue/queue-store.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readJson, readMembers, type NamedRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';

/** What MNS offers only in its console: the dead-letter policy of a queue. */
@Controller('api/v1/queues')
export class QueueManagementController {
  constructor(private readonly queues: QueueStore) {}

  @Get(':name')
  async get(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetQueue');
    sendJson(request, reply, 200, await this.queues.getQueue(request.account, request.params.name));
  }

  @Put(':name')
  async put(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PutQueue');
    const { account, params } = request;
    const deadLetterPolicy = readDeadLetterPolicy(params.name, readJson(request));
    if (deadLetterPolicy !== undefined) await this.queues.setQueueAttributes(account, params.name, { deadLetterPolicy });
    sendJson(request, reply, 200, await this.queues.getQueue(account, params.name));
  }
}

/** `{"deadLetterPolicy": {"targetQueue": "…", "maxReceiveCount": 3}}`; null removes the policy; an absent member changes nothing. */
function readDeadLetterPolicy(queue: string, json: unknown): DeadLetterPolicy | null | undefined {
  const { deadLetterPolicy } = readMembers(json, 'queue', ['deadLetterPolicy']);
  if (deadLetterPolicy === undefined || deadLetterPolicy === null) return deadLetterPolicy;
  const { targetQueue, maxReceiveCount } = readMembers(deadLetterPolicy, 'deadLetterPolicy', ['targetQueue', 'maxReceiveCount']);
  if (typeof targetQueue !== 'string') throw new InvalidArgument('targetQueue', 'deadLetterPolicy.targetQueue is the name of a queue.');
  checkQueueName(targetQueue);
  if (targetQueue === queue) throw new InvalidArgument('targetQueue', 'A queue cannot be its own dead-letter queue.');
  if (typeof maxReceiveCount !== 'number') throw new InvalidArgument('maxReceiveCount', 'deadLetterPolicy.maxReceiveCount is a number.');
  return { targetQueue, maxReceiveCount };
}
