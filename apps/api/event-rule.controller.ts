import { ConflictException, Controller, Delete, Get, NotFoundException, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import { readEventRule, type EventRule } from '#event-rule/event-rule.js';
import { checkRule } from '#event-rule/rule-check.js';
import { conflicts } from '#event-rule/rule-conflict.js';
import { fitsFilter, type RuleFilter } from '#event-rule/rule-filter.js';
import { LIMITS } from '#queue/limits.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readTrial, tryRules } from './event-rule-trial.js';
import { readJson, type ListRequest, type NamedRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';
import { readWholeNumber, type Query } from './request-query.js';
import { bodyOf } from './request-state.js';

/** The rules that say which bucket events become messages. */
@Controller('api/v1/event-rules')
export class EventRuleController {
  constructor(private readonly rules: EventRuleStore) {}

  /** `?overlap=refuse`: as OSS does it, no two rules for the same event on the same objects. */
  @Put(':name')
  async put(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PutEventRule');
    const rule = readEventRule(request.params.name, readJson(request), request.account);
    const { contradiction, warnings } = checkRule(rule);
    if (contradiction !== undefined) throw new InvalidArgument(contradiction.at, `${contradiction.at} can never be met: ${contradiction.reason}.`);
    await this.#checkOverlap(request, rule);
    const outcome = await this.rules.put(request.account, rule);
    sendJson(request, reply, outcome === 'created' ? 201 : 200, withWarnings(rule, warnings));
  }

  @Get(':name')
  async get(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetEventRule');
    const { account, params } = request;
    const [rule, status] = await Promise.all([this.rules.get(account, params.name), this.rules.status(account, params.name)]);
    if (rule === undefined) throw new NotFoundException(`There is no event rule ${params.name}.`);
    const { contradiction, warnings } = checkRule(rule);
    const all = contradiction === undefined ? warnings : [`${contradiction.at} can never be met: ${contradiction.reason}`];
    sendJson(request, reply, 200, { ...withWarnings(rule, all), status });
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
    const filter = readFilter(query);
    const wanted = Object.keys(filter).length === 0 ? undefined : (rule: EventRule) => fitsFilter(rule, filter);
    sendJson(request, reply, 200, await this.rules.list(request.account, page, wanted));
  }

  /**
   * Takes what a store would send, or an event as people describe it, and says what each rule makes of it; nothing is sent on.
   * `?source=` names the source for the rules, `?prefix=` and the other filters of the list choose rules.
   */
  @Post('test')
  async test(@Req() request: ListRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'TestEventRules');
    const { query } = request;
    const { events, problems } = readTrial(bodyOf(request), query.get('source') ?? 'test', Date.now());
    const filter = readFilter(query, ['topic', 'queue', 'resource']);
    const rules = events.length === 0 ? [] : await this.#all(request.account, query.get('prefix'), (rule) => fitsFilter(rule, filter));
    sendJson(request, reply, 200, { events: events.map((event) => tryRules(event, rules)), problems });
  }

  async #checkOverlap({ account, query }: NamedRequest, rule: EventRule): Promise<void> {
    const overlap = query.get('overlap');
    if (overlap === undefined) return;
    if (overlap !== 'refuse' && overlap !== 'allow') throw new InvalidArgument('overlap', 'overlap is refuse or allow.');
    if (overlap === 'allow') return;
    const others = await this.#all(account, undefined, (other) => other.name !== rule.name && conflicts(rule, other));
    if (others.length === 0) return;
    const names = others.slice(0, 10).map(({ name }) => name);
    throw new ConflictException(`The rule has events and objects in common with ${names.join(', ')}${others.length > names.length ? ' and others' : ''}.`);
  }

  async #all(account: string, prefix: string | undefined, wanted: (rule: EventRule) => boolean): Promise<EventRule[]> {
    return (await this.rules.list(account, { limit: Infinity, ...(prefix !== undefined && { prefix }) }, wanted)).rules;
  }
}

const FILTERS = ['topic', 'queue', 'resource', 'source'] as const;

function readFilter(query: Query, names: readonly (keyof RuleFilter)[] = FILTERS): RuleFilter {
  return Object.fromEntries(names.flatMap((name) => (query.has(name) ? [[name, query.get(name)!]] : [])));
}

function withWarnings(rule: EventRule, warnings: readonly string[]) {
  return { ...rule, ...(warnings.length > 0 && { warnings }) };
}
