import type { EventRuleStore } from '#event-rule/event-rule-store.js';
import { RuleSet, type RuleChange } from '#event-rule/rule-set.js';
import type { RedisClient } from '#redis/redis-client.js';
import type { Logger } from '#runtime/log.js';
import { FollowedState } from '../followed-state.js';

/** Told which rules changed; undefined: perhaps any of them. */
export type OnRuleChange = (changes: readonly RuleChange[] | undefined) => void;

/** The rules as of some version. */
interface Snapshot {
  readonly version: number;
  readonly rules: RuleSet;
}

/**
 * The rules that this process matches against. Every event is matched against one state of all rules, and against one that is at
 * least as new as the event: a rule that was stored before an object was written applies to it.
 */
export class RuleSnapshot {
  #snapshot: Snapshot | undefined;
  #loading: Promise<Snapshot> | undefined;
  readonly #followed: FollowedState<RuleSet>;
  #onChange: OnRuleChange = () => undefined;

  constructor(
    private readonly store: EventRuleStore,
    subscriber: RedisClient,
    private readonly logger: Logger,
  ) {
    this.#followed = new FollowedState({ subscriber, channel: store.changes, read: () => this.#readCurrent(), what: 'rule', logger });
  }

  /** Follows changes until `stop`; each of them calls `onChange` once its state is there. Does not wait for Redis. */
  start(onChange: OnRuleChange): void {
    this.#onChange = onChange;
    this.#followed.start();
  }

  stop(): void {
    this.#followed.stop();
  }

  /**
   * The rules as they were at the time of this call or later. Calls at the same time share one question to Redis.
   * @throws RedisUnavailable
   */
  current(): Promise<RuleSet> {
    return this.#followed.current();
  }

  async #readCurrent(): Promise<RuleSet> {
    const held = this.#snapshot;
    const version = await this.store.version();
    // A Redis that lost its last writes is behind what it said before: what we hold is not its state any more.
    if (held !== undefined && held === this.#snapshot && held.version > version) this.#snapshot = undefined;
    let snapshot = this.#snapshot;
    // A load that was under way when the version was read may bring an older state: then once more.
    while (snapshot === undefined || snapshot.version < version) snapshot = await this.#load(version);
    return snapshot.rules;
  }

  #load(version: number): Promise<Snapshot> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading.catch((error: unknown) => {
      this.logger.warn({ version, reason: String(error) }, 'event rules could not be read');
      throw error;
    });
  }

  /** Reads what has changed since the last time; all rules when that is too much, or at first. */
  async #read(): Promise<Snapshot> {
    const known = this.#snapshot;
    const changed = known && (await this.store.changedSince(known.version));
    const { version, unreadable, ...read } = changed ?? (await this.store.all());
    if (unreadable.length > 0) this.logger.error({ rules: unreadable }, 'event rules that this release cannot read are not applied');
    const rules = known !== undefined && 'changes' in read ? known.rules.with(read.changes) : RuleSet.of('rules' in read ? read.rules : []);
    this.#snapshot = { version, rules };
    this.logger.debug({ version, changed: changed?.changes.length }, 'event rules read');
    this.#onChange(changed?.changes);
    return this.#snapshot;
  }
}
