import { Controller, Delete, Get, Inject, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import {
  readReceiptHandles,
  readSend,
  writeChangeVisibility,
  writeDeleteErrors,
  writePeekedMessage,
  writePeekedMessages,
  writeReceivedMessage,
  writeReceivedMessages,
  writeSentMessage,
  writeSentMessages,
} from '#mns-wire/message-documents.js';
import { MnsError, toMnsError } from '#mns-wire/mns-error.js';
import { LIMITS } from '#queue/limits.js';
import { MessageStore } from '#queue/message-store.js';
import type { ReceivedMessage } from '#queue/message.js';
import { MessageNotExist } from '#queue/queue-errors.js';
import { QueueStore } from '#queue/queue-store.js';
import type { Logger } from '#runtime/log.js';
import { readArguments, type QueueRequest } from './data-plane-request.js';
import { LOGGER } from './injection-tokens.js';
import { sendMnsReply, whenUndelivered } from './mns-reply.js';
import { beginOperation } from './operation.js';
import { readFlag, readWholeNumber, type Query } from './request-query.js';
import { bodyOf } from './request-state.js';
import { ServerLifecycle, type OpenPoll } from './server-lifecycle.js';

/** Messages of a queue: what producers and consumers call all day. */
@Controller('queues/:queue/messages')
export class MessageController {
  constructor(
    private readonly queues: QueueStore,
    private readonly messages: MessageStore,
    private readonly lifecycle: ServerLifecycle,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Post()
  async send(@Req() request: QueueRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'SendMessage');
    const { batch, messages } = await this.read(request, () => readSend(bodyOf(request)));
    if (batch) beginOperation(request, 'BatchSendMessage');
    const sent = await this.messages.sendMessages(request.account, request.params.queue, messages);
    sendMnsReply(request, reply, { status: 201, document: batch ? writeSentMessages(sent) : writeSentMessage(sent[0]!) });
  }

  @Get()
  async receive(@Req() request: QueueRequest, @Res() reply: FastifyReply): Promise<void> {
    if (readFlag(request.query, 'peekonly')) return this.peek(request, reply);
    const batch = request.query.has('numofmessages');
    beginOperation(request, batch ? 'BatchReceiveMessage' : 'ReceiveMessage');
    const options = await this.read(request, () => readReceiveOptions(request.query));
    const watch = (): OpenPoll => this.lifecycle.openPoll(request.raw.socket);
    const received = await this.messages.receiveMessages(request.account, request.params.queue, { ...options, watch });
    if (received.length === 0) throw new MessageNotExist();
    const document = batch ? writeReceivedMessages(received) : writeReceivedMessage(received[0]!);
    const giveBack = (): Promise<void> => this.giveBack(request, received);
    if (sendMnsReply(request, reply, { status: 200, document })) whenUndelivered(reply, () => void giveBack());
    else await giveBack();
  }

  /** Nobody saw these messages; if Redis is away as well, their visibility timeout brings them back. */
  private async giveBack(request: QueueRequest, received: readonly ReceivedMessage[]): Promise<void> {
    await this.messages.returnMessages(request.account, request.params.queue, received).catch((error: unknown) => {
      this.logger.warn({ requestId: request.id, err: error }, 'messages of a client that went away wait for their visibility timeout');
    });
  }

  private async peek(request: QueueRequest, reply: FastifyReply): Promise<void> {
    const batch = request.query.has('numofmessages');
    beginOperation(request, batch ? 'BatchPeekMessage' : 'PeekMessage');
    const count = await this.read(request, () => readCount(request.query));
    const peeked = await this.messages.peekMessages(request.account, request.params.queue, count);
    if (peeked.length === 0) throw new MessageNotExist();
    sendMnsReply(request, reply, { status: 200, document: batch ? writePeekedMessages(peeked) : writePeekedMessage(peeked[0]!) });
  }

  @Delete()
  async delete(@Req() request: QueueRequest, @Res() reply: FastifyReply): Promise<void> {
    const { account, params, query } = request;
    const batch = !query.has('receipthandle');
    beginOperation(request, batch ? 'BatchDeleteMessage' : 'DeleteMessage');
    const handles = await this.read(request, () => (batch ? readReceiptHandles(bodyOf(request)) : [readHandle(query)]));
    const errors = await this.messages.deleteMessages(account, params.queue, handles);
    if (!batch && errors[0] !== undefined) throw errors[0];
    const failed = errors.flatMap((error, index) => (error === undefined ? [] : [{ handle: handles[index]!, ...codeOf(error) }]));
    if (failed.length === 0) sendMnsReply(request, reply, { status: 204 });
    else sendMnsReply(request, reply, { status: 404, code: failed[0]!.code, document: writeDeleteErrors(failed) });
  }

  @Put()
  async changeVisibility(@Req() request: QueueRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ChangeMessageVisibility');
    const { account, params, query } = request;
    const { handle, seconds } = await this.read(request, () => ({ handle: readHandle(query), seconds: readVisibilityTimeout(query) }));
    const changed = await this.messages.changeVisibility(account, params.queue, handle, seconds);
    sendMnsReply(request, reply, { status: 200, document: writeChangeVisibility(changed.receiptHandle, changed.nextVisibleTime) });
  }

  private read<T>(request: QueueRequest, read: () => T): Promise<T> {
    return readArguments(read, () => this.queues.getQueue(request.account, request.params.queue));
  }
}

function codeOf(error: Error): { code: string; message: string } {
  const known = toMnsError(error);
  if (known === undefined) throw error;
  return { code: known.code, message: known.message };
}

function readReceiveOptions(query: Query): { count: number; waitSeconds?: number } {
  const waitSeconds = readWholeNumber(query, 'waitseconds', LIMITS.pollingWaitSeconds, 'seconds');
  return { count: readCount(query), ...(waitSeconds !== undefined && { waitSeconds }) };
}

function readCount(query: Query): number {
  return readWholeNumber(query, 'numOfMessages', LIMITS.batch, 'messages') ?? 1;
}

function readHandle(query: Query): string {
  const handle = query.get('receipthandle');
  if (handle === undefined || handle === '') throw new MnsError('MissingReceiptHandle');
  return handle;
}

function readVisibilityTimeout(query: Query): number {
  const seconds = readWholeNumber(query, 'VisibilityTimeout', LIMITS.visibilityTimeout, 'seconds');
  if (seconds === undefined) throw new MnsError('MissingVisibilityTimeout');
  return seconds;
}
