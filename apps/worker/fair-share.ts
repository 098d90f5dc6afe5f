/** Pushes that one worker process has in flight at the most. */
const SLOTS = 4_096;
/** Part of what is left to an account that one of its pending queues may hold: a whole window while half of it is left. */
const QUEUE_PART = 64;

/**
 * The slots of this process for pushes in flight, shared among accounts and, inside an account, among its pending queues.
 *
 * Each account may hold up to twice of what is left over: a lone one with a huge backlog two thirds of all slots, two of them two fifths
 * each, and whoever comes next finds some at once. A queue may hold a 64th of what is left to its account, so that hundreds of endpoints
 * that hang leave something to the others, and one slot almost always. Those that wait are woken one account after the other when slots
 * are given back, so all of them proceed at the same pace.
 */
export class FairShare {
  readonly #held = new Map<string, number>();
  /** By account, in the order of their turns. */
  readonly #waiting = new Map<string, Set<() => void>>();
  #free: number;
  /** Slots for accounts that have less than their share. */
  readonly #kept: number;

  constructor(slots = SLOTS) {
    this.#free = slots;
    this.#kept = slots / 4;
  }

  heldBy(account: string): number {
    return this.#held.get(account) ?? 0;
  }

  /**
   * Reserves slots for a pending queue that holds `own` of them already.
   *
   * @returns how many, 0 to `wanted`; what is not used must be given back
   */
  take(account: string, own: number, wanted: number): number {
    const room = 2 * this.#free - this.heldBy(account);
    // Each slot that is taken makes the room smaller by three.
    const share = Math.floor(Math.min(room / 3, room / QUEUE_PART - own));
    const least = own === 0 && (room > 0 || this.#free > this.#kept) ? 1 : 0;
    const count = Math.min(wanted, this.#free, Math.max(least, share));
    this.#hold(account, count);
    return count;
  }

  /** Slots were taken before it was known for whom. */
  transfer(from: string, to: string, count: number): void {
    this.#hold(from, -count);
    this.#hold(to, count);
  }

  give(account: string, count: number): void {
    this.#hold(account, -count);
    for (let turn = 0; turn < count && this.#waiting.size > 0; turn++) this.#wakeNext();
  }

  /** Calls `wake` once when slots may be there. Whoever comes back may find none: others were quicker. */
  wait(account: string, wake: () => void): void {
    const line = this.#waiting.get(account);
    if (line === undefined) this.#waiting.set(account, new Set([wake]));
    else line.add(wake);
  }

  leave(account: string, wake: () => void): void {
    const line = this.#waiting.get(account);
    if (line?.delete(wake) === true && line.size === 0) this.#waiting.delete(account);
  }

  #hold(account: string, count: number): void {
    if (count === 0) return;
    const held = this.heldBy(account) + count;
    if (held > 0) this.#held.set(account, held);
    else this.#held.delete(account);
    this.#free -= count;
  }

  #wakeNext(): void {
    const [account, line] = this.#waiting.entries().next().value!;
    const [wake] = line;
    line.delete(wake!);
    // Behind the others.
    this.#waiting.delete(account);
    if (line.size > 0) this.#waiting.set(account, line);
    wake!();
  }
}
