import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { storage } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { readEventRule, type EventRule } from './event-rule.js';
import type { OwnedRule, RuleChange } from './rule-set.js';

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

export interface RuleList {
  readonly rules: EventRule[];
  /** Absent: there are no more. */
  readonly nextMarker?: string;
}

/** Rules at the one moment that `version` names. */
interface RuleDocuments {
  readonly version: number;
  /** `account/name` of rules that this release cannot read; a newer one wrote them. */
  readonly unreadable: readonly string[];
}
export interface AllRules extends RuleDocuments {
  readonly rules: readonly OwnedRule[];
}
export interface ChangedRules extends RuleDocuments {
  readonly changes: readonly RuleChange[];
}

/** Rules that are read at a time. */
const PAGE = 1_000;
/** Changes that a process may have missed and still learns one by one; with more it reads all rules again. */
const REMEMBERED = 1_000;
const SCRIPTS = {
  change: new LuaScript(new URL('./commands/changeEventRule-1.lua', import.meta.url)),
  changes: new LuaScript(new URL('./commands/readEventRuleChanges-1.lua', import.meta.url)),
};

/**
 * The event rules of a deployment, in five keys of one slot:
 *
 * - `<prefix>:{event-rules}` hash, `account/name` → JSON
 * - `…:names` sorted set of `account/name`, for pages in order
 * - `…:version` counter, raised by every change
 * - `…:changes` sorted set of `account/name` by the version of the last change, the last thousand versions
 * - `…:status` hash, `account/name` → JSON of `EventRuleStatus`, written by the bridge
 *
 * A change is also announced on the channel `…:changed`. That is a hint; `version` is the truth.
 */
export class EventRuleStore {
  readonly #key: string;

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
  async put(account: string, rule: EventRule): Promise<'created' | 'changed' | 'unchanged'> {
    const json = JSON.stringify(rule);
    const before = await this.#change(`${account}/${rule.name}`, json);
    if (before === json) return 'unchanged';
    return before === '' ? 'created' : 'changed';
  }

  get(account: string, name: string): Promise<EventRule | undefined> {
    return storage(async () => {
      const json = await this.client.hget(this.#key, `${account}/${name}`);
      return json === null ? undefined : readEventRule(name, JSON.parse(json));
    });
  }

  /** Events that wait for the rule's destination are dropped with it. @returns false when there was no such rule. */
  async delete(account: string, name: string): Promise<boolean> {
    return (await this.#change(`${account}/${name}`, '')) !== '';
  }

  /** Rules of the account in order of their names; with `wanted` only those, for which all of them are read. */
  async list(account: string, { prefix = '', marker, limit = PAGE }: RulePage, wanted?: (rule: EventRule) => boolean): Promise<RuleList> {
    const found: EventRule[] = [];
    let last = marker;
    for (let rest = true; rest && found.length <= limit; ) {
      const read = await this.#page(account, prefix, last, wanted === undefined ? limit - found.length + 1 : PAGE);
      found.push(...(wanted === undefined ? read.rules : read.rules.filter(wanted)));
      last = read.last;
      rest = read.rest;
    }
    return { rules: found.slice(0, limit), ...(found.length > limit && { nextMarker: found[limit - 1]!.name }) };
  }

  #page(account: string, prefix: string, marker: string | undefined, count: number): Promise<{ rules: EventRule[]; last: string | undefined; rest: boolean }> {
    return storage(async () => {
      const start = `${account}/${prefix}`;
      const from = marker !== undefined && `${account}/${marker}` > start ? `(${account}/${marker}` : `[${start}`;
      const fields = await this.client.zrangebylex(`${this.#key}:names`, from, `(${start}\x7f`, 'LIMIT', 0, count);
      const documents = fields.length === 0 ? [] : await this.client.hmget(this.#key, ...fields);
      const rules = fields.flatMap((field, index) => {
        const json = documents[index];
        return json ? [readEventRule(nameIn(field), JSON.parse(json))] : [];
      });
      return { rules, last: fields.length === 0 ? marker : nameIn(fields.at(-1)!), rest: fields.length === count };
    });
  }

  /** Changes whenever a rule changes; cheap to ask for. */
  version(): Promise<number> {
    return storage(async () => Number(await this.client.get(`${this.#key}:version`)));
  }

  all(): Promise<AllRules> {
    return storage(async () => {
      const [version, documents] = await execute(this.client.multi().get(`${this.#key}:version`).hgetall(this.#key));
      const found = Object.entries(documents as Record<string, string>).map(([field, json]) => ({ field, rule: readStored(field, json) }));
      return {
        version: Number(version),
        rules: found.flatMap(({ field, rule }) => (rule === undefined ? [] : [{ account: accountIn(field), rule }])),
        unreadable: found.flatMap(({ field, rule }) => (rule === undefined ? [field] : [])),
      };
    });
  }

  /** What changed after a version; undefined when that is too long ago. A rule that cannot be read counts as deleted. */
  changedSince(version: number): Promise<ChangedRules | undefined> {
    return storage(async () => {
      const [current, ...pairs] = (await SCRIPTS.changes.run(this.client, [this.#key], [version, REMEMBERED])) as [number, ...(Buffer | null)[]];
      if (pairs[0] === null) return undefined;
      const changes: RuleChange[] = [];
      const unreadable: string[] = [];
      for (let at = 0; at < pairs.length; at += 2) {
        const [field, json] = [String(pairs[at]), String(pairs[at + 1])];
        const rule = json === '' ? undefined : readStored(field, json);
        if (json !== '' && rule === undefined) unreadable.push(field);
        changes.push({ account: accountIn(field), name: nameIn(field), ...(rule !== undefined && { rule }) });
      }
      return { version: current, changes, unreadable };
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

  /** @returns what there was before */
  #change(field: string, json: string): Promise<string> {
    return storage(async () => {
      const [before, version] = (await SCRIPTS.change.run(this.client, [this.#key], [field, json, REMEMBERED])) as [Buffer, number];
      // A lost announcement is made good by the next look at the version.
      if (String(before) !== json) await this.client.publish(this.changes, String(version)).catch(() => undefined);
      return String(before);
    });
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

function accountIn(field: string): string {
  return field.slice(0, field.indexOf('/'));
}

function nameIn(field: string): string {
  return field.slice(field.indexOf('/') + 1);
}
