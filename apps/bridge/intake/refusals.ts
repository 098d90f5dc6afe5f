import type { Refusal } from '#event-source/bad-input-store.js';
import type { Logger } from '#runtime/log.js';

/** Milliseconds between two lines of the log about one source. */
const LOG_INTERVAL = 60_000;
const MOST_SOURCES = 256;

/**
 * Posts with a wrong token, by source, until they are written where the health of a source is asked for. A store whose token is wrong
 * repeats one event and sends nothing else, so somebody must hear of it.
 */
export class Refusals {
  #fresh = new Map<string, Refusal>();
  readonly #logged = new Map<string, number>();

  constructor(private readonly logger: Logger) {}

  add(source: string, remote: string, now = Date.now()): void {
    if (this.#fresh.size < MOST_SOURCES || this.#fresh.has(source)) this.#fresh.set(source, { at: now, remote });
    if (now - (this.#logged.get(source) ?? -Infinity) < LOG_INTERVAL) return;
    if (this.#logged.size >= MOST_SOURCES) this.#logged.clear();
    this.#logged.set(source, now);
    this.logger.warn({ source, remote }, 'posts with a wrong token: a store that sends them is blocked until its token is right');
  }

  /** Writes what came since the last call; what cannot be written is kept for the next. */
  async write(store: { noteRefusal(source: string, refusal: Refusal): Promise<void> }): Promise<void> {
    const fresh = this.#fresh;
    if (fresh.size === 0) return;
    this.#fresh = new Map();
    try {
      await Promise.all([...fresh].map(([source, refusal]) => store.noteRefusal(source, refusal)));
    } catch (error) {
      this.#fresh = new Map([...fresh, ...this.#fresh]);
      throw error;
    }
  }
}
