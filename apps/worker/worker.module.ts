import { BullModule } from '@nestjs/bullmq';
import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { SecretBox } from '#access/secret-box.js';
import { AttemptLog } from '#delivery/attempt-log.js';
import { ChannelStore } from '#delivery/channel-store.js';
import { DrainQueue, drainKeyPrefix } from '#delivery/drain-queue.js';
import { PushCertificate } from '#delivery/push-certificate.js';
import { PushNetwork } from '#delivery/push-network.js';
import { RecipientStore } from '#delivery/recipient-store.js';
import { SharedBudgets } from '#delivery/shared-budgets.js';
import { TestPushReplies } from '#delivery/test-push.js';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { QueueUpkeep } from '#queue/upkeep.js';
import { Deployment } from '#redis/deployment.js';
import { addMemoryMetrics } from '#redis/memory-metrics.js';
import { MemoryWatch } from '#redis/memory-watch.js';
import { connectRedis, openRedis, type RedisClient } from '#redis/redis-client.js';
import { readAuthorities } from '#runtime/certificate-files.js';
import { systemClock } from '#runtime/clock.js';
import type { Logger } from '#runtime/log.js';
import { DeadLetterMover } from '#topic/dead-letter-mover.js';
import { FailedDeliveryStore } from '#topic/failed-delivery-store.js';
import { PendingDeliveries } from '#topic/pending-deliveries.js';
import { TopicStore } from '#topic/topic-store.js';
import { Channels } from './channels/channel-for-endpoint.js';
import { EmailChannel } from './channels/email.channel.js';
import { HttpChannel } from './channels/http.channel.js';
import { MobileChannel } from './channels/mobile.channel.js';
import { ProviderClients } from './channels/provider-clients.js';
import { PushSecrets } from './channels/push-secrets.js';
import { QueueChannel } from './channels/queue.channel.js';
import { RobotChannel } from './channels/robot.channel.js';
import { SmsChannel } from './channels/sms.channel.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { DrainProcessor, PROCESSORS } from './drain.processor.js';
import { DrainHints } from './drain-hints.js';
import { Drains } from './drains.js';
import { Duties } from './duties.js';
import { EndpointWindows } from './endpoint-window.js';
import { HealthController } from './health.controller.js';
import { REDIS_COMMANDS, SETTINGS } from './injection-tokens.js';
import { findActivePartitions } from './partition-activity.js';
import { TestPushes } from './test-pushes.js';
import { WorkerLifecycle } from './worker-lifecycle.js';
import type { WorkerSettings } from './worker-settings.js';

/** The engine as the worker uses it, over one connection that fails fast. */
interface Engine {
  readonly client: RedisClient;
  readonly deployment: Deployment;
  readonly certificate: PushCertificate;
  readonly memory: MemoryWatch;
}

/** Builds the worker; nothing else knows how its parts fit together. */
@Module({})
export class WorkerModule {
  /** @throws when Redis is away, holds data of a newer release, or was used with another secret key; BadSetting */
  static async create(settings: WorkerSettings, logger: Logger, random: () => number = Math.random): Promise<DynamicModule> {
    // Before anything is connected: a mistake in the file is told at once.
    const ca = settings.pushCaFile === undefined ? undefined : await readAuthorities(settings.pushCaFile);
    const engine = await openEngine(settings, logger);
    const bullConnection = connectRedis(settings.redisUrl, { role: 'worker', logger });
    const subscriber = connectRedis(settings.redisUrl, { role: 'subscriber', logger });
    const drainQueue = new DrainQueue({ url: settings.redisUrl, prefix: settings.keyPrefix, logger });
    const windows = new EndpointWindows(systemClock);
    const metrics = new DeliveryMetrics(() => windows.countPaused());
    const { client, deployment, memory } = engine;
    addMemoryMetrics(metrics.registry, memory);
    const queues = new QueueStore(client, deployment);
    const source = new PendingDeliveries(client, deployment);
    const channels = openChannels(settings, engine, queues, ca);
    const attemptLog = new AttemptLog(client, deployment);
    const time = { clock: systemClock, random };
    const drains = new Drains({ source, scheduler: drainQueue, channels, attemptLog, windows, ...time, metrics, logger });
    const hints = new DrainHints(subscriber, deployment, (wakeups) => drains.hint(wakeups));
    const failed = new FailedDeliveryStore(new TopicStore(client, deployment), drainQueue);
    const duties = new Duties({
      findActive: () => findActivePartitions(client, deployment, systemClock.now()),
      source,
      upkeep: openUpkeep(settings, queues, failed, attemptLog, logger),
      replays: failed,
      drains: drainQueue,
      metrics,
      logger,
    });
    const replies = new TestPushReplies(client, settings.keyPrefix);
    const tests = new TestPushes({ subscriptions: new TopicStore(client, deployment), channels, replies, clock: systemClock, logger });
    const processors = Array.from({ length: PROCESSORS }, () => new DrainProcessor(drains, duties, tests, logger));
    const lifecycle = new WorkerLifecycle({ processors, drains, hints, tests, drainQueue, channels, connections: [bullConnection, client], memory, logger });
    return {
      module: WorkerModule,
      // The drain queue is added to by `DrainQueue` alone, so Nest registers no queue of its own, only the workers.
      imports: [BullModule.forRoot({ connection: bullConnection, prefix: drainKeyPrefix(settings.keyPrefix) }), BullModule.registerQueue()],
      controllers: [HealthController],
      providers: [
        ...processors.map((processor, index) => providerOf(`${DrainProcessor.name} ${index + 1}`, processor)),
        { provide: SETTINGS, useValue: settings },
        { provide: REDIS_COMMANDS, useValue: client },
        { provide: DeliveryMetrics, useValue: metrics },
        { provide: MemoryWatch, useValue: memory },
        { provide: WorkerLifecycle, useValue: lifecycle },
      ],
    };
  }
}

function providerOf(token: string, value: DrainProcessor): FactoryProvider<DrainProcessor> {
  return { provide: token, useFactory: () => value, inject: [] };
}

async function openEngine(settings: WorkerSettings, logger: Logger): Promise<Engine> {
  const client = await openRedis(settings.redisUrl, { role: 'commands', logger });
  try {
    const deployment = await Deployment.open(client, settings.keyPrefix);
    const certificate = await PushCertificate.open(client, settings.keyPrefix, new SecretBox(settings.secretKey));
    const memory = new MemoryWatch(client, settings.keyPrefix, { logger, highWater: settings.redisHighWater });
    await memory.start();
    return { client, deployment, certificate, memory };
  } catch (error) {
    client.disconnect();
    throw error;
  }
}

function openUpkeep({ region }: WorkerSettings, queues: QueueStore, failed: FailedDeliveryStore, log: AttemptLog, logger: Logger): QueueUpkeep {
  const mover = new DeadLetterMover(failed, queues, { region, logger });
  return new QueueUpkeep(queues, {
    region,
    logger,
    moveFailedDeliveries: (partition, id) => mover.move(partition, id),
    trimAttemptLog: (partition) => log.trim(partition),
  });
}

function openChannels(settings: WorkerSettings, engine: Engine, queues: QueueStore, ca: string | undefined): Channels {
  const { client, deployment, certificate } = engine;
  const signer = { privateKey: certificate.privateKey, certificateUrl: certificate.urlUnder(settings.publicUrl) };
  const network = new PushNetwork(settings.pushAllow);
  const store = new ChannelStore(client, deployment, settings.secretKey);
  const budgets = new SharedBudgets(client, deployment);
  const clients = new ProviderClients(store, settings.channels ?? {}, { network, budget: (name, rate) => budgets.of(name, rate) });
  const provided = { clients, recipients: new RecipientStore(client, deployment) };
  const { callbackUrl } = settings;
  const set = {
    http: new HttpChannel({
      signer,
      network,
      secrets: new PushSecrets(new SecretBox(settings.secretKey)),
      clock: systemClock,
      ...(ca !== undefined && { ca }),
    }),
    // The worker only sends: its long polls are never started.
    queue: new QueueChannel(new MessageStore(queues, new LongPoll(client, deployment))),
    email: new EmailChannel(provided),
    sms: new SmsChannel({ ...provided, ...(callbackUrl !== undefined && { publicUrl: callbackUrl }) }),
    mobile: new MobileChannel(clients),
    robot: new RobotChannel(clients),
  };
  return new Channels(set, clients);
}
