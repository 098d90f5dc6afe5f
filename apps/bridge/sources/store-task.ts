import type { EventSource } from '#event-source/event-source.js';
import type { GapStore } from '#event-source/gap-store.js';
import type { SourceStatusStore } from '#event-source/source-status-store.js';
import type { Logger } from '#runtime/log.js';
import type { BridgeMetrics } from '../bridge-metrics.js';
import { GapReporter } from './gap-reporter.js';
import { Listener, type ListenerParts } from './listener.js';
import { RulesWatch, type RulesWatchParts } from './rules-watch.js';
import { SourceStatusWriter } from './source-status-writer.js';
import type { SourceTask } from './source-task.js';
import { StoreProbe } from './store-probe.js';
import { StoreWatch } from './store-watch.js';

export interface StoreTaskParts {
  readonly statuses: SourceStatusStore;
  readonly gaps: Pick<GapStore, 'openGap'>;
  readonly listenedEvents: readonly string[];
  readonly handOn: ListenerParts['handOn'];
  /** How the notification rules of a source's buckets are read and put. */
  readonly bucketRules: (source: EventSource) => Pick<RulesWatchParts, 'hasRules' | 'putRules'>;
  readonly isKnown: (source: string) => boolean;
  readonly metrics: BridgeMetrics;
  readonly logger: Logger;
  /** Milliseconds between two looks at the store and at its rules, and between two writes of the status; see there. */
  readonly intervals?: { readonly store: number; readonly rules: number; readonly status: number };
}

/** All that the leader of a source does with its store except reading listings: watches it, looks after its rules, listens to it. */
export class StoreTask implements SourceTask {
  readonly #status: SourceStatusWriter;
  readonly #gaps: GapReporter;
  readonly #tasks: readonly SourceTask[];

  constructor(
    private readonly source: EventSource,
    fencing: number,
    private readonly parts: StoreTaskParts,
  ) {
    const { statuses, logger, metrics, intervals } = parts;
    this.#status = new SourceStatusWriter(source.name, statuses, logger, intervals?.status);
    this.#status.set({ leader: { fencing, since: Date.now() } });
    this.#gaps = new GapReporter({
      source: source.name,
      openGap: (name, gap) => parts.gaps.openGap(name, gap),
      onGap: (reason) => metrics.gapsOpened.inc({ source: source.name, reason }),
      logger,
    });
    const probe = new StoreProbe(source);
    const listener = source.ways.includes('listen') && source.credentials !== undefined ? this.#listener(probe) : undefined;
    if (listener === undefined) this.#status.set({ listen: { state: 'off', since: Date.now() } });
    const posts = source.ways.includes('durable') || source.ways.includes('fast');
    const rules = posts && source.credentials !== undefined && source.buckets.length > 0 ? this.#rulesWatch() : undefined;
    const watch = new StoreWatch({
      source,
      probe,
      gaps: this.#gaps,
      status: this.#status,
      lastProvenLive: async () => (await statuses.read(source.name)).lastProvenLive,
      ...(listener !== undefined && !source.ways.includes('durable') && { listenedUntil: () => listener.provenUntil }),
      onRestart: () => {
        listener?.retryNow();
        rules?.lookNow();
      },
      metrics,
      logger,
      ...(intervals && { interval: intervals.store }),
    });
    this.#tasks = [watch, ...(rules ? [rules] : []), ...(listener ? [listener] : [])];
  }

  start(): void {
    this.#status.start();
    for (const task of this.#tasks) task.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#tasks.map((task) => task.stop()));
    await this.#gaps.stop();
    const { statuses, isKnown } = this.parts;
    const gone = !isKnown(this.source.name);
    if (gone) this.#status.discard();
    await this.#status.stop();
    // Another store may get the name: its proof must not begin with this one's.
    if (gone) await statuses.delete(this.source.name).catch(() => undefined);
  }

  #listener(probe: StoreProbe): Listener {
    const { listenedEvents, handOn, metrics, logger } = this.parts;
    return new Listener({
      source: this.source,
      events: listenedEvents,
      handOn,
      gaps: this.#gaps,
      onStatus: (listen) => this.#status.set({ listen }),
      storeAnswers: (signal) => probe.answers(signal),
      metrics,
      logger,
    });
  }

  #rulesWatch(): RulesWatch {
    const { bucketRules, statuses, logger, intervals } = this.parts;
    return new RulesWatch({
      source: this.source,
      ...bucketRules(this.source),
      gaps: this.#gaps,
      status: this.#status,
      readStatus: () => statuses.read(this.source.name),
      logger,
      ...(intervals && { interval: intervals.rules }),
    });
  }
}
