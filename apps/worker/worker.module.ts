import { BullModule } from '@nestjs/bullmq';
import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { SecretBox } from '#access/secret-box.js';
import { AttemptLog } from '#delivery/attempt-log.js';
import { ChannelStore } from '#delivery/channel-store.js';
import { DrainQueue, drainKeyPrefix } from '#delivery/drain-queue.js';
import { PushCertificate } from '#delivery/push-certificate.js';
import { PushNetwork } from '#delivery/push-network.js';
import { RecipientStore } from '#delivery/recipient-store.js';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { QueueUpkeep } from '#queue/upkeep.js';
import { Deployment } from '#redis/deployment.js';
import { addMemoryMetrics } from '#redis/memory-metrics.js';
import { MemoryWatch } from '#redis/memory-watch.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { systemClock } from '#runtime/clock.js';
import type { Logger } from '#runtime/log.js';
import { PendingDeliveries } from '#topic/pending-deliveries.js';
import { Channels } from './channels/channel-for-endpoint.js';
import { EmailChannel } from './channels/email.channel.js';
import { HttpChannel } from './channels/http.channel.js';
import { MobileChannel } from './channels/mobile.channel.js';
import { ProviderClients } from './channels/provider-clients.js';
import { QueueChannel } from './channels/queue.channel.js';
import { RobotChannel } from './channels/robot.channel.js';
import { SmsChannel } from './channels/sms.channel.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { DrainProcessor, PROCESSORS } from './drain.processor.js';
import { Drains } from './drains.js';
import { Duties } from './duties.js';
import { EndpointWindows } from './endpoint-window.js';
import { HealthController } from './health.controller.js';
import { REDIS_COMMANDS, SETTINGS } from './injection-tokens.js';
import { findActivePartitions } from './partition-activity.js';
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
  /** @throws when Redis is away, holds data of a newer release, or was used with another secret key */
  static async create(settings: WorkerSettings, logger: Logger, random: () => number = Math.random): Promise<DynamicModule> {
    const engine = await openEngine(settings, logger);
    const bullConnection = connectRedis(settings.redisUrl, { role: 'worker', logger });
    const drainQueue = new DrainQueue({ url: settings.redisUrl, prefix: settings.keyPrefix, logger });
    const windows = new EndpointWindows(systemClock);
    const metrics = new DeliveryMetrics(() => windows.countPaused());
    const { client, deployment, memory } = engine;
    addMemoryMetrics(metrics.registry, memory);
    const queues = new QueueStore(client, deployment);
    const source = new PendingDeliveries(client, deployment);
    const channels = openChannels(settings, engine, queues);
    const attemptLog = new AttemptLog(client, deployment);
    const time = { clock: systemClock, random };
    const drains = new Drains({ source, scheduler: drainQueue, channels, attemptLog, windows, ...time, metrics, logger });
    const duties = new Duties({
      findActive: () => findActivePartitions(client, deployment, systemClock.now()),
      source,
      upkeep: new QueueUpkeep(queues, { region: settings.region, logger }),
      drains: drainQueue,
      metrics,
      logger,
    });
    const processors = Array.from({ length: PROCESSORS }, () => new DrainProcessor(drains, duties, logger));
    const lifecycle = new WorkerLifecycle({ processors, drains, drainQueue, channels, connections: [bullConnection, client], memory, logger });
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
  const client = connectRedis(settings.redisUrl, { role: 'commands', logger });
  try {
    await connected(client);
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

/** Milliseconds that Redis may take to be there when the worker starts. */
const CONNECT_LIMIT = 30_000;

async function connected(client: RedisClient): Promise<void> {
  if (client.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Redis was not there within ${CONNECT_LIMIT / 1_000} s`)), CONNECT_LIMIT);
    client.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function openChannels(settings: WorkerSettings, { client, deployment, certificate }: Engine, queues: QueueStore): Channels {
  const signer = { privateKey: certificate.privateKey, certificateUrl: certificate.urlUnder(settings.publicUrl) };
  const network = new PushNetwork(settings.pushAllow);
  const store = new ChannelStore(client, deployment, settings.secretKey);
  const clients = new ProviderClients(store, settings.channels ?? {}, { network });
  const provided = { clients, recipients: new RecipientStore(client, deployment) };
  const { callbackUrl } = settings;
  const set = {
    http: new HttpChannel({ signer, network, clock: systemClock }),
    // The worker only sends: its long polls are never started.
    queue: new QueueChannel(new MessageStore(queues, new LongPoll(client, deployment))),
    email: new EmailChannel(provided),
    sms: new SmsChannel({ ...provided, ...(callbackUrl !== undefined && { publicUrl: callbackUrl }) }),
    mobile: new MobileChannel(clients),
    robot: new RobotChannel(clients),
  };
  return new Channels(set, clients);
}
