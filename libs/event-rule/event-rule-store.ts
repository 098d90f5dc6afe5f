import type { Deployment } from '#redis/deployment.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { readEventRule, type EventRule } from './event-rule.js';
import type { OwnedRule } from './rule-set.js';

/** How a rule fares: events that matched it and wait because they could not be handed over. */
export interface EventRuleStatus {
  readonly waitingEvents: number;
  /** Why the last hand-over failed; absent while nothing waits. */
  readonly reason?: string;
  /** Milliseconds since the epoch: when the oldest waiting event was put aside. */
  readonly waitingSince?: number;
}

export interface RulePage {
  readonly prefix?: string;
  /** As the page before gave it; start behind it. */
  readonly marker?: string;
  /** 1 to 1,000. */
  readonly limit?: number;
}

interface ParsedRule {
  readonly json: string;
  readonly rule: EventRule;
}

/** All rules at one moment, or a little later than `version` says. */
export interface RuleDocuments {
  readonly version: number;
  readonly rules: readonly OwnedRule[];
  /** `account/name` of rules that this release cannot read; a newer one wrote them. */
  readonly unreadable: readonly string[];
}

/**
 * The event rules of a deployment, in four keys of one slot:
 *
 * - `<prefix>:{event-rules}` hash, `account/name` → JSON
 * - `…:names` sorted set of `account/name`, for pages in order
 * - `…:version` counter, raised by every change
 * - `…:status` hash, `account/name` → JSON of `EventRuleStatus`, written by the bridge
 *
 * A change is also announced on the channel `…:changed`. That is a hint; `version` is the truth.
 */
export class EventRuleStore {
  readonly #key: string;
  /** Rules as `all` last read them: most are the same the next time. */
  #parsed = new Map<string, ParsedRule>();

  constructor(
    private readonly client: RedisClient,
    deployment: Deployment,
  ) {
    this.#key = `${deployment.prefix}:{event-rules}`;
  }

  /** The channel on which changes are announced. */
  get changes(): string {
    return `${this.#key}:changed`;
  }

  /** When it returns, every event that arrives from now on is matched against the new rule. */
  put(account: string, rule: EventRule): Promise<'created' | 'changed' | 'unchanged'> {
    return storage(async () => {
      const field = `${account}/${rule.name}`;
      const json = JSON.stringify(rule);
      const before = await this.client.hget(this.#key, field);
      if (before === json) return 'unchanged';
      await this.#change((multi) => multi.hset(this.#key, field, json).zadd(`${this.#key}:names`, 0, field));
      return before === null ? 'created' : 'changed';
    });
  }

  get(account: string, name: string): Promise<EventRule | undefined> {
    return storage(async () => {
      const json = await this.client.hget(this.#key, `${account}/${name}`);
      return json === null ? undefined : readEventRule(name, JSON.parse(json));
    });
  }

  /** Events that wait for the rule's destination are dropped with it. @returns false when there was no such rule. */
  delete(account: string, name: string): Promise<boolean> {
    return storage(async () => {
      const field = `${account}/${name}`;
      if ((await this.client.hexists(this.#key, field)) === 0) return false;
      await this.#change((multi) => multi.hdel(this.#key, field).zrem(`${this.#key}:names`, field).hdel(`${this.#key}:status`, field));
      return true;
    });
  }

  /** Rules of the account in order of their names. */
  list(account: string, { prefix = '', marker, limit = 1_000 }: RulePage): Promise<{ rules: EventRule[]; nextMarker?: string }> {
    return storage(async () => {
      const start = `${account}/${prefix}`;
      const from = marker !== undefined && `${account}/${marker}` > start ? `(${account}/${marker}` : `[${start}`;
      const fields = await this.client.zrangebylex(`${this.#key}:names`, from, `(${start}\x7f`, 'LIMIT', 0, limit + 1);
      const page = fields.slice(0, limit);
      const documents = page.length === 0 ? [] : await this.client.hmget(this.#key, ...page);
      const rules = page.flatMap((field, index) => {
        const json = documents[index];
        return json ? [readEventRule(nameIn(field), JSON.parse(json))] : [];
      });
      return { rules, ...(fields.length > limit && { nextMarker: nameIn(page.at(-1)!) }) };
    });
  }

  /** Changes whenever a rule changes; cheap to ask for. */
  version(): Promise<number> {
    return storage(async () => Number(await this.client.get(`${this.#key}:version`)));
  }

  all(): Promise<RuleDocuments> {
    return storage(async () => {
      const version = await this.version();
      const documents = await this.client.hgetall(this.#key);
      const parsed = new Map<string, ParsedRule>();
      const rules: OwnedRule[] = [];
      const unreadable: string[] = [];
      for (const [field, json] of Object.entries(documents)) {
        const known = this.#parsed.get(field);
        const rule = known?.json === json ? known.rule : readStored(field, json);
        if (rule === undefined) {
          unreadable.push(field);
          continue;
        }
        parsed.set(field, { json, rule });
        rules.push({ account: field.slice(0, field.indexOf('/')), rule });
      }
      this.#parsed = parsed;
      return { version, rules, unreadable };
    });
  }

  status(account: string, name: string): Promise<EventRuleStatus> {
    return storage(async () => {
      const json = await this.client.hget(`${this.#key}:status`, `${account}/${name}`);
      return json === null ? { waitingEvents: 0 } : (JSON.parse(json) as EventRuleStatus);
    });
  }

  /** Written by the one bridge that looks after waiting events: by `account/name`, all rules that have any. */
  replaceStatuses(statuses: ReadonlyMap<string, EventRuleStatus>): Promise<void> {
    return storage(async () => {
      const key = `${this.#key}:status`;
      const multi = this.client.multi().del(key);
      for (const [field, status] of statuses) multi.hset(key, field, JSON.stringify(status));
      await execute(multi);
    });
  }

  async #change(steps: (multi: Transaction) => Transaction): Promise<void> {
    const results = await execute(steps(this.client.multi()).incr(`${this.#key}:version`));
    // A lost announcement is made good by the next look at the version.
    await this.client.publish(this.changes, String(results.at(-1))).catch(() => undefined);
  }
}

type Transaction = ReturnType<RedisClient['multi']>;

/** The library answers an error as a value; here it is thrown. */
async function execute(multi: Transaction): Promise<unknown[]> {
  const results = (await multi.exec()) ?? [];
  return results.map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}

function readStored(field: string, json: string): EventRule | undefined {
  try {
    return readEventRule(nameIn(field), JSON.parse(json));
  } catch {
    return undefined;
  }
}

function nameIn(field: string): string {
  return field.slice(field.indexOf('/') + 1);
}
