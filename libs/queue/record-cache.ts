/** A step's answer: the record it was given is out of date. */
export const STALE = Symbol('stale');

/** How often a step is repeated because somebody changed the record in between. */
const STALE_RETRIES = 5;

export interface RecordRules<R> {
  /** What the records are of, for messages. */
  readonly what: string;
  /** Records kept in this process. A stale one costs a second round trip and no more: scripts compare the version they are given. */
  readonly size: number;
  /** Reads a record anew and puts it into the cache. */
  readonly load: (account: string, name: string) => Promise<R>;
  readonly isSame: (one: R, other: R) => boolean;
  /** Whether an error is a refusal that depends on the record: one from the cache is no reason to refuse something. */
  readonly judgesByRecord: (error: unknown) => boolean;
}

/** Records of queues or topics by account and name, and the rule by which those that may be stale are used all the same. */
export class RecordCache<R> {
  readonly #records = new Map<string, R>();

  constructor(private readonly rules: RecordRules<R>) {}

  set(account: string, name: string, record: R): void {
    if (this.#records.size >= this.rules.size) this.#records.delete(this.#records.keys().next().value!);
    this.#records.set(`${account}/${name}`, record);
  }

  forget(account: string, name: string): void {
    this.#records.delete(`${account}/${name}`);
  }

  /**
   * Runs a step with a record; when the step finds the record stale, or refuses something by a record that is stale, again with a fresh
   * one.
   * @throws what `load` and the step throw
   */
  async use<T>(account: string, name: string, step: (record: R) => Promise<T | typeof STALE>): Promise<T> {
    const { load, judgesByRecord, what } = this.rules;
    const cached = this.#records.get(`${account}/${name}`);
    let record = cached ?? (await load(account, name));
    for (let attempt = 0; attempt < STALE_RETRIES; attempt++) {
      try {
        const result = await step(record);
        if (result !== STALE) return result;
      } catch (error) {
        if (record !== cached || !judgesByRecord(error) || (await this.isCurrent(account, name, record))) throw error;
      }
      record = await load(account, name);
    }
    throw new Error(`${what} ${name} changes faster than it can be read`);
  }

  /** Whether a record is what Redis has: for those who refuse something without asking a script. @throws what `load` throws */
  async isCurrent(account: string, name: string, record: R): Promise<boolean> {
    return this.rules.isSame(record, await this.rules.load(account, name));
  }
}
