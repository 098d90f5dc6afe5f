import { Controller, Delete, Get, NotFoundException, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { BucketEvent } from '#event-rule/bucket-event.js';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import { readEventRule, type EventRule } from '#event-rule/event-rule.js';
import { readIntakeBody } from '#event-rule/intake-body.js';
import { whyNot } from '#event-rule/rule-set.js';
import { LIMITS } from '#queue/limits.js';
import { readJson, type ListRequest, type NamedRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';
import { readWholeNumber } from './request-query.js';
import { bodyOf } from './request-state.js';

/** The rules that say which bucket events become messages. */
@Controller('api/v1/event-rules')
export class EventRuleController {
  constructor(private readonly rules: EventRuleStore) {}

  @Put(':name')
  async put(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PutEventRule');
    const rule = readEventRule(request.params.name, readJson(request), request.account);
    const outcome = await this.rules.put(request.account, rule);
    sendJson(request, reply, outcome === 'created' ? 201 : 200, rule);
  }

  @Get(':name')
  async get(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetEventRule');
    const { account, params } = request;
    const [rule, status] = await Promise.all([this.rules.get(account, params.name), this.rules.status(account, params.name)]);
    if (rule === undefined) throw new NotFoundException(`There is no event rule ${params.name}.`);
    sendJson(request, reply, 200, { ...rule, status });
  }

  @Delete(':name')
  async delete(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'DeleteEventRule');
    await this.rules.delete(request.account, request.params.name);
    sendJson(request, reply, 204);
  }

  @Get()
  async list(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListEventRules');
    const { query } = request;
    const prefix = query.get('prefix');
    const marker = query.get('marker');
    const limit = readWholeNumber(query, 'limit', LIMITS.listPage, 'entries');
    const page = {
      ...(prefix !== undefined && { prefix }),
      ...(marker !== undefined && { marker }),
      ...(limit !== undefined && { limit }),
    };
    sendJson(request, reply, 200, await this.rules.list(request.account, page));
  }

  /** Takes what a store would send and says what each rule makes of it; nothing is sent on. `?source=` names the source for the rules. */
  @Post('test')
  async test(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'TestEventRules');
    const source = request.query.get('source') ?? 'test';
    const { events, problems } = readIntakeBody(bodyOf(request), { source, receivedAt: Date.now() });
    const { rules } = await this.rules.list(request.account, {});
    sendJson(request, reply, 200, { events: events.map((event) => verdict(event, rules)), problems });
  }
}

function verdict(event: BucketEvent, rules: readonly EventRule[]) {
  const verdicts = rules.map((rule) => {
    const failedAt = whyNot(rule, event);
    return { name: rule.name, matches: failedAt === undefined, ...(failedAt !== undefined && { failedAt }) };
  });
  return { eventName: event.eventName ?? null, bucket: event.bucket, key: event.key, rules: verdicts };
}
