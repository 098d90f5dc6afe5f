import { Controller, Get, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { DELIVERY_OPTION_NAMES, showDeliveryOptions } from '#delivery/delivery-options.js';
import { SubscriptionStore } from '#topic/subscription-store.js';
import { TopicStore } from '#topic/topic-store.js';
import type { SubscriptionRequest } from './data-plane-request.js';
import { readJson, readMembers, readOptionalJson } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';
import { readPauseReason } from './subscription-management-request.js';

/** What MNS does not know of a subscription: delivery options, what it is owed, pausing. */
@Controller('api/v1/topics/:topic/subscriptions/:subscription')
export class SubscriptionManagementController {
  constructor(
    private readonly topics: TopicStore,
    private readonly subscriptions: SubscriptionStore,
  ) {}

  @Get()
  async get(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetSubscription');
    sendJson(request, reply, 200, await this.describe(request));
  }

  /** Replaces the options that the document names. */
  @Put()
  async put(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PutSubscription');
    const { account, params } = request;
    const { options } = readMembers(readJson(request), 'subscription', ['options']);
    const changes = options === undefined ? {} : readMembers(options, 'options', DELIVERY_OPTION_NAMES);
    await this.topics.setDeliveryOptions(account, params.topic, params.subscription, changes);
    sendJson(request, reply, 200, await this.describe(request));
  }

  @Post('pause')
  async pause(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PauseSubscription');
    const reason = readPauseReason(readOptionalJson(request));
    await this.subscriptions.pause(await this.find(request), reason);
    sendJson(request, reply, 200, await this.describe(request));
  }

  @Post('resume')
  async resume(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ResumeSubscription');
    await this.subscriptions.resume(await this.find(request));
    sendJson(request, reply, 200, await this.describe(request));
  }

  private find({ account, params }: SubscriptionRequest) {
    return this.topics.getSubscription(account, params.topic, params.subscription);
  }

  private async describe(request: SubscriptionRequest): Promise<object> {
    const subscription = await this.find(request);
    const { topicName, name, endpoint, filterTag = null, notifyStrategy, notifyContentFormat, createTime, lastModifyTime } = subscription;
    const attributes = { topicName, name, endpoint, filterTag, notifyStrategy, notifyContentFormat, createTime, lastModifyTime };
    const options = showDeliveryOptions(subscription.options ?? {});
    return { ...attributes, options, ...(await this.subscriptions.getState(subscription)) };
  }
}
