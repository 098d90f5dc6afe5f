import { ConflictException, Controller, Delete, Get, NotFoundException, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { QueueAttributes } from '#queue/queue-attributes.js';
import { QueueNotExist } from '#queue/queue-errors.js';
import { QueueStore } from '#queue/queue-store.js';
import { RedriveStore } from '#queue/redrive-store.js';
import { readJson, type NamedRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';
import { readAttributes, readRedriveOptions } from './queue-management-request.js';
import { bodyOf } from './request-state.js';

/** What MNS offers only in its console: type and dead-letter policy of a queue, emptying it, bringing dead letters back. */
@Controller('api/v1/queues')
export class QueueManagementController {
  constructor(
    private readonly queues: QueueStore,
    private readonly redrives: RedriveStore,
  ) {}

  @Get(':name')
  async get(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetQueue');
    sendJson(request, reply, 200, await this.queues.getQueue(request.account, request.params.name));
  }

  /** Creates the queue, or changes what the document names. */
  @Put(':name')
  async put(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PutQueue');
    const { account, params } = request;
    const created = await this.change(account, params.name, readAttributes(params.name, readJson(request)));
    sendJson(request, reply, created ? 201 : 200, await this.queues.getQueue(account, params.name));
  }

  private async change(account: string, name: string, attributes: Partial<QueueAttributes>): Promise<boolean> {
    try {
      await this.queues.setQueueAttributes(account, name, attributes);
      return false;
    } catch (error) {
      if (!(error instanceof QueueNotExist)) throw error;
      return (await this.queues.createQueue(account, name, attributes)) === 'created';
    }
  }

  @Post(':name/purge')
  async purge(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PurgeQueue');
    const purgedMessages = await this.queues.purgeQueue(request.account, request.params.name);
    sendJson(request, reply, 200, { purgedMessages });
  }

  /** Only writes the order; upkeep carries it out. */
  @Post(':name/redrive')
  async startRedrive(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'StartRedrive');
    const { account, params } = request;
    const options = readRedriveOptions(bodyOf(request).length === 0 ? {} : readJson(request));
    const started = await this.redrives.start(account, params.name, options);
    if (!started) throw new ConflictException(`A redrive of ${params.name} is under way.`);
    sendJson(request, reply, 202, await this.redrives.get(account, params.name));
  }

  @Get(':name/redrive')
  async getRedrive(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetRedrive');
    const redrive = await this.redrives.get(request.account, request.params.name);
    if (redrive === undefined) throw new NotFoundException(`There was no redrive of ${request.params.name}.`);
    sendJson(request, reply, 200, redrive);
  }

  @Delete(':name/redrive')
  async cancelRedrive(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'CancelRedrive');
    await this.redrives.cancel(request.account, request.params.name);
    sendJson(request, reply, 204);
  }
}
