import { setTimeout as sleep } from 'node:timers/promises';
import type { EventRuleStatus } from '#event-rule/event-rule-store.js';
import type { EventRule } from '#event-rule/event-rule.js';
import type { RuleSet } from '#event-rule/rule-set.js';
import type { Logger } from '#runtime/log.js';
import type { BridgeMetrics } from './bridge-metrics.js';
import type { HandOver } from './hand-over.js';
import type { Journal, JournalState } from './journal.js';

/** Events handed over at the same time. */
const BATCH = 64;
/** Milliseconds until a rule is looked at again that still has parked events, none of which could be handed over. */
const STUCK_PAUSE = 30_000;

export interface ParkedEventsParts {
  readonly journal: Pick<Journal, 'readParked' | 'unpark'>;
  readonly rules: { current(): Promise<RuleSet> };
  readonly handOver: Pick<HandOver, 'deliver' | 'pausedUntil' | 'failureOf'>;
  readonly statuses: { replaceStatuses(statuses: ReadonlyMap<string, EventRuleStatus>): Promise<void> };
  readonly metrics: BridgeMetrics;
  readonly logger: Logger;
}

/**
 * Looks after events whose destination could not take them, one loop per rule that has any, so that no rule waits for another. They go
 * where the rule points now: mending the rule, or making the topic or queue it names, lets them flow. Events of a rule that was
 * deleted are dropped; those of a disabled rule wait.
 *
 * One process of the deployment does this, the keeper of the journal's first partition.
 */
export class ParkedEvents {
  readonly #loops = new Map<string, AbortController>();
  #keeper = false;
  #stopped = false;
  #reported: string | undefined;

  constructor(private readonly parts: ParkedEventsParts) {}

  /** Takes note of one look at all partitions of the journal. */
  async look(states: readonly JournalState[]): Promise<void> {
    this.#keeper = states[0]?.keeper === true && !this.#stopped;
    this.#showBacklogs(states);
    if (!this.#keeper) {
      this.#endLoops();
      this.#reported = undefined;
      return;
    }
    for (const [partition, { backlogs }] of states.entries()) for (const { rule } of backlogs) this.start(partition, rule);
    await this.#report(states);
  }

  /** Begins to look after a rule, unless somebody does. */
  start(partition: number, rule: string): void {
    const name = `${partition} ${rule}`;
    if (!this.#keeper || this.#loops.has(name)) return;
    const ending = new AbortController();
    this.#loops.set(name, ending);
    void this.#loop(partition, rule, ending.signal)
      .catch((error: unknown) => this.parts.logger.warn({ rule, reason: String(error) }, 'parked events could not be looked after'))
      .finally(() => {
        if (this.#loops.get(name) === ending) this.#loops.delete(name);
      });
  }

  /** Tries everything again at once: a rule has changed. */
  retryAll(): void {
    const names = [...this.#loops.keys()];
    this.#endLoops();
    for (const name of names) this.start(Number(name.slice(0, name.indexOf(' '))), name.slice(name.indexOf(' ') + 1));
  }

  stop(): void {
    this.#stopped = true;
    this.#keeper = false;
    this.#endLoops();
  }

  async #loop(partition: number, name: string, signal: AbortSignal): Promise<void> {
    const { rules, handOver, journal, logger, metrics } = this.parts;
    const account = name.slice(0, name.indexOf('/'));
    while (!signal.aborted) {
      const rule = (await rules.current()).get(account, name.slice(account.length + 1));
      if (rule === undefined) {
        const dropped = await journal.unpark(partition, name);
        metrics.unparked.inc({ outcome: 'dropped' }, dropped);
        if (dropped > 0) logger.warn({ rule: name, events: dropped }, 'waiting events dropped: their rule was deleted');
        return;
      }
      const left = rule.enabled ? await this.#pass(partition, name, account, rule, signal) : true;
      if (!left) return;
      const paused = handOver.pausedUntil(account, rule) - Date.now();
      await sleep(paused > 0 ? paused : STUCK_PAUSE, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One pass over the rule's events, oldest first; ends early when the destination cannot take any. @returns whether events are left */
  async #pass(partition: number, name: string, account: string, rule: EventRule, signal: AbortSignal): Promise<boolean> {
    const { journal, handOver, metrics } = this.parts;
    let after = '';
    let left = false;
    // The first event alone finds out whether the destination is there.
    for (let count = 1; !signal.aborted; count = BATCH) {
      const rows = await journal.readParked(partition, name, after, count);
      if (rows.length === 0) return left;
      const results = await Promise.all(rows.map(({ event }) => handOver.deliver(account, rule, event, true)));
      const done = rows.filter((_, index) => results[index]!.outcome === 'done').map(({ id }) => id);
      if (done.length > 0) metrics.unparked.inc({ outcome: 'done' }, await journal.unpark(partition, name, done));
      if (results.some(({ outcome }) => outcome === 'destination')) return true;
      if (done.length < rows.length) left = true;
      after = rows.at(-1)!.id;
    }
    return true;
  }

  #showBacklogs(states: readonly JournalState[]): void {
    this.parts.metrics.parked.reset();
    for (const { backlogs } of states) for (const { rule, events } of backlogs) this.parts.metrics.parked.inc({ rule }, events);
  }

  async #report(states: readonly JournalState[]): Promise<void> {
    const statuses = await this.#statuses(states);
    const text = JSON.stringify([...statuses]);
    if (text === this.#reported) return;
    await this.parts.statuses.replaceStatuses(statuses);
    this.#reported = text;
  }

  async #statuses(states: readonly JournalState[]): Promise<Map<string, EventRuleStatus>> {
    const statuses = new Map<string, EventRuleStatus>();
    const backlogs = states.flatMap((state) => state.backlogs);
    if (backlogs.length === 0) return statuses;
    const rules = await this.parts.rules.current();
    for (const { rule: name, events, since } of backlogs) {
      const account = name.slice(0, name.indexOf('/'));
      const rule = rules.get(account, name.slice(account.length + 1));
      const before = statuses.get(name);
      const reason = rule?.enabled === false ? 'the rule is disabled' : rule && this.parts.handOver.failureOf(account, rule);
      statuses.set(name, {
        waitingEvents: events + (before?.waitingEvents ?? 0),
        waitingSince: Math.min(since, before?.waitingSince ?? since),
        ...(reason !== undefined && { reason }),
      });
    }
    return statuses;
  }

  #endLoops(): void {
    for (const ending of this.#loops.values()) ending.abort();
    this.#loops.clear();
  }
}
