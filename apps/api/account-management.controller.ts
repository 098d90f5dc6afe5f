import { Controller, Delete, Get, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccountNotEmpty } from '#access/access-errors.js';
import { checkAccountId } from '#access/access-key.js';
import { AccessStore } from '#access/access-store.js';
import { AccountStore, type Changes } from '#access/account-store.js';
import { ChannelStore } from '#delivery/channel-store.js';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import { EventSourceStore } from '#event-source/event-source-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { TopicStore } from '#topic/topic-store.js';
import { AccountAttributesStore } from './account-attributes.js';
import { readChanges } from './account-changes.js';
import { pageOf, readMembers, readOptionalJson, type ListRequest, type NamedRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';

/** The accounts of the hub, for the first of them to manage. */
@Controller('api/v1/accounts')
export class AccountManagementController {
  constructor(
    private readonly accounts: AccountStore,
    private readonly access: AccessStore,
    private readonly attributes: AccountAttributesStore,
    private readonly queues: QueueStore,
    private readonly topics: TopicStore,
    private readonly rules: EventRuleStore,
    private readonly sources: EventSourceStore,
    private readonly channels: ChannelStore,
  ) {}

  @Get()
  async list(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListAccounts');
    const { page, nextMarker } = pageOf(request.query, await this.accounts.listAccounts(), ({ accountId }) => accountId);
    sendJson(request, reply, 200, { accounts: page, ...(nextMarker !== undefined && { nextMarker }) });
  }

  /** An account with an id of the hub's choice. */
  @Post()
  async create(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'CreateAccount');
    sendJson(request, reply, 201, await this.accounts.createAccount(readAccount(request)));
  }

  @Put(':name')
  async put(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PutAccount');
    const id = request.params.name;
    checkAccountId(id);
    const outcome = await this.accounts.putAccount(id, readAccount(request));
    this.access.forget();
    sendJson(request, reply, outcome === 'created' ? 201 : 200, await this.accounts.getAccount(id));
  }

  @Get(':name')
  async get(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetAccount');
    sendJson(request, reply, 200, await this.accounts.getAccount(request.params.name));
  }

  @Delete(':name')
  async delete(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'DeleteAccount');
    const id = request.params.name;
    await this.checkEmpty(id);
    await this.accounts.deleteAccount(id);
    this.access.forget();
    await this.attributes.delete(id);
    await this.channels.deleteAll(id);
    sendJson(request, reply, 204);
  }

  /** @throws AccountNotEmpty */
  private async checkEmpty(id: string): Promise<void> {
    const [queues, topics, rules, sources] = await Promise.all([
      this.queues.listQueues(id, { limit: 1 }),
      this.topics.listTopics(id, { limit: 1 }),
      this.rules.list(id, { limit: 1 }),
      this.sources.list(id),
    ]);
    if (queues.names.length > 0) throw new AccountNotEmpty(id, 'queues');
    if (topics.names.length > 0) throw new AccountNotEmpty(id, 'topics');
    if (rules.rules.length > 0) throw new AccountNotEmpty(id, 'event rules');
    if (sources.length > 0) throw new AccountNotEmpty(id, 'event sources');
  }
}

/** `{"enabled": true, "description": "…"}`; what is absent stays as it is. */
function readAccount(request: FastifyRequest): Changes {
  return readChanges(readMembers(readOptionalJson(request), 'account', ['enabled', 'description']));
}
