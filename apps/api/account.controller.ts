import { Controller, Get, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { readAccountAttributes, writeAccountAttributes, writeAccountId, writeOpenService } from '#mns-wire/account-documents.js';
import { MnsError } from '#mns-wire/mns-error.js';
import { AccountAttributesStore } from './account-attributes.js';
import type { PlainRequest } from './data-plane-request.js';
import { sendMnsReply } from './mns-reply.js';
import { beginOperation } from './operation.js';
import { readFlag } from './request-query.js';
import { bodyOf } from './request-state.js';

/** What concerns an account as a whole. */
@Controller()
export class AccountController {
  constructor(private readonly attributes: AccountAttributesStore) {}

  @Get()
  async get(@Req() request: PlainRequest, @Res() reply: FastifyReply): Promise<void> {
    if (readFlag(request.query, 'accountmeta')) {
      beginOperation(request, 'GetAccountAttributes');
      const document = writeAccountAttributes(await this.attributes.get(request.account));
      sendMnsReply(request, reply, { status: 200, document });
    } else if (request.query.has('account')) {
      beginOperation(request, 'GetAccountId');
      sendMnsReply(request, reply, { status: 200, document: writeAccountId(request.account) });
    } else {
      throw new MnsError('InvalidRequestURL');
    }
  }

  @Put()
  async put(@Req() request: PlainRequest, @Res() reply: FastifyReply): Promise<void> {
    if (!readFlag(request.query, 'accountmeta')) throw new MnsError('InvalidRequestURL');
    beginOperation(request, 'SetAccountAttributes');
    await this.attributes.set(request.account, readAccountAttributes(bodyOf(request)));
    sendMnsReply(request, reply, { status: 204 });
  }

  /** The service is always open here; clients only ask that the call succeeds. */
  @Post('commonbuy/openservice')
  openService(@Req() request: PlainRequest, @Res() reply: FastifyReply): void {
    beginOperation(request, 'OpenService');
    sendMnsReply(request, reply, { status: 200, document: writeOpenService(request.id) });
  }
}
