import { Controller, Delete, Get, Inject, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { readChannelChange } from '#delivery/channel.js';
import { ChannelNotExist } from '#delivery/channel-errors.js';
import { ChannelStore } from '#delivery/channel-store.js';
import { channelType } from '#delivery/channel-types.js';
import { PushNetwork } from '#delivery/push-network.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { ApiSettings } from './api-settings.js';
import { SETTINGS } from './injection-tokens.js';
import { pageOf, readJson, readOptionalJson, type ListRequest, type NamedRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';

/** The account's ways to providers of SMS, e-mail and the like. No answer shows a secret. */
@Controller('api/v1/channels')
export class ChannelController {
  readonly #network: PushNetwork;

  constructor(
    private readonly channels: ChannelStore,
    @Inject(SETTINGS) settings: ApiSettings,
  ) {
    this.#network = new PushNetwork(settings.pushAllow ?? []);
  }

  @Get()
  async list(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListChannels');
    const channels = await this.channels.list(request.account);
    const { page, nextMarker } = pageOf(request.query, channels, ({ name }) => name);
    sendJson(request, reply, 200, { channels: page, ...(nextMarker !== undefined && { nextMarker }) });
  }

  @Put(':name')
  async put(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PutChannel');
    const { account, params } = request;
    const outcome = await this.channels.put(account, params.name, readChannelChange(readJson(request)));
    sendJson(request, reply, outcome === 'created' ? 201 : 200, await this.channels.get(account, params.name));
  }

  @Get(':name')
  async get(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetChannel');
    sendJson(request, reply, 200, await this.channels.get(request.account, request.params.name));
  }

  @Delete(':name')
  async delete(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'DeleteChannel');
    await this.channels.delete(request.account, request.params.name);
    sendJson(request, reply, 204);
  }

  /** Calls the provider: `{"to": …}` sends a message there, an empty body only asks whether the credentials are good. */
  @Post(':name/test')
  async test(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'TestChannel');
    const members = readOptionalJson(request);
    if (typeof members !== 'object' || members === null || Array.isArray(members)) throw new InvalidArgument('test', 'test is an object.');
    const channel = await this.channels.findNow(request.account, request.params.name);
    const type = channel && channelType(channel.type);
    if (channel === undefined || type === undefined) throw new ChannelNotExist(request.params.name);
    const asked = members as Record<string, unknown>;
    const message = Object.keys(asked).length === 0 ? undefined : type.readTestMessage(asked);
    const client = type.connect(channel.settings, { network: this.#network });
    const startedAt = performance.now();
    try {
      const { signal } = new AbortController();
      const { kind: outcome, ...answer } = await (message === undefined ? client.check(signal) : client.send(message, signal));
      const latencyMillis = Math.round(performance.now() - startedAt);
      sendJson(request, reply, 200, { sent: message !== undefined, outcome, ...answer, latencyMillis });
    } finally {
      await client.close();
    }
  }
}
