import { Controller, Delete, Get, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AccessDenied } from '#access/access-errors.js';
import { readEventSource } from '#event-source/event-source-document.js';
import { EventSourceStore } from '#event-source/event-source-store.js';
import { GapStore } from '#event-source/gap-store.js';
import { SourceFiguresStore } from '#event-source/source-figures-store.js';
import { SourceStatusStore } from '#event-source/source-status-store.js';
import { pageOf, readJson, type ListRequest, type NamedRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';

/** The object stores whose events become messages. No answer shows a secret. */
@Controller('api/v1/event-sources')
export class EventSourceController {
  constructor(
    private readonly sources: EventSourceStore,
    private readonly gaps: GapStore,
    private readonly figures: SourceFiguresStore,
    private readonly status: SourceStatusStore,
  ) {}

  @Get()
  async list(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListEventSources');
    const { page, nextMarker } = pageOf(request.query, await this.sources.list(request.account), ({ name }) => name);
    sendJson(request, reply, 200, { eventSources: page, ...(nextMarker !== undefined && { nextMarker }) });
  }

  /**
   * The first account is the operator's: its sources have any name, and it says which addresses the hub speaks to. The names of others begin with
   * their account, so that nobody takes events which are posted under a name that is not registered; and their sources only post.
   */
  @Put(':name')
  async put(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PutEventSource');
    const { account, params, accessKey } = request;
    const change = readEventSource(params.name, readJson(request));
    if (!accessKey.managesAccounts && change.settings.endpoint !== undefined) throw new AccessDenied('PutEventSource');
    const names = accessKey.managesAccounts ? 'any' : 'own';
    const outcome = await this.sources.put(account, params.name, change, names);
    sendJson(request, reply, outcome === 'created' ? 201 : 200, await this.sources.get(account, params.name));
  }

  @Get(':name')
  async get(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetEventSource');
    sendJson(request, reply, 200, await this.sources.get(request.account, request.params.name));
  }

  @Delete(':name')
  async delete(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'DeleteEventSource');
    const { account, params } = request;
    if (await this.sources.delete(account, params.name)) {
      const { name } = params;
      await Promise.all([this.gaps.delete(name), this.figures.delete(name), this.status.delete(name)]);
    }
    sendJson(request, reply, 204);
  }
}
