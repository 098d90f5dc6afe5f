import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DrainQueue } from '#delivery/drain-queue.js';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import { EventSourceStore } from '#event-source/event-source-store.js';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { Deployment } from '#redis/deployment.js';
import { addMemoryMetrics } from '#redis/memory-metrics.js';
import { MemoryWatch } from '#redis/memory-watch.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { RedisUnavailable, toStorageError } from '#redis/redis-unavailable.js';
import type { HighWater } from '#runtime/high-water.js';
import type { Logger } from '#runtime/log.js';
import { Publisher } from '#topic/publisher.js';
import { TopicStore } from '#topic/topic-store.js';
import { BridgeMetrics } from './bridge-metrics.js';
import { EventPipeline } from './event-pipeline.js';
import { HandOver } from './hand-over.js';
import { Heartbeat } from './heartbeat.js';
import { Intake } from './intake.js';
import { Journal } from './journal.js';
import { ObjectTags } from './object-tags.js';
import { ParkedEvents } from './parked-events.js';
import { RuleSnapshot } from './rule-snapshot.js';
import { SourceOwners } from './source-owners.js';
import { SourceSnapshot, type KnownSources } from './source-snapshot.js';
import { fetchTags } from './store-tags.js';
import { WriteAheadLog } from './write-ahead-log.js';

export interface BridgeSettings {
  readonly redisUrl: string;
  /** Memory of Redis above which nothing new is stored; a default when absent. */
  readonly redisHighWater?: HighWater;
  readonly keyPrefix: string;
  readonly dataDir: string;
  /** 32 bytes; decrypts the secrets of event sources. */
  readonly secretKey: Buffer;
  /** 16 digits: the owner of the events of sources that nobody registered. */
  readonly account: string;
  readonly region: string;
  /** Milliseconds after which an entry of a bridge that died is taken over; 10 s when absent. */
  readonly claimIdle?: number;
  /** Milliseconds between two looks at the journal; 3 s when absent. */
  readonly heartbeat?: number;
}

/** Milliseconds between two attempts to reach Redis at start. */
const START_PAUSE = 200;

/** Everything between the intake and the engine, wired together. It takes bodies from the first moment on, with or without Redis. */
export class Bridge {
  readonly metrics = new BridgeMetrics();
  readonly intake: Intake;
  readonly #log: WriteAheadLog;
  readonly #client: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #memory: MemoryWatch;
  readonly #drains: DrainQueue;
  #running: Running | undefined;
  #stopped = false;

  constructor(
    private readonly settings: BridgeSettings,
    private readonly logger: Logger,
  ) {
    const { redisUrl, dataDir, keyPrefix } = settings;
    this.#log = new WriteAheadLog(join(dataDir, 'bridge'));
    this.#client = connectRedis(redisUrl, { role: 'commands', logger });
    this.#memory = new MemoryWatch(this.#client, keyPrefix, { logger, highWater: settings.redisHighWater });
    addMemoryMetrics(this.metrics.registry, this.#memory);
    this.intake = new Intake(this.#log, this.metrics, logger, () => this.refusing === undefined);
    this.#subscriber = connectRedis(redisUrl, { role: 'subscriber', logger });
    this.#drains = new DrainQueue({ url: redisUrl, prefix: keyPrefix, logger });
  }

  /** Resolves when events flow: waits for Redis as long as it takes. @throws Error when the data in Redis is not ours to use */
  async start(): Promise<void> {
    while (!this.#stopped) {
      try {
        const deployment = await Deployment.open(this.#client, this.settings.keyPrefix);
        await this.#memory.start();
        await this.#run(deployment);
        return;
      } catch (error) {
        const connected = this.#client.status === 'ready';
        if (connected && !(toStorageError(error) instanceof RedisUnavailable)) throw error;
        await sleep(START_PAUSE);
      }
    }
  }

  /** The journal, once Redis was reached. */
  get journal(): Journal | undefined {
    return this.#running?.journal;
  }

  /** The registered event sources, once they were read. */
  get sources(): KnownSources | undefined {
    return this.#running?.sources.known;
  }

  /** Why events are refused although Redis is there; undefined when they are not. */
  get refusing(): string | undefined {
    return this.#memory.refusing;
  }

  /** Bodies that are worked on now. */
  get held(): number {
    return this.#running?.pipeline.held ?? 0;
  }

  /** Lets what is under way finish, for so many milliseconds. The rest stays in the journal for the next bridge. */
  async stop(millis: number): Promise<void> {
    this.#stopped = true;
    await this.intake.stop(millis / 2);
    await this.#running?.pipeline.stop(millis / 2);
    this.#running?.heartbeat.stop();
    this.#running?.parked.stop();
    this.#running?.rules.stop();
    this.#running?.sources.stop();
    await this.#running?.journal.resign().catch(() => undefined);
    this.#memory.stop();
    await this.#drains.close();
    this.#subscriber.disconnect();
    this.#client.disconnect();
  }

  /** Values that are only known by asking. */
  updateMetrics(): void {
    this.metrics.held.set(this.held);
    this.metrics.fileBytes.set(this.#log.bytes);
  }

  async #run(deployment: Deployment): Promise<void> {
    const { metrics, logger, settings } = this;
    const store = new EventRuleStore(this.#client, deployment);
    const rules = new RuleSnapshot(store, this.#subscriber, logger);
    const sources = new SourceSnapshot(new EventSourceStore(this.#client, deployment, settings.secretKey), this.#subscriber, logger);
    const owners = new SourceOwners(sources, settings);
    const handOver = new HandOver(
      new Publisher(new TopicStore(this.#client, deployment), this.#drains),
      new MessageStore(new QueueStore(this.#client, deployment), new LongPoll(this.#subscriber, deployment)),
      owners,
      (rule) => parked.hasBacklog(rule),
    );
    const journal: Journal = new Journal(this.#client, deployment, {
      consumer: `${hostname()}.${process.pid}.${randomBytes(4).toString('hex')}`,
      onEntries: (entries) => pipeline.take(entries),
      room: () => pipeline.room(),
      ...(settings.claimIdle !== undefined && { claimIdle: settings.claimIdle }),
    });
    const tags = new ObjectTags((event) => fetchTags(event, sources.get(event.source)));
    const parked: ParkedEvents = new ParkedEvents({ journal, rules, handOver, tags, statuses: store, metrics, logger });
    const pipeline = new EventPipeline({
      journal,
      rules,
      handOver,
      tags,
      store: (body) => this.intake.store(body),
      onParked: (partition, rule) => parked.start(partition, rule),
      owners,
      metrics,
      logger,
    });
    sources.start();
    rules.start((changes) => {
      handOver.forgetFailures(changes);
      parked.retry(changes);
    });
    const heartbeat = new Heartbeat(journal, parked, metrics, logger, settings.heartbeat);
    this.#running = { journal, pipeline, heartbeat, parked, rules, sources };
    this.intake.attach(journal, pipeline);
    await heartbeat.start();
  }
}

interface Running {
  readonly journal: Journal;
  readonly pipeline: EventPipeline;
  readonly heartbeat: Heartbeat;
  readonly parked: ParkedEvents;
  readonly rules: RuleSnapshot;
  readonly sources: SourceSnapshot;
}
