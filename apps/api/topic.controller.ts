import { Controller, Delete, Get, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import {
  readPublish,
  readTopicAttributes,
  writePublished,
  writeTopic,
  writeTopicList,
  type TopicListItem,
} from '#mns-wire/topic-documents.js';
import { Publisher } from '#topic/publisher.js';
import { checkTopicName } from '#topic/topic-name.js';
import { TopicStore } from '#topic/topic-store.js';
import { readArguments, type PlainRequest, type TopicRequest } from './data-plane-request.js';
import { readListPage, wantsMeta } from './list-page.js';
import { sendMnsReply } from './mns-reply.js';
import { beginOperation } from './operation.js';
import { readFlag } from './request-query.js';
import { bodyOf } from './request-state.js';
import { ResourceUrls } from './resource-urls.js';

/** Topics, their attributes, and publishing to them. */
@Controller('topics')
export class TopicController {
  constructor(
    private readonly topics: TopicStore,
    private readonly publisher: Publisher,
    private readonly urls: ResourceUrls,
  ) {}

  @Put(':topic')
  put(@Req() request: TopicRequest, @Res() reply: FastifyReply): Promise<void> {
    return readFlag(request.query, 'metaoverride') ? this.setTopicAttributes(request, reply) : this.createTopic(request, reply);
  }

  private async createTopic(request: TopicRequest, reply: FastifyReply): Promise<void> {
    beginOperation(request, 'CreateTopic');
    const { topic } = request.params;
    const attributes = await readArguments(
      () => readTopicAttributes(bodyOf(request)),
      () => checkTopicName(topic),
    );
    const outcome = await this.topics.createTopic(request.account, topic, attributes);
    sendMnsReply(request, reply, { status: outcome === 'created' ? 201 : 204, location: this.urls.topic(request, topic) });
  }

  private async setTopicAttributes(request: TopicRequest, reply: FastifyReply): Promise<void> {
    beginOperation(request, 'SetTopicAttributes');
    const { account, params } = request;
    const changes = await readArguments(
      () => readTopicAttributes(bodyOf(request)),
      () => this.topics.getTopic(account, params.topic),
    );
    await this.topics.setTopicAttributes(account, params.topic, changes);
    sendMnsReply(request, reply, { status: 204 });
  }

  @Get(':topic')
  async getTopicAttributes(@Req() request: TopicRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetTopicAttributes');
    const topic = await this.topics.getTopic(request.account, request.params.topic);
    sendMnsReply(request, reply, { status: 200, document: writeTopic(topic) });
  }

  @Delete(':topic')
  async deleteTopic(@Req() request: TopicRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'DeleteTopic');
    await this.topics.deleteTopic(request.account, request.params.topic);
    sendMnsReply(request, reply, { status: 204 });
  }

  @Get()
  async listTopic(@Req() request: PlainRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListTopic');
    const { names, nextMarker } = await this.topics.listTopics(request.account, readListPage(request));
    const plain = (): TopicListItem[] => names.map((name) => ({ url: this.urls.topic(request, name) }));
    const items = wantsMeta(request) ? await this.described(request, names) : plain();
    sendMnsReply(request, reply, { status: 200, document: writeTopicList(items, nextMarker) });
  }

  private async described(request: PlainRequest, names: readonly string[]): Promise<TopicListItem[]> {
    const descriptions = await this.topics.describeTopics(request.account, names);
    return descriptions.map((description) => ({ url: this.urls.topic(request, description.name), description }));
  }

  @Post(':topic/messages')
  async publishMessage(@Req() request: TopicRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PublishMessage');
    const { account, params } = request;
    const message = await readArguments(
      () => readPublish(bodyOf(request)),
      () => this.topics.getTopic(account, params.topic),
    );
    const published = await this.publisher.publish(account, params.topic, message);
    sendMnsReply(request, reply, { status: 201, document: writePublished(published) });
  }
}
