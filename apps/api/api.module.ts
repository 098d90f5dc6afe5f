import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { AccessStore } from '#access/access-store.js';
import { AccountStore } from '#access/account-store.js';
import { SecretBox } from '#access/secret-box.js';
import { AttemptLog } from '#delivery/attempt-log.js';
import { ChannelStore } from '#delivery/channel-store.js';
import { DrainQueue } from '#delivery/drain-queue.js';
import { PushCertificate } from '#delivery/push-certificate.js';
import { TestPushReplies } from '#delivery/test-push.js';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import { BadInputStore } from '#event-source/bad-input-store.js';
import { CanaryStore } from '#event-source/canary-store.js';
import { EventSourceStore } from '#event-source/event-source-store.js';
import { GapStore } from '#event-source/gap-store.js';
import { SourceFiguresStore } from '#event-source/source-figures-store.js';
import { SourceStatusStore } from '#event-source/source-status-store.js';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { RedriveStore } from '#queue/redrive-store.js';
import { Deployment } from '#redis/deployment.js';
import { addMemoryMetrics } from '#redis/memory-metrics.js';
import { MemoryWatch } from '#redis/memory-watch.js';
import { openRedis, type ConnectionRole, type RedisClient } from '#redis/redis-client.js';
import { systemClock } from '#runtime/clock.js';
import type { Logger } from '#runtime/log.js';
import { FailedDeliveryStore } from '#topic/failed-delivery-store.js';
import { Publisher } from '#topic/publisher.js';
import { SubscriptionStore } from '#topic/subscription-store.js';
import { TopicStore } from '#topic/topic-store.js';
import { AccountAttributesStore } from './account-attributes.js';
import { AccessKeyController } from './access-key.controller.js';
import { AccountManagementController } from './account-management.controller.js';
import { AccountController } from './account.controller.js';
import type { ApiDependencies, ApiSettings } from './api-settings.js';
import { Authentication } from './authentication.js';
import { CanaryCheck } from './canary-check.js';
import { CertificateController } from './certificate.controller.js';
import { ChannelController } from './channel.controller.js';
import { DeliveryController } from './delivery.controller.js';
import { EventRuleController } from './event-rule.controller.js';
import { EventSourceController } from './event-source.controller.js';
import { GapController } from './gap.controller.js';
import { HealthController } from './health.controller.js';
import { LOGGER, REDIS_COMMANDS, REDIS_SUBSCRIBER, SETTINGS } from './injection-tokens.js';
import { MessageController } from './message.controller.js';
import { MnsErrorFilter } from './mns-error.filter.js';
import { QueueManagementController } from './queue-management.controller.js';
import { QueueController } from './queue.controller.js';
import { RedisConnections } from './redis-connections.js';
import { RequestMetrics } from './request-metrics.js';
import { RequestOrigins } from './request-origin.js';
import { ResourceUrls } from './resource-urls.js';
import { ServerLifecycle } from './server-lifecycle.js';
import { SmsReceiptController } from './sms-receipt.controller.js';
import { SourceHealth } from './source-health.js';
import { StoreController } from './store.controller.js';
import { SubscriptionController } from './subscription.controller.js';
import { SubscriptionManagementController } from './subscription-management.controller.js';
import { TestPush } from './test-push.js';
import { TopicController } from './topic.controller.js';

const CONTROLLERS = [
  AccessKeyController,
  AccountController,
  AccountManagementController,
  CertificateController,
  ChannelController,
  DeliveryController,
  EventRuleController,
  EventSourceController,
  GapController,
  HealthController,
  MessageController,
  QueueController,
  QueueManagementController,
  SmsReceiptController,
  StoreController,
  SubscriptionController,
  SubscriptionManagementController,
  TopicController,
];

/** The libraries' classes, put together once; nothing else in this app constructs one. */
const PROVIDERS: Provider[] = [
  { provide: REDIS_COMMANDS, useFactory: openClient('commands'), inject: [SETTINGS, LOGGER] },
  { provide: REDIS_SUBSCRIBER, useFactory: openClient('subscriber'), inject: [SETTINGS, LOGGER] },
  { provide: MemoryWatch, useFactory: startMemoryWatch, inject: [REDIS_COMMANDS, SETTINGS, LOGGER] },
  { provide: Deployment, useFactory: openDeployment, inject: [REDIS_COMMANDS, SETTINGS] },
  {
    provide: QueueStore,
    useFactory: (client: RedisClient, deployment: Deployment) => new QueueStore(client, deployment),
    inject: [REDIS_COMMANDS, Deployment],
  },
  { provide: RedriveStore, useFactory: (queues: QueueStore) => new RedriveStore(queues), inject: [QueueStore] },
  { provide: LongPoll, useFactory: startLongPoll, inject: [REDIS_SUBSCRIBER, Deployment] },
  {
    provide: MessageStore,
    useFactory: (queues: QueueStore, polls: LongPoll) => new MessageStore(queues, polls),
    inject: [QueueStore, LongPoll],
  },
  {
    provide: TopicStore,
    useFactory: (client: RedisClient, deployment: Deployment) => new TopicStore(client, deployment),
    inject: [REDIS_COMMANDS, Deployment],
  },
  { provide: DrainQueue, useFactory: openDrainQueue, inject: [SETTINGS, LOGGER] },
  {
    provide: Publisher,
    useFactory: (topics: TopicStore, drains: DrainQueue) => new Publisher(topics, drains),
    inject: [TopicStore, DrainQueue],
  },
  {
    provide: SubscriptionStore,
    useFactory: (topics: TopicStore, drains: DrainQueue) => new SubscriptionStore(topics, drains),
    inject: [TopicStore, DrainQueue],
  },
  {
    provide: FailedDeliveryStore,
    useFactory: (topics: TopicStore, drains: DrainQueue) => new FailedDeliveryStore(topics, drains),
    inject: [TopicStore, DrainQueue],
  },
  {
    provide: EventRuleStore,
    useFactory: (client: RedisClient, deployment: Deployment) => new EventRuleStore(client, deployment),
    inject: [REDIS_COMMANDS, Deployment],
  },
  {
    provide: EventSourceStore,
    useFactory: (client: RedisClient, deployment: Deployment, { secretKey }: ApiSettings) => new EventSourceStore(client, deployment, secretKey),
    inject: [REDIS_COMMANDS, Deployment, SETTINGS],
  },
  {
    provide: GapStore,
    useFactory: (client: RedisClient, deployment: Deployment) => new GapStore(client, deployment),
    inject: [REDIS_COMMANDS, Deployment],
  },
  {
    provide: SourceFiguresStore,
    useFactory: (client: RedisClient, deployment: Deployment) => new SourceFiguresStore(client, deployment),
    inject: [REDIS_COMMANDS, Deployment],
  },
  {
    provide: SourceStatusStore,
    useFactory: (client: RedisClient, deployment: Deployment) => new SourceStatusStore(client, deployment),
    inject: [REDIS_COMMANDS, Deployment],
  },
  {
    provide: BadInputStore,
    useFactory: (client: RedisClient, deployment: Deployment) => new BadInputStore(client, deployment),
    inject: [REDIS_COMMANDS, Deployment],
  },
  {
    provide: CanaryCheck,
    useFactory: (client: RedisClient, deployment: Deployment, figures: SourceFiguresStore, status: SourceStatusStore, badInput: BadInputStore) =>
      new CanaryCheck({ canaries: new CanaryStore(client, deployment), figures, status, badInput }),
    inject: [REDIS_COMMANDS, Deployment, SourceFiguresStore, SourceStatusStore, BadInputStore],
  },
  {
    provide: SourceHealth,
    useFactory: (figures: SourceFiguresStore, status: SourceStatusStore, gaps: GapStore, badInput: BadInputStore) =>
      new SourceHealth({ figures, status, gaps, badInput }),
    inject: [SourceFiguresStore, SourceStatusStore, GapStore, BadInputStore],
  },
  {
    provide: AttemptLog,
    useFactory: (client: RedisClient, deployment: Deployment) => new AttemptLog(client, deployment),
    inject: [REDIS_COMMANDS, Deployment],
  },
  {
    provide: TestPush,
    useFactory: (drains: DrainQueue, client: RedisClient, { keyPrefix }: ApiSettings) => new TestPush(drains, new TestPushReplies(client, keyPrefix)),
    inject: [DrainQueue, REDIS_COMMANDS, SETTINGS],
  },
  { provide: SecretBox, useFactory: ({ secretKey }: ApiSettings) => new SecretBox(secretKey), inject: [SETTINGS] },
  {
    provide: ChannelStore,
    useFactory: (client: RedisClient, deployment: Deployment, settings: ApiSettings) =>
      new ChannelStore(client, deployment, settings.secretKey),
    inject: [REDIS_COMMANDS, Deployment, SETTINGS],
  },
  { provide: PushCertificate, useFactory: openPushCertificate, inject: [REDIS_COMMANDS, SETTINGS] },
  { provide: AccessStore, useFactory: openAccessStore, inject: [REDIS_COMMANDS, Deployment, SETTINGS] },
  {
    provide: AccountAttributesStore,
    useFactory: (client: RedisClient, settings: ApiSettings) => new AccountAttributesStore(client, settings.keyPrefix),
    inject: [REDIS_COMMANDS, SETTINGS],
  },
  {
    provide: AccountStore,
    useFactory: (client: RedisClient, deployment: Deployment, settings: ApiSettings) =>
      new AccountStore(client, deployment, settings.secretKey),
    inject: [REDIS_COMMANDS, Deployment, SETTINGS],
  },
  {
    provide: Authentication,
    useFactory: (access: AccessStore, origins: RequestOrigins, logger: Logger) =>
      new Authentication(access, systemClock, origins, logger.isLevelEnabled('debug')),
    inject: [AccessStore, RequestOrigins, LOGGER],
  },
  { provide: RequestOrigins, useFactory: (settings: ApiSettings) => new RequestOrigins(settings.trustedProxies ?? []), inject: [SETTINGS] },
  {
    provide: ResourceUrls,
    useFactory: (settings: ApiSettings, origins: RequestOrigins) => new ResourceUrls(settings.publicUrl, origins),
    inject: [SETTINGS, RequestOrigins],
  },
  {
    provide: MnsErrorFilter,
    useFactory: (urls: ResourceUrls, origins: RequestOrigins, logger: Logger) => new MnsErrorFilter(urls, origins, logger),
    inject: [ResourceUrls, RequestOrigins, LOGGER],
  },
  { provide: ServerLifecycle, useFactory: () => new ServerLifecycle() },
  { provide: RequestMetrics, useFactory: openMetrics, inject: [ServerLifecycle, MemoryWatch] },
  {
    provide: RedisConnections,
    useFactory: (commands: RedisClient, subscriber: RedisClient, drains: DrainQueue, memory: MemoryWatch) =>
      new RedisConnections([commands, subscriber], drains, memory),
    inject: [REDIS_COMMANDS, REDIS_SUBSCRIBER, DrainQueue, MemoryWatch],
  },
];

/** The composition root of the API. */
@Module({})
export class ApiModule {
  static with({ settings, logger }: ApiDependencies): DynamicModule {
    const given: Provider[] = [
      { provide: SETTINGS, useValue: settings },
      { provide: LOGGER, useValue: logger },
    ];
    return { module: ApiModule, controllers: CONTROLLERS, providers: [...given, ...PROVIDERS] };
  }
}

function openDeployment(client: RedisClient, settings: ApiSettings): Promise<Deployment> {
  return Deployment.open(client, settings.keyPrefix);
}

function openClient(role: ConnectionRole): (settings: ApiSettings, logger: Logger) => Promise<RedisClient> {
  return ({ redisUrl }, logger) => openRedis(redisUrl, { role, logger });
}

async function startMemoryWatch(client: RedisClient, { keyPrefix, redisHighWater }: ApiSettings, logger: Logger): Promise<MemoryWatch> {
  const watch = new MemoryWatch(client, keyPrefix, { logger, highWater: redisHighWater });
  await watch.start();
  return watch;
}

function openMetrics(lifecycle: ServerLifecycle, watch: MemoryWatch): RequestMetrics {
  const metrics = new RequestMetrics(lifecycle);
  addMemoryMetrics(metrics.registry, watch);
  return metrics;
}

async function startLongPoll(subscriber: RedisClient, deployment: Deployment): Promise<LongPoll> {
  const polls = new LongPoll(subscriber, deployment);
  await polls.start();
  return polls;
}

function openDrainQueue({ redisUrl, keyPrefix }: ApiSettings, logger: Logger): DrainQueue {
  return new DrainQueue({ url: redisUrl, prefix: keyPrefix, logger });
}

function openPushCertificate(client: RedisClient, { keyPrefix, secretKey }: ApiSettings): Promise<PushCertificate> {
  return PushCertificate.open(client, keyPrefix, new SecretBox(secretKey));
}

async function openAccessStore(client: RedisClient, deployment: Deployment, { secretKey, firstKey }: ApiSettings): Promise<AccessStore> {
  const access = new AccessStore(client, deployment, secretKey);
  if (firstKey !== undefined) await access.ensureFirstKey(firstKey);
  return access;
}
