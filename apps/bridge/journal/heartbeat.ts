import type { Logger } from '#runtime/log.js';
import type { BridgeMetrics } from '../bridge-metrics.js';
import { HEARTBEAT, type Journal, type JournalState } from './journal.js';
import type { ParkedEvents } from '../rules/parked-events.js';

/** Looks at all partitions of the journal every few seconds; this is all that an idle bridge asks of Redis. */
export class Heartbeat {
  #timer: NodeJS.Timeout | undefined;
  #beating = false;

  constructor(
    private readonly journal: Pick<Journal, 'keep' | 'partitions'>,
    private readonly parked: Pick<ParkedEvents, 'look'>,
    private readonly metrics: BridgeMetrics,
    private readonly logger: Logger,
    /** What else is to be told to Redis now and then. */
    private readonly report: (states: readonly JournalState[]) => Promise<void>,
    private readonly interval = HEARTBEAT,
  ) {}

  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.#beat(), this.interval);
    await this.#beat();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #beat(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    try {
      const partitions = Array.from({ length: this.journal.partitions }, (_, partition) => partition);
      const states = await Promise.all(partitions.map((partition) => this.journal.keep(partition)));
      this.#show(states);
      await this.parked.look(states);
      await this.report(states);
    } catch (error) {
      this.logger.debug({ reason: String(error) }, 'the journal could not be looked at');
    } finally {
      this.#beating = false;
    }
  }

  #show(states: readonly JournalState[]): void {
    const oldest = Math.min(...states.map((state) => state.oldest ?? Infinity));
    this.metrics.journalAge.set(oldest === Infinity ? 0 : Math.max(0, (Date.now() - oldest) / 1_000));
    states.forEach((state, partition) => this.metrics.journalEntries.set({ partition }, state.entries));
  }
}
