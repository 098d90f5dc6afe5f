const CELLS = { fastOpen: 0, fastBodies: 1, fastBytes: 2, fastRefused: 3, unauthorized: 4 };

/**
 * What the intake's thread and the main thread must both know at any moment, in memory that they share: neither waits for the other to
 * learn it.
 */
export class IntakeCounters {
  readonly #cells: Int32Array;

  /** @param memory of the counters of the other thread */
  constructor(readonly memory = new SharedArrayBuffer(Object.keys(CELLS).length * Int32Array.BYTES_PER_ELEMENT)) {
    this.#cells = new Int32Array(memory);
  }

  /** Whether bodies are taken the fast way: somebody is there to hand them on, and Redis has room for them. */
  get fastOpen(): boolean {
    return Atomics.load(this.#cells, CELLS.fastOpen) === 1;
  }

  set fastOpen(open: boolean) {
    Atomics.store(this.#cells, CELLS.fastOpen, open ? 1 : 0);
  }

  /** Bodies that were answered and are not handed over yet. */
  get fastBodies(): number {
    return Atomics.load(this.#cells, CELLS.fastBodies);
  }

  get fastBytes(): number {
    return Atomics.load(this.#cells, CELLS.fastBytes);
  }

  fastTaken(bytes: number): void {
    Atomics.add(this.#cells, CELLS.fastBodies, 1);
    Atomics.add(this.#cells, CELLS.fastBytes, bytes);
  }

  fastDone(bytes: number): void {
    Atomics.sub(this.#cells, CELLS.fastBodies, 1);
    Atomics.sub(this.#cells, CELLS.fastBytes, bytes);
  }

  fastRefused(): void {
    Atomics.add(this.#cells, CELLS.fastRefused, 1);
  }

  unauthorized(): void {
    Atomics.add(this.#cells, CELLS.unauthorized, 1);
  }

  /** What was counted since the last call. */
  takeCounts(): { fastRefused: number; unauthorized: number } {
    return { fastRefused: Atomics.exchange(this.#cells, CELLS.fastRefused, 0), unauthorized: Atomics.exchange(this.#cells, CELLS.unauthorized, 0) };
  }
}
