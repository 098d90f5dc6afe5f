import { ConflictException, Controller, Delete, Get, NotFoundException, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { SecretBox } from '#access/secret-box.js';
import { DELIVERY_OPTION_NAMES, showDeliveryOptions } from '#delivery/delivery-options.js';
import { sealContext, type Seal } from '#delivery/http-options.js';
import { FailedDeliveryStore } from '#topic/failed-delivery-store.js';
import { KEPT_PAGE, KeptDeliveryList, type KeptOutcome } from '#topic/kept-delivery-list.js';
import { SubscriptionStore } from '#topic/subscription-store.js';
import { TopicStore } from '#topic/topic-store.js';
import type { SubscriptionRequest } from './data-plane-request.js';
import { readDeliveryPage, readTimeSpan } from './delivery-query.js';
import { refuseUnlessKept } from './kept-delivery.js';
import { readJson, readMembers, readOptionalJson } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson, sendProblem } from './problem-reply.js';
import { readPauseReason, readReplayOptions } from './subscription-management-request.js';
import { readTestMessage, TestPush } from './test-push.js';

/** What MNS does not know of a subscription: delivery options, what it is owed, pausing, making again what was given up, testing. */
@Controller('api/v1/topics/:topic/subscriptions/:subscription')
export class SubscriptionManagementController {
  constructor(
    private readonly topics: TopicStore,
    private readonly subscriptions: SubscriptionStore,
    private readonly secrets: SecretBox,
    private readonly testPush: TestPush,
    private readonly failed: FailedDeliveryStore,
    private readonly kept: KeptDeliveryList,
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
    const { topic, subscription } = params;
    const seal: Seal = (secret, purpose) => this.secrets.seal(secret, sealContext(account, topic, subscription, purpose));
    await this.topics.setDeliveryOptions(account, topic, subscription, changes, seal);
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

  /** Sends one push now, by a worker, and shows the whole exchange. */
  @Post('test')
  async test(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'TestSubscription');
    const message = readTestMessage(readOptionalJson(request), request.params.subscription);
    const { topicOwner, topicName, name: subscriptionName } = await this.find(request);
    const result = await this.testPush.ask({ topicOwner, topicName, subscriptionName, message });
    if (result !== undefined) sendJson(request, reply, 200, result);
    else sendProblem(request, reply, { status: 503, code: 'WorkerUnavailable', message: 'No worker has answered in time.', retryAfterSeconds: 5 });
  }

  /** Writes the order and makes the first deliveries; upkeep carries out the rest. */
  @Post('replay')
  async startReplay(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'StartReplay');
    const order = readReplayOptions(readOptionalJson(request));
    const subscription = await this.find(request);
    if (order.outcome === 'delivered') refuseUnlessKept(subscription);
    const started = await this.failed.startReplay(subscription, order);
    if (!started) throw new ConflictException(`A replay of ${subscription.name} is under way.`);
    sendJson(request, reply, 202, await this.failed.getReplay(subscription));
  }

  @Get('replay')
  async getReplay(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetReplay');
    const replay = await this.failed.getReplay(await this.find(request));
    if (replay === undefined) throw new NotFoundException(`There was no replay of ${request.params.subscription}.`);
    sendJson(request, reply, 200, replay);
  }

  @Delete('replay')
  async cancelReplay(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'CancelReplay');
    await this.failed.cancelReplay(await this.find(request));
    sendJson(request, reply, 204);
  }

  @Get('failed')
  async listFailed(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListFailedDeliveries');
    await this.listKept(request, reply, 'failed');
  }

  @Get('delivered')
  async listDelivered(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListKeptDeliveries');
    await this.listKept(request, reply, 'delivered');
  }

  private async listKept(request: SubscriptionRequest, reply: FastifyReply, outcome: KeptOutcome): Promise<void> {
    const page = { ...readTimeSpan(request.query), ...readDeliveryPage(request.query, KEPT_PAGE) };
    sendJson(request, reply, 200, await this.kept.read(await this.find(request), outcome, page));
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
