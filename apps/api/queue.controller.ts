import { Controller, Delete, Get, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { readQueueAttributes, writeQueue, writeQueueList, type QueueListItem } from '#mns-wire/queue-documents.js';
import { checkQueueName } from '#queue/queue-name.js';
import { QueueStore } from '#queue/queue-store.js';
import { readArguments, type PlainRequest, type QueueRequest } from './data-plane-request.js';
import { readListPage, wantsMeta } from './list-page.js';
import { sendMnsReply } from './mns-reply.js';
import { beginOperation } from './operation.js';
import { readFlag } from './request-query.js';
import { bodyOf } from './request-state.js';
import { ResourceUrls } from './resource-urls.js';

/** Queues and their attributes. */
@Controller('queues')
export class QueueController {
  constructor(
    private readonly queues: QueueStore,
    private readonly urls: ResourceUrls,
  ) {}

  @Put(':queue')
  put(@Req() request: QueueRequest, @Res() reply: FastifyReply): Promise<void> {
    return readFlag(request.query, 'metaoverride') ? this.setQueueAttributes(request, reply) : this.createQueue(request, reply);
  }

  private async createQueue(request: QueueRequest, reply: FastifyReply): Promise<void> {
    beginOperation(request, 'CreateQueue');
    const { queue } = request.params;
    const attributes = await readArguments(
      () => readQueueAttributes(bodyOf(request)),
      () => checkQueueName(queue),
    );
    const outcome = await this.queues.createQueue(request.account, queue, attributes);
    sendMnsReply(request, reply, { status: outcome === 'created' ? 201 : 204, location: this.urls.queue(request, queue) });
  }

  private async setQueueAttributes(request: QueueRequest, reply: FastifyReply): Promise<void> {
    beginOperation(request, 'SetQueueAttributes');
    const { account, params } = request;
    const changes = await readArguments(
      () => readQueueAttributes(bodyOf(request)),
      () => this.queues.getQueue(account, params.queue),
    );
    await this.queues.setQueueAttributes(account, params.queue, changes);
    sendMnsReply(request, reply, { status: 204 });
  }

  @Get(':queue')
  async getQueueAttributes(@Req() request: QueueRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetQueueAttributes');
    const queue = await this.queues.getQueue(request.account, request.params.queue);
    sendMnsReply(request, reply, { status: 200, document: writeQueue(queue) });
  }

  @Delete(':queue')
  async deleteQueue(@Req() request: QueueRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'DeleteQueue');
    await this.queues.deleteQueue(request.account, request.params.queue);
    sendMnsReply(request, reply, { status: 204 });
  }

  @Get()
  async listQueue(@Req() request: PlainRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListQueue');
    const { names, nextMarker } = await this.queues.listQueues(request.account, readListPage(request));
    const plain = (): QueueListItem[] => names.map((name) => ({ url: this.urls.queue(request, name) }));
    const items = wantsMeta(request) ? await this.described(request, names) : plain();
    sendMnsReply(request, reply, { status: 200, document: writeQueueList(items, nextMarker) });
  }

  private async described(request: PlainRequest, names: readonly string[]): Promise<QueueListItem[]> {
    const descriptions = await this.queues.describeQueues(request.account, names);
    return descriptions.map((description) => ({ url: this.urls.queue(request, description.name), description }));
  }
}
