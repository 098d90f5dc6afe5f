import { Controller, Delete, Get, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { readSubscription, writeSubscription, writeSubscriptionList, type SubscriptionListItem } from '#mns-wire/topic-documents.js';
import { SubscriptionNotExist } from '#topic/topic-errors.js';
import { TopicStore } from '#topic/topic-store.js';
import { readArguments, type SubscriptionRequest, type TopicRequest } from './data-plane-request.js';
import { readListPage, wantsMeta } from './list-page.js';
import { sendMnsReply } from './mns-reply.js';
import { beginOperation } from './operation.js';
import { readFlag } from './request-query.js';
import { bodyOf } from './request-state.js';
import { ResourceUrls } from './resource-urls.js';
import { subscriptionOf } from './subscription-attributes.js';

/** Subscriptions of a topic. */
@Controller('topics/:topic/subscriptions')
export class SubscriptionController {
  constructor(
    private readonly topics: TopicStore,
    private readonly urls: ResourceUrls,
  ) {}

  @Put(':subscription')
  put(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    return readFlag(request.query, 'metaoverride') ? this.setSubscriptionAttributes(request, reply) : this.subscribe(request, reply);
  }

  private async subscribe(request: SubscriptionRequest, reply: FastifyReply): Promise<void> {
    beginOperation(request, 'Subscribe');
    const { account, params } = request;
    const attributes = await readArguments(
      () => subscriptionOf(readSubscription(bodyOf(request))),
      () => this.topics.getTopic(account, params.topic),
    );
    const outcome = await this.topics.subscribe(account, params.topic, params.subscription, attributes);
    const location = this.urls.subscriptionLocation(request, params.topic, params.subscription);
    sendMnsReply(request, reply, { status: outcome === 'created' ? 201 : 204, location });
  }

  private async setSubscriptionAttributes(request: SubscriptionRequest, reply: FastifyReply): Promise<void> {
    beginOperation(request, 'SetSubscriptionAttributes');
    const { account, params } = request;
    const { filterTag, notifyStrategy } = await readArguments(
      () => readSubscription(bodyOf(request)),
      () => this.topics.getSubscription(account, params.topic, params.subscription),
    );
    const changes = { ...(filterTag !== undefined && { filterTag }), ...(notifyStrategy !== undefined && { notifyStrategy }) };
    await this.topics.setSubscriptionAttributes(account, params.topic, params.subscription, changes);
    sendMnsReply(request, reply, { status: 204 });
  }

  @Get(':subscription')
  async getSubscriptionAttributes(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetSubscriptionAttributes');
    const { account, params } = request;
    const subscription = await this.topics.getSubscription(account, params.topic, params.subscription);
    sendMnsReply(request, reply, { status: 200, document: writeSubscription(subscription) });
  }

  @Delete(':subscription')
  async unsubscribe(@Req() request: SubscriptionRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'Unsubscribe');
    const { account, params } = request;
    await this.topics.unsubscribe(account, params.topic, params.subscription);
    sendMnsReply(request, reply, { status: 204 });
  }

  @Get()
  async listSubscriptionByTopic(@Req() request: TopicRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListSubscriptionByTopic');
    const { account, params } = request;
    const page = await readArguments(
      () => readListPage(request),
      () => this.topics.getTopic(account, params.topic),
    );
    const { names, nextMarker } = await this.topics.listSubscriptions(account, params.topic, page);
    const items = await Promise.all(names.map((name) => this.listItem(request, name)));
    const present = items.filter((item) => item !== undefined);
    sendMnsReply(request, reply, { status: 200, document: writeSubscriptionList(present, nextMarker) });
  }

  /** Undefined when the subscription went away while the list was made. */
  private async listItem(request: TopicRequest, name: string): Promise<SubscriptionListItem | undefined> {
    const { topic } = request.params;
    const url = this.urls.subscription(request, topic, name);
    if (!wantsMeta(request)) return { url };
    try {
      return { url, description: await this.topics.getSubscription(request.account, topic, name) };
    } catch (error) {
      if (error instanceof SubscriptionNotExist) return undefined;
      throw error;
    }
  }
}
