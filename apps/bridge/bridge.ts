import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DrainQueue } from '#delivery/drain-queue.js';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import { BadInputStore } from '#event-source/bad-input-store.js';
import { CanaryStore } from '#event-source/canary-store.js';
import { isReconciled, type EventSource } from '#event-source/event-source.js';
import { EventSourceStore } from '#event-source/event-source-store.js';
import { GapStore } from '#event-source/gap-store.js';
import { InventoryRegistry } from '#event-source/inventory-registry.js';
import { SourceFiguresStore } from '#event-source/source-figures-store.js';
import { SourceLeaseStore } from '#event-source/source-lease-store.js';
import { SourceStatusStore } from '#event-source/source-status-store.js';
import { wantedEvents } from '#event-source/wanted-events.js';
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
import { bucketRules } from './sources/bucket-rules.js';
import type { WalkCounts } from './reconcile/bucket-walk.js';
import { BridgeMetrics } from './bridge-metrics.js';
import { CopyPairs } from './journal/copy-pairs.js';
import { EventPipeline } from './journal/event-pipeline.js';
import { HandOver } from './rules/hand-over.js';
import { Heartbeat } from './journal/heartbeat.js';
import { Intake } from './intake/intake.js';
import { IntakeCounters } from './intake/intake-counters.js';
import { Inventory } from './inventory/inventory.js';
import { InventorySweep } from './inventory/inventory-sweep.js';
import { Journal, type JournalState } from './journal/journal.js';
import type { Body } from './journal/journal-entry.js';
import { ObjectTags } from './rules/object-tags.js';
import { ParkedEvents } from './rules/parked-events.js';
import { Reconciler, type ReconcilerTimes } from './reconcile/reconciler.js';
import { Refusals } from './intake/refusals.js';
import { RuleSnapshot } from './rules/rule-snapshot.js';
import { SourceActivity } from './sources/source-activity.js';
import { SourceLeader } from './sources/source-leader.js';
import { SourceOwners } from './sources/source-owners.js';
import { SourceSnapshot, type KnownSources } from './sources/source-snapshot.js';
import { StateMarks } from './journal/state-marks.js';
import { StoreTask } from './sources/store-task.js';
import type { SourceTaskFactory } from './sources/source-task.js';
import { fetchTags } from './rules/store-tags.js';
import { WriteAheadLog } from './intake/write-ahead-log.js';

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
  /** For tests, which cannot wait for seconds. */
  readonly reconciler?: Partial<ReconcilerTimes>;
  /** Milliseconds between two looks for inventories that nobody wants; 30 s when absent. */
  readonly inventorySweep?: number;
  /** Bodies in one part of the journal, and bytes of the write-ahead log, beyond which bodies are refused; defaults when absent. */
  readonly journalLimit?: number;
  readonly writeAheadLimit?: number;
}

/** What can become a message; reads of objects only come by webhooks, they would be most of a stream. */
const LISTENED_EVENTS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*', 's3:LifecycleDelMarkerExpiration:Delete', 's3:ObjectTransition:*', 's3:ObjectRestore:*'];
/** Events that go to queues of one partition in one step: twice as many as requests do, because a backlog often goes to one queue. */
const SENDS_GATHERED = 128;
/** Bodies that the journal holds under everyday load, at the most: with more, what it holds is old. */
const JOURNAL_AT_REST = 200;
/** Milliseconds between two attempts to reach Redis at start. */
const START_PAUSE = 200;

/** Everything between the intake and the engine, wired together. It takes bodies from the first moment on, with or without Redis. */
export class Bridge {
  readonly metrics = new BridgeMetrics();
  readonly intake: Intake;
  /** Shared with the thread that owns the intake's socket. */
  readonly counters = new IntakeCounters();
  readonly refusals: Refusals;
  readonly #log: WriteAheadLog;
  readonly #client: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #memory: MemoryWatch;
  readonly #drains: DrainQueue;
  #running: Running | undefined;
  #onSources: (sources: KnownSources) => void = () => undefined;
  #stopped = false;

  constructor(
    private readonly settings: BridgeSettings,
    private readonly logger: Logger,
  ) {
    const { redisUrl, dataDir, keyPrefix } = settings;
    this.#log = new WriteAheadLog(join(dataDir, 'bridge'), settings.writeAheadLimit);
    this.#client = connectRedis(redisUrl, { role: 'commands', logger });
    this.#memory = new MemoryWatch(this.#client, keyPrefix, { logger, highWater: settings.redisHighWater, onTurn: () => this.#openFastIntake() });
    addMemoryMetrics(this.metrics.registry, this.#memory);
    this.intake = new Intake(this.#log, this.metrics, logger);
    this.refusals = new Refusals(logger);
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

  /** What unversioned buckets hold, once Redis was reached. */
  get inventory(): Inventory | undefined {
    return this.#running?.inventory;
  }

  /** What is noted of event sources, once Redis was reached. */
  get activity(): SourceActivity | undefined {
    return this.#running?.activity;
  }

  /** The registered event sources, once they were read. */
  get sources(): KnownSources | undefined {
    return this.#running?.sources.known;
  }

  /** Called with every state of the event sources; there is one listener. */
  onSources(listener: (sources: KnownSources) => void): void {
    this.#onSources = listener;
  }

  /** Why events are refused although Redis is there; undefined when they are not. */
  get refusing(): string | undefined {
    return this.#memory.refusing ?? this.intake.refusing;
  }

  /** What could not be used, once Redis was reached. */
  get badInput(): BadInputStore | undefined {
    return this.#running?.badInput;
  }

  /** Bodies that are worked on now. */
  get held(): number {
    return this.#running?.pipeline.held ?? 0;
  }

  /** Lets what is under way finish, for so many milliseconds. The rest stays in the journal for the next bridge. */
  async stop(millis: number): Promise<void> {
    this.#stopped = true;
    this.#openFastIntake();
    await this.#running?.leader.stop(millis / 4);
    await this.intake.stop(millis / 2);
    await this.#running?.pipeline.stop(millis / 2);
    this.#running?.heartbeat.stop();
    await this.#running?.activity.stop();
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
    this.metrics.fastUnderWay.set(this.counters.fastBodies);
    const { fastRefused, unauthorized } = this.counters.takeCounts();
    this.metrics.intake.inc({ way: 'fast', result: 'refused' }, fastRefused);
    this.metrics.unauthorized.inc(unauthorized);
  }

  /** What came the fast way could only be dropped while nobody is there to hand it on, or Redis has no room for it. */
  #openFastIntake(): void {
    this.counters.fastOpen = this.#running !== undefined && this.#memory.refusing === undefined && !this.#stopped;
  }

  async #report(states: readonly JournalState[], { badInput, activity, copies, sweep }: Reported): Promise<void> {
    if (states[0]?.keeper === true) sweep.look(Date.now());
    await this.refusals.write(badInput);
    await activity.noteJournal(states);
    await copies.look(states);
  }

  async #run(deployment: Deployment): Promise<void> {
    const { metrics, logger, settings } = this;
    const store = new EventRuleStore(this.#client, deployment);
    const rules = new RuleSnapshot(store, this.#subscriber, logger);
    const sources = new SourceSnapshot(new EventSourceStore(this.#client, deployment, settings.secretKey), this.#subscriber, logger);
    const owners = new SourceOwners(sources, settings);
    const activity = new SourceActivity({
      figures: new SourceFiguresStore(this.#client, deployment),
      canaries: new CanaryStore(this.#client, deployment),
      sources,
      metrics,
    });
    const handOver = new HandOver(
      new Publisher(new TopicStore(this.#client, deployment), this.#drains),
      new MessageStore(new QueueStore(this.#client, deployment), new LongPoll(this.#subscriber, deployment), SENDS_GATHERED),
      owners,
      (rule) => parked.hasBacklog(rule),
    );
    const consumer = `${hostname()}.${process.pid}.${randomBytes(4).toString('hex')}`;
    const journal: Journal = new Journal(this.#client, deployment, {
      consumer,
      onEntries: (entries) => pipeline.take(entries),
      room: () => pipeline.room(),
      ...(settings.claimIdle !== undefined && { claimIdle: settings.claimIdle }),
      ...(settings.journalLimit !== undefined && { limit: settings.journalLimit }),
    });
    const gaps = new GapStore(this.#client, deployment);
    const copies = new CopyPairs({
      client: this.#client,
      deployment,
      sources,
      openGap: async (source, gap) => void (await gaps.openGap(source, gap)),
      metrics,
      logger,
    });
    const tags = new ObjectTags((event) => fetchTags(event, sources.get(event.source)));
    const parked: ParkedEvents = new ParkedEvents({ journal, rules, handOver, tags, statuses: store, metrics, logger });
    const marks = new StateMarks(journal, (source) => isReconciled(sources.get(source)));
    const inventory = new Inventory(this.#client, deployment, journal, sources);
    const inventories = new InventoryRegistry(this.#client, deployment);
    const sweep = new InventorySweep(inventory, inventories, sources, logger, settings.inventorySweep);
    const pipeline = new EventPipeline({
      journal,
      inventory,
      rules,
      handOver,
      tags,
      states: marks,
      store: (body) => this.intake.store(body),
      onParked: (partition, rule) => parked.start(partition, rule),
      owners,
      copies,
      activity,
      metrics,
      logger,
    });
    const leader = new SourceLeader({
      leases: new SourceLeaseStore(this.#client, deployment, consumer),
      sources,
      tasks: this.#sourceTasks(deployment, { rules: store, sources, activity, gaps, journal, marks, inventory, inventories }),
      onLeading: (count) => metrics.leading.set(count),
      logger,
    });
    sources.onChange((known) => this.#onSources(known));
    sources.start();
    rules.start((changes) => {
      handOver.forgetFailures(changes);
      parked.retry(changes);
    });
    const badInput = new BadInputStore(this.#client, deployment);
    const heartbeat = new Heartbeat(journal, parked, metrics, logger, (states) => this.#report(states, { badInput, activity, copies, sweep }), settings.heartbeat);
    this.#running = { journal, inventory, pipeline, heartbeat, parked, rules, sources, activity, badInput, leader };
    this.intake.attach(journal, pipeline, async (since) => {
      // Whose events they were, nobody can tell.
      const reconciled = [...(await sources.current()).byName.values()].filter(isReconciled);
      for (const { name } of reconciled) await gaps.openGap(name, { reason: 'journal-damaged', since });
    });
    this.#openFastIntake();
    leader.start();
    await heartbeat.start();
  }

  /** What the leader of a source does. */
  #sourceTasks(deployment: Deployment, { rules, sources, activity, gaps, ...reconciled }: TaskParts): SourceTaskFactory {
    const wanted = async ({ name, account }: EventSource): Promise<string[]> => {
      const { rules: all } = await rules.all();
      return wantedEvents(name, all.filter((owned) => owned.account === account).map(({ rule }) => rule));
    };
    const statuses = new SourceStatusStore(this.#client, deployment);
    const storeParts = {
      statuses,
      gaps,
      listenedEvents: LISTENED_EVENTS,
      handOn: (body: Body, by: 'memory' | 'journal') => {
        activity.taken(body, 'listen');
        return by === 'memory' ? this.intake.takeFast(body) : this.intake.store(body);
      },
      bucketRules: (source: EventSource) => bucketRules(source, () => wanted(source)),
      isKnown: (source: string) => sources.get(source) !== undefined,
      metrics: this.metrics,
      logger: this.logger,
    };
    const { logger, metrics } = this;
    return (source, fencing) => {
      const watch = new StoreTask(source, fencing, storeParts);
      if (!isReconciled(source)) return [watch];
      const onCounts = (counts: WalkCounts): void => {
        for (const result of ['listed', 'found', 'told'] as const) metrics.reconciled.inc({ source: source.name, result }, counts[result]);
      };
      const queue = async () => (source.ways.includes('durable') ? (await statuses.read(source.name)).store : undefined);
      const isBehind = async () => this.#log.bytes > 0 || (await reconciled.journal.length()) > JOURNAL_AT_REST;
      return [watch, new Reconciler(source, { gaps, queue, isBehind, ...reconciled, onCounts, logger, ...(this.settings.reconciler && { times: this.settings.reconciler }) })];
    };
  }
}

/** What the tasks of sources share with the rest. */
interface TaskParts {
  readonly rules: EventRuleStore;
  readonly sources: SourceSnapshot;
  readonly activity: SourceActivity;
  readonly gaps: GapStore;
  readonly journal: Journal;
  readonly marks: StateMarks;
  readonly inventory: Inventory;
  readonly inventories: InventoryRegistry;
}

/** What the heartbeat goes on to. */
interface Reported extends Pick<Running, 'badInput' | 'activity'> {
  readonly copies: CopyPairs;
  readonly sweep: InventorySweep;
}

interface Running {
  readonly journal: Journal;
  readonly inventory: Inventory;
  readonly pipeline: EventPipeline;
  readonly heartbeat: Heartbeat;
  readonly parked: ParkedEvents;
  readonly rules: RuleSnapshot;
  readonly sources: SourceSnapshot;
  readonly activity: SourceActivity;
  readonly badInput: BadInputStore;
  readonly leader: SourceLeader;
}
