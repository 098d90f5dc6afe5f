/** Pushes that one worker process has in flight at the most. */
const SLOTS = 2_048;

/**
 * The slots of this process for pushes in flight, shared among accounts and, inside an account, among its pending queues.
 *
 * Each may hold up to twice of what is left over, so a lone account with a huge backlog gets two thirds of all slots, two get two fifths
 * each, and whoever comes next always finds some. Slots that are given back wake those that wait, one account after the other.
 */
export class FairShare {
  readonly #held = new Map<string, number>();
  /** By account, in the order of their turns. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #free: number;

  constructor(slots = SLOTS) {
    this.#free = slots;
  }

  /** Pushes in flight, and what is reserved for a look that is under way; for metrics. */
  heldBy(account: string): number {
    return this.#held.get(account) ?? 0;
  }

  /**
   * Reserves slots for a pending queue that holds `own` of them already.
   *
   * @returns how many, 0 to `wanted`; what is not used must be given back
   */
  take(account: string, own: number, wanted: number): number {
    const held = this.heldBy(account);
    const room = 2 * this.#free - held;
    const count = Math.max(0, Math.min(wanted, this.#free, Math.ceil(room / 3), 2 * room - own));
    if (count === 0) return 0;
    this.#free -= count;
    this.#held.set(account, held + count);
    return count;
  }

  give(account: string, count: number): void {
    if (count === 0) return;
    const left = this.heldBy(account) - count;
    if (left > 0) this.#held.set(account, left);
    else this.#held.delete(account);
    this.#free += count;
    for (let turn = 0; turn < count && this.#waiting.size > 0; turn++) this.#wakeNext();
  }

  /** Calls `wake` when slots may be there. It may come back with none: others were quicker. */
  wait(account: string, wake: () => void): void {
    const line = this.#waiting.get(account);
    if (line === undefined) this.#waiting.set(account, [wake]);
    else line.push(wake);
  }

  #wakeNext(): void {
    const [account, line] = this.#waiting.entries().next().value!;
    const wake = line.shift()!;
    // Behind the others.
    this.#waiting.delete(account);
    if (line.length > 0) this.#waiting.set(account, line);
    wake();
  }
}
