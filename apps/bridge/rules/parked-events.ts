import { setTimeout as sleep } from 'node:timers/promises';
import type { BucketEvent } from '#event-rule/bucket-event.js';
import { compileMatch } from '#event-rule/event-matcher.js';
import type { EventRuleStatus } from '#event-rule/event-rule-store.js';
import type { EventRule } from '#event-rule/event-rule.js';
import type { RuleChange, RuleSet } from '#event-rule/rule-set.js';
import type { Logger } from '#runtime/log.js';
import type { BridgeMetrics } from '../bridge-metrics.js';
import type { HandOver, HandOverResult } from './hand-over.js';
import type { Journal, JournalState, ParkedRow } from '../journal/journal.js';
import type { ObjectTags } from './object-tags.js';
import { TagsUnavailable } from './store-tags.js';

/** Events handed over at the same time. */
const BATCH = 64;
/** Milliseconds until a rule is looked at again that still has parked events, none of which could be handed over. */
const STUCK_PAUSE = 30_000;

/** In place of a number of events: parked since the last look, and since the one before it. */
const JUST_PARKED = 0;
const PARKED_BEFORE = -1;

export interface ParkedEventsParts {
  readonly journal: Pick<Journal, 'readParked' | 'unpark'>;
  readonly rules: { current(): Promise<RuleSet> };
  readonly handOver: Pick<HandOver, 'deliver' | 'pausedUntil' | 'failureOf' | 'isFifo' | 'refuse'>;
  readonly tags: Pick<ObjectTags, 'complete' | 'pausedUntil'>;
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
  /** Parked events by `partition account/name`, as last seen. */
  readonly #backlogs = new Map<string, number>();
  /** By `account/name`: the source that did not tell the tags of an event in the last pass. */
  readonly #silent = new Map<string, string>();
  #keeper = false;
  #stopped = false;
  #reported: string | undefined;

  constructor(private readonly parts: ParkedEventsParts) {}

  /** Takes note of one look at all partitions of the journal. */
  async look(states: readonly JournalState[]): Promise<void> {
    this.#keeper = states[0]?.keeper === true && !this.#stopped;
    const before = new Map(this.#backlogs);
    this.#showBacklogs(states);
    if (!this.#keeper) {
      this.#endLoops();
      this.#reported = undefined;
      return;
    }
    for (const [partition, { backlogs }] of states.entries()) for (const { rule } of backlogs) this.start(partition, rule);
    await this.#advanceOrdered(before);
    await this.#report(states);
  }

  /** Whether events of a rule (`account/name`) are parked, as far as this process knows. */
  hasBacklog(rule: string): boolean {
    return [...this.#backlogs.keys()].some((name) => ruleIn(name) === rule);
  }

  /** In a FIFO queue new events line up behind parked ones: they must not wait for the next regular try. */
  async #advanceOrdered(before: ReadonlyMap<string, number>): Promise<void> {
    const grown = [...this.#backlogs].filter(([name, events]) => events > (before.get(name) ?? events)).map(([name]) => name);
    if (grown.length === 0) return;
    const rules = await this.parts.rules.current();
    this.#restart(grown.filter((name) => {
      const { account, rule } = splitName(ruleIn(name));
      const current = rules.get(account, rule);
      return current !== undefined && this.parts.handOver.isFifo(account, current) && this.parts.handOver.pausedUntil(account, current) < Date.now();
    }));
  }

  /** Begins to look after a rule, unless somebody does. */
  start(partition: number, rule: string): void {
    const name = `${partition} ${rule}`;
    if (!this.#backlogs.has(name)) this.#backlogs.set(name, JUST_PARKED);
    if (!this.#keeper || this.#loops.has(name)) return;
    const ending = new AbortController();
    this.#loops.set(name, ending);
    void this.#loop(partition, rule, ending.signal)
      .catch((error: unknown) => this.parts.logger.warn({ rule, reason: String(error) }, 'parked events could not be looked after'))
      .finally(() => {
        if (this.#loops.get(name) === ending) this.#loops.delete(name);
      });
  }

  /** Tries the events of rules that have changed again at once; without `changes` those of all. */
  retry(changes?: readonly RuleChange[]): void {
    const changed = changes && new Set(changes.map(({ account, name }) => `${account}/${name}`));
    this.#restart([...this.#loops.keys()].filter((name) => changed === undefined || changed.has(ruleIn(name))));
  }

  #restart(names: readonly string[]): void {
    for (const name of names) {
      this.#loops.get(name)?.abort();
      this.#loops.delete(name);
      this.start(Number(name.slice(0, name.indexOf(' '))), ruleIn(name));
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#keeper = false;
    this.#endLoops();
  }

  async #loop(partition: number, name: string, signal: AbortSignal): Promise<void> {
    const { rules, handOver, tags, journal, logger, metrics } = this.parts;
    const { account, rule: ruleName } = splitName(name);
    while (!signal.aborted) {
      const rule = (await rules.current()).get(account, ruleName);
      if (rule === undefined) {
        const dropped = await journal.unpark(partition, name);
        metrics.unparked.inc({ outcome: 'dropped' }, dropped);
        if (dropped > 0) logger.warn({ rule: name, events: dropped }, 'waiting events dropped: their rule was deleted');
        return;
      }
      const left = rule.enabled ? await this.#pass(partition, name, account, rule, signal) : true;
      if (!left) return;
      const silent = this.#silent.get(name);
      const paused = Math.max(handOver.pausedUntil(account, rule), silent === undefined ? 0 : tags.pausedUntil(silent)) - Date.now();
      await sleep(paused > 0 ? paused : STUCK_PAUSE, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One pass over the rule's events, oldest first; ends early when the destination cannot take any. @returns whether events are left */
  async #pass(partition: number, name: string, account: string, rule: EventRule, signal: AbortSignal): Promise<boolean> {
    const { journal, metrics } = this.parts;
    this.#silent.delete(name);
    let after = '';
    let left = false;
    // The first event alone finds out whether the destination is there.
    for (let count = 1; !signal.aborted; count = BATCH) {
      const rows = await journal.readParked(partition, name, after, count);
      if (rows.length === 0) {
        if (!left) this.#backlogs.delete(`${partition} ${name}`);
        return left;
      }
      const { done, missing } = await this.#handOver(account, rule, rows);
      if (done.length > 0) metrics.unparked.inc({ outcome: 'done' }, await journal.unpark(partition, name, done));
      if (missing) return true;
      if (done.length < rows.length) left = true;
      after = rows.at(-1)!.id;
    }
    return true;
  }

  /** Events of one object one after the other, as they came; of others at the same time. @returns ids of what was handed over */
  async #handOver(account: string, rule: EventRule, rows: readonly ParkedRow[]): Promise<{ done: string[]; missing: boolean }> {
    const done: string[] = [];
    let missing = false;
    const objects = Map.groupBy(rows, ({ event }) => `${event.source}/${event.bucket}/${event.key}`);
    await Promise.all(
      [...objects.values()].map(async (events) => {
        for (const { id, event } of events) {
          const { outcome } = await this.#deliver(account, rule, event);
          if (outcome === 'done') done.push(id);
          if (outcome !== 'destination') continue;
          missing = true;
          return;
        }
      }),
    );
    return { done, missing };
  }

  /** An event that waits because its tags could not be read is decided first; when the rule does not want it, it is done. */
  async #deliver(account: string, rule: EventRule, event: BucketEvent): Promise<HandOverResult> {
    const { handOver, tags } = this.parts;
    if (event.tagsUnread !== true) return handOver.deliver(account, rule, event, true);
    try {
      const complete = await tags.complete(event);
      return compileMatch(rule.match)(complete) ? await handOver.deliver(account, rule, complete, true) : { outcome: 'done', repeated: false };
    } catch (error) {
      if (!(error instanceof TagsUnavailable)) throw error;
      this.#silent.set(`${account}/${rule.name}`, event.source);
      return handOver.refuse(account, rule.name, error.message);
    }
  }

  #showBacklogs(states: readonly JournalState[]): void {
    this.parts.metrics.parked.reset();
    // What was parked while this look was under way may not be in it yet.
    for (const [name, events] of this.#backlogs) {
      if (events === JUST_PARKED) this.#backlogs.set(name, PARKED_BEFORE);
      else this.#backlogs.delete(name);
    }
    for (const [partition, { backlogs }] of states.entries()) {
      for (const { rule, events } of backlogs) {
        this.#backlogs.set(`${partition} ${rule}`, events);
        this.parts.metrics.parked.inc({ rule }, events);
      }
    }
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
      const { account, rule: ruleName } = splitName(name);
      const rule = rules.get(account, ruleName);
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

/** `partition account/name` → `account/name`. */
function ruleIn(name: string): string {
  return name.slice(name.indexOf(' ') + 1);
}

function splitName(name: string): { account: string; rule: string } {
  const slash = name.indexOf('/');
  return { account: name.slice(0, slash), rule: name.slice(slash + 1) };
}
