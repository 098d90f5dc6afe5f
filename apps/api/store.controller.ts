import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import type { EventRule } from '#event-rule/event-rule.js';
import { EventSourceStore } from '#event-source/event-source-store.js';
import type { EventSource } from '#event-source/event-source.js';
import { intakeEnvironment } from '#event-source/intake-environment.js';
import { Provisioning, targetsOf, type Provisioned } from '#event-source/provisioning.js';
import { StoreClient } from '#event-source/store-client.js';
import { wantedEvents } from '#event-source/wanted-events.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { ApiSettings } from './api-settings.js';
import { CanaryCheck } from './canary-check.js';
import { SETTINGS } from './injection-tokens.js';
import { readMembers, readOptionalJson, type NamedRequest } from './management-request.js';
import { beginOperation } from './operation.js';
import { sendJson } from './problem-reply.js';
import { SourceHealth } from './source-health.js';

const UNKNOWN_BRIDGE = 'http://<host of the bridge>:6671';
const QUEUE_DIRECTORY = '/var/lib/magpie-events';

interface ProvisionRequest {
  readonly createBuckets: boolean;
  readonly showToken: boolean;
  readonly queueDirectory: string;
}

/** What the hub does with the store of a source: setting it up, trying the whole way of an event, telling how it fares. */
@Controller('api/v1/event-sources/:name')
export class StoreController {
  constructor(
    private readonly sources: EventSourceStore,
    private readonly rules: EventRuleStore,
    private readonly canaries: CanaryCheck,
    private readonly healths: SourceHealth,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  /** Does what can be done from outside, and says what only the operator of the store can do. It can be repeated at any time. */
  @Post('provision')
  async provision(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'ProvisionEventSource');
    const asked = readProvision(readOptionalJson(request));
    const source = await this.sources.open(request.account, request.params.name);
    const provisioned = source.credentials === undefined ? undefined : await this.#provision(source, asked);
    const targets = provisioned?.targets ?? targetsOf(source, '');
    const bridgeUrl = this.settings.bridgeUrl ?? UNKNOWN_BRIDGE;
    const token = (asked.showToken ? this.#tokenOf(source, request) : undefined) ?? placeholderOf(source);
    sendJson(request, reply, 200, {
      complete: provisioned !== undefined && provisioned.buckets.length > 0 && provisioned.buckets.every(({ state }) => state === 'ready'),
      ...(provisioned !== undefined && { store: { endpoint: source.endpoint, server: provisioned.server } }),
      targets,
      buckets: provisioned?.buckets ?? [],
      environment: intakeEnvironment(source, { bridgeUrl, token, queueDirectory: asked.queueDirectory }),
      remaining: remainingOf(source, provisioned, this.settings.bridgeUrl),
    });
  }

  /** Writes and deletes an object and says how far its events came. */
  @Post('check')
  async check(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'CheckEventSource');
    const { bucket, timeoutSeconds = 10 } = readMembers(readOptionalJson(request), 'check', ['bucket', 'timeoutSeconds']);
    if (typeof timeoutSeconds !== 'number' || !(timeoutSeconds >= 1 && timeoutSeconds <= 20)) {
      throw new InvalidArgument('timeoutSeconds', 'timeoutSeconds is a number from 1 to 20.');
    }
    const source = await this.sources.open(request.account, request.params.name);
    const chosen = bucket ?? source.buckets[0];
    if (typeof chosen !== 'string' || chosen === '') throw new InvalidArgument('bucket', 'bucket names the bucket to write to: the source names none.');
    sendJson(request, reply, 200, await this.canaries.run(source, chosen, timeoutSeconds * 1_000));
  }

  @Get('health')
  async health(@Req() request: NamedRequest, @Res() reply: FastifyReply): Promise<void> {
    beginOperation(request, 'GetEventSourceHealth');
    const { name, ways } = await this.sources.get(request.account, request.params.name);
    sendJson(request, reply, 200, await this.healths.of(name, ways));
  }

  async #provision(source: EventSource, { createBuckets }: ProvisionRequest): Promise<Provisioned> {
    const store = await StoreClient.open(source);
    try {
      const events = wantedEvents(source.name, await this.#rulesOf(source.account));
      return await new Provisioning(source, store, { events, createBuckets }).run();
    } finally {
      store.close();
    }
  }

  async #rulesOf(account: string): Promise<EventRule[]> {
    const rules: EventRule[] = [];
    for (let marker: string | undefined; ; ) {
      const page = await this.rules.list(account, { ...(marker !== undefined && { marker }) });
      rules.push(...page.rules);
      if (page.nextMarker === undefined) return rules;
      marker = page.nextMarker;
    }
  }

  /** The hub's token opens every source without its own: only the operator's account may see it. */
  #tokenOf(source: EventSource, { accessKey }: FastifyRequest): string | undefined {
    return source.intakeToken ?? (accessKey.managesAccounts ? this.settings.intakeToken : undefined);
  }
}

function placeholderOf({ intakeToken }: EventSource): string {
  return intakeToken === undefined ? '<MAGPIE_INTAKE_TOKEN>' : '<intakeToken of the event source>';
}

/** @throws InvalidArgument */
function readProvision(json: unknown): ProvisionRequest {
  const members = readMembers(json, 'provision', ['createBuckets', 'showToken', 'queueDirectory']);
  const { createBuckets = false, showToken = false, queueDirectory = QUEUE_DIRECTORY } = members;
  for (const [name, value] of Object.entries({ createBuckets, showToken })) {
    if (typeof value !== 'boolean') throw new InvalidArgument(name, `${name} is true or false.`);
  }
  if (typeof queueDirectory !== 'string' || !/^\/[\x21-\x7e]{1,255}$/.test(queueDirectory)) {
    throw new InvalidArgument('queueDirectory', 'queueDirectory is an absolute path without blanks.');
  }
  return { createBuckets: createBuckets === true, showToken: showToken === true, queueDirectory };
}

/** In the order in which it is to be done. */
function remainingOf(source: EventSource, provisioned: Provisioned | undefined, bridgeUrl: string | undefined): string[] {
  const unknown = provisioned?.targets.filter(({ known }) => known === false).map(({ id }) => id) ?? [];
  const remaining: string[] = [];
  if (bridgeUrl === undefined) remaining.push('Set MAGPIE_BRIDGE_PUBLIC_URL to the address at which the store reaches the bridge.');
  if (provisioned === undefined) {
    remaining.push('Start every node of the store with this environment; its buckets are yours to set up, as the source has no endpoint and credentials.');
    return remaining;
  }
  if (unknown.length > 0) {
    const how = 'start every node with this environment, see "SQS ARNs" in its log, and call provision again';
    remaining.push(`The store does not know ${unknown.join(' and ')}: ${how}. One wrong target switches off all of them.`);
  }
  if (source.buckets.length === 0) remaining.push('The source names no buckets: put them into it and call provision again.');
  if (remaining.length === 0) remaining.push('Call check: only an event that arrives proves the chain.');
  return remaining;
}
