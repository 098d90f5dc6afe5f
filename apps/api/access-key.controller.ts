import { Controller, Delete, Get, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AccessStore } from '#access/access-store.js';
import { AccountStore } from '#access/account-store.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readChanges } from './account-changes.js';
import { pageOf, readJson, readMembers, readOptionalJson, type ListRequest, type NamedRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';

/** Access keys of all accounts, for the first account to manage. A secret is shown once, by the answer that made it. */
@Controller('api/v1/access-keys')
export class AccessKeyController {
  constructor(
    private readonly accounts: AccountStore,
    private readonly access: AccessStore,
  ) {}

  /** `?accountId=` shows one account's. */
  @Get()
  async list(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListAccessKeys');
    const accessKeys = await this.accounts.listAccessKeys(request.query.get('accountid'));
    const { page, nextMarker } = pageOf(request.query, accessKeys, ({ accessKeyId }) => accessKeyId);
    sendJson(request, reply, 200, { accessKeys: page, ...(nextMarker !== undefined && { nextMarker }) });
  }

  /** `{"accountId": "…"}`, the caller's own account when absent. */
  @Post()
  async create(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'CreateAccessKey');
    const members = readMembers(readOptionalJson(request), 'access key', ['accountId', 'enabled', 'description']);
    const { accountId = request.account } = members;
    if (typeof accountId !== 'string') throw new InvalidArgument('accountId', 'accountId is the id of an account.');
    const created = await this.accounts.createAccessKey(accountId, readChanges(members));
    this.access.forget();
    sendJson(request, reply, 201, created);
  }

  @Get(':name')
  async get(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetAccessKey');
    sendJson(request, reply, 200, await this.accounts.getAccessKey(request.params.name));
  }

  /** `{"enabled": false}` disables the key. */
  @Put(':name')
  async put(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PutAccessKey');
    const changes = readChanges(readMembers(readJson(request), 'access key', ['enabled', 'description']));
    const changed = await this.accounts.changeAccessKey(request.params.name, changes);
    this.access.forget();
    sendJson(request, reply, 200, changed);
  }

  @Post(':name/rotate')
  async rotate(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'RotateAccessKey');
    const rotated = await this.accounts.rotateAccessKey(request.params.name);
    this.access.forget();
    sendJson(request, reply, 200, rotated);
  }

  @Delete(':name')
  async delete(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'DeleteAccessKey');
    await this.accounts.deleteAccessKey(request.params.name);
    this.access.forget();
    sendJson(request, reply, 204);
  }
}
