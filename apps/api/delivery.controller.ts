import { Controller, Get, NotFoundException, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AttemptLog, type Attempt } from '#delivery/attempt-log.js';
import { AttemptSearch } from '#delivery/attempt-search.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { FailedDeliveryStore } from '#topic/failed-delivery-store.js';
import { TopicStore } from '#topic/topic-store.js';
import { matchesFilter, readDeliveryFilter, readDeliveryPage } from './delivery-query.js';
import { refuseUnlessKept } from './kept-delivery.js';
import type { ListRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';
import type { Query } from './request-query.js';

/** Of the last attempt, when the endpoint has the message. */
const RECEIVED: ReadonlySet<Attempt['outcome']> = new Set(['delivered', 'confirmed']);

type DeliveryRequest = FastifyRequest<{ Params: { readonly messageId: string }; Querystring: Query }>;

/** What became of published messages. */
@Controller('api/v1/deliveries')
export class DeliveryController {
  constructor(
    private readonly attempts: AttemptLog,
    private readonly search: AttemptSearch,
    private readonly topics: TopicStore,
    private readonly failed: FailedDeliveryStore,
  ) {}

  /** Every attempt to deliver one message of the caller's topics, by the id that its publisher was given; or pages of those of a topic. */
  @Get()
  async find(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'FindDeliveries');
    const { query, account } = request;
    const filter = readDeliveryFilter(query);
    const { topic } = filter;
    const messageId = query.get('messageid');
    if (messageId !== undefined) {
      const attempts = (await this.attemptsOf(messageId, account)).filter((attempt) => matchesFilter(attempt, filter));
      sendJson(request, reply, 200, { messageId, attempts });
    } else {
      if (topic === undefined) throw new InvalidArgument('topic', 'Either messageId or topic says whose deliveries are looked for.');
      sendJson(request, reply, 200, await this.search.find(account, { ...filter, topic }, readDeliveryPage(query)));
    }
  }

  /** Makes again what was given up, or is kept of the delivered, of one message, for the subscription that is named. */
  @Post(':messageId/replay')
  async replay(@Req() request: DeliveryRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ReplayDelivery');
    const { messageId } = request.params;
    const name = request.query.get('subscription') ?? '';
    if (name === '') throw new InvalidArgument('subscription', 'subscription names the subscription whose delivery is to be made again.');
    const attempt = (await this.attemptsOf(messageId, request.account)).findLast(({ subscriptionName }) => subscriptionName === name);
    // What is kept may be older than the attempt log.
    const topicName = request.query.get('topic') ?? attempt?.topicName;
    if (topicName === undefined) throw new NotFoundException(`No attempt to deliver ${messageId} to ${name} is known; topic may name its topic.`);
    const subscription = await this.topics.getSubscription(request.account, topicName, name);
    const replayed = await this.failed.replay(subscription, messageId);
    if (!replayed && attempt !== undefined && RECEIVED.has(attempt.outcome)) refuseUnlessKept(subscription);
    if (!replayed) throw new NotFoundException(`${name} has not given up ${messageId}, or keeps it no longer.`);
    sendJson(request, reply, 202, { messageId, topicName, subscriptionName: name });
  }

  private async attemptsOf(messageId: string, account: string): Promise<Attempt[]> {
    if (!/^[0-9A-F]{32}$/i.test(messageId)) throw new InvalidArgument('messageId', 'messageId has 32 hexadecimal digits.');
    const attempts = await this.attempts.find(messageId.toUpperCase());
    return attempts.filter(({ topicOwner }) => topicOwner === account);
  }
}
