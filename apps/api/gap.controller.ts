import { Controller, Delete, Get, NotFoundException, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EventSourceStore } from '#event-source/event-source-store.js';
import { GapStore, type BackfillRequest } from '#event-source/gap-store.js';
import type { BackfillRates } from '#event-source/open-gap.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readMembers, readOptionalJson, type NamedRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';
import type { Query } from './request-query.js';

type GapRequest = FastifyRequest<{ Params: { readonly name: string; readonly gap: string }; Querystring: Query }>;

/** Spans of time in which events may have been missed, and what the operator can do about them. */
@Controller('api/v1/event-sources/:name')
export class GapController {
  constructor(
    private readonly sources: EventSourceStore,
    private readonly gaps: GapStore,
  ) {}

  @Get('gaps')
  async list(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ListEventSourceGaps');
    const { name } = await this.sources.get(request.account, request.params.name);
    const [open, closed] = await Promise.all([this.gaps.list(name), this.gaps.closed(name)]);
    sendJson(request, reply, 200, { open, closed });
  }

  @Post('gaps/:gap/pause')
  async pause(@Req() request: GapRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'PauseEventSourceGap');
    await this.#change(request, reply, (source, gap) => this.gaps.pause(source, gap));
  }

  @Post('gaps/:gap/resume')
  async resume(@Req() request: GapRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ResumeEventSourceGap');
    await this.#change(request, reply, (source, gap) => this.gaps.resume(source, gap));
  }

  /** What its repair has told stays told. */
  @Delete('gaps/:gap')
  async cancel(@Req() request: GapRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'CancelEventSourceGap');
    await this.#change(request, reply, (source, gap) => this.gaps.cancel(source, gap));
  }

  /** Tells everything that the buckets hold and that was not told in the last days. */
  @Post('backfill')
  async backfill(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'StartBackfill');
    const source = await this.sources.get(request.account, request.params.name);
    if (source.credentials === undefined) throw new InvalidArgument('endpoint', 'A back-fill needs the endpoint and the credentials of the source.');
    const asked = readBackfill(readOptionalJson(request));
    if (asked.buckets === undefined && source.buckets.length === 0) throw new InvalidArgument('buckets', 'The source names no buckets: name some here.');
    sendJson(request, reply, 202, await this.gaps.openBackfill(source.name, asked));
  }

  async #change(request: GapRequest, reply: FastifyReply, change: (source: string, gap: string) => Promise<boolean>): Promise<void> {
    const { name } = await this.sources.get(request.account, request.params.name);
    if (!(await change(name, request.params.gap))) throw new NotFoundException(`There is no open gap ${request.params.gap}.`);
    sendJson(request, reply, 204);
  }
}

/** @throws InvalidArgument */
function readBackfill(json: unknown): BackfillRequest {
  const { buckets, prefix, pagesPerSecond, eventsPerSecond } = readMembers(json, 'backfill', ['buckets', 'prefix', 'pagesPerSecond', 'eventsPerSecond']);
  const areBuckets = Array.isArray(buckets) && buckets.length > 0 && buckets.every((bucket) => typeof bucket === 'string' && bucket !== '');
  if (buckets !== undefined && !areBuckets) throw new InvalidArgument('buckets', 'buckets is a list of at least one name.');
  if (prefix !== undefined && (typeof prefix !== 'string' || prefix.length > 1_024)) {
    throw new InvalidArgument('prefix', 'prefix is a text of at most 1,024 characters.');
  }
  const rates: { -readonly [Rate in keyof BackfillRates]?: number } = {};
  for (const [name, rate] of [['pagesPerSecond', pagesPerSecond], ['eventsPerSecond', eventsPerSecond]] as const) {
    if (rate === undefined) continue;
    if (typeof rate !== 'number' || !(rate >= 0.1 && rate <= 10_000)) throw new InvalidArgument(name, `${name} is a number from 0.1 to 10,000.`);
    rates[name] = rate;
  }
  return { ...(areBuckets && { buckets: buckets as string[] }), ...(prefix !== undefined && { prefix }), rates };
}
