/** Bodies in one append from which on senders queue up for the journal. A store that sends now and then never gets there. */
const BURST = 8;
/** Milliseconds without such an append after which a burst is over. */
const QUIET = 50;
/** A burst is favoured for so many milliseconds and bodies at the most; then hand-over catches up first. */
const LONGEST = 5_000;
const MOST_BODIES = 50_000;

/**
 * Puts hand-over off while bodies come in a burst. Both use the same Redis, which syncs its file again and again, and the same cores: a burst
 * is stored several times faster alone, and then handed over in large steps, so that the whole is done earlier, too.
 */
export class BurstHold {
  #bodies = 0;
  #since = 0;
  #until = 0;
  #timer: NodeJS.Timeout | undefined;
  /** A burst was too long: what it left comes first. */
  #catchingUp = false;

  /** @param onRelease called when entries may be taken again */
  constructor(private readonly onRelease: () => void) {}

  get holding(): boolean {
    return this.#timer !== undefined;
  }

  /** Notes an append that begins. */
  note(bodies: number): void {
    if (this.#catchingUp || bodies < BURST) return;
    const now = performance.now();
    if (this.#timer === undefined) {
      this.#since = now;
      this.#bodies = 0;
      this.#timer = setTimeout(() => this.#look(), QUIET);
    }
    this.#bodies += bodies;
    this.#until = Math.min(now + QUIET, this.#since + LONGEST);
    if (this.#bodies < MOST_BODIES) return;
    this.#catchingUp = true;
    this.#release();
  }

  /** No entries are left that nobody has taken. */
  caughtUp(): void {
    this.#catchingUp = false;
  }

  #look(): void {
    const now = performance.now();
    if (now < this.#until) {
      this.#timer = setTimeout(() => this.#look(), this.#until - now);
      return;
    }
    this.#catchingUp = now >= this.#since + LONGEST;
    this.#release();
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.onRelease();
  }
}
