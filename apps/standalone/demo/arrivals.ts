/** One notification that reached its destination. */
export interface Arrival {
  /** Milliseconds on the clock of `performance.now`. */
  readonly at: number;
  readonly text: string;
}

/** What came in at each destination, and whoever waits for it. */
export class Arrivals {
  readonly #arrived = new Map<string, Arrival[]>();
  readonly #waiting = new Set<() => void>();

  /** @param onArrival told of every arrival as it comes */
  constructor(private readonly onArrival: (destination: string, arrival: Arrival) => void) {}

  note(destination: string, text: string): void {
    const arrival = { at: performance.now(), text };
    this.#arrived.set(destination, [...this.at(destination), arrival]);
    this.onArrival(destination, arrival);
    for (const look of this.#waiting) look();
  }

  at(destination: string): readonly Arrival[] {
    return this.#arrived.get(destination) ?? [];
  }

  /** Whether so many came to the destination within so many milliseconds. */
  async reach(destination: string, count: number, withinMillis: number): Promise<boolean> {
    const enough = (): boolean => this.at(destination).length >= count;
    return enough() || (await this.#waitUntil(enough, withinMillis));
  }

  #waitUntil(enough: () => boolean, withinMillis: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (found: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      const look = (): void => {
        if (enough()) finish(true);
      };
      const timer = setTimeout(() => finish(false), withinMillis);
      this.#waiting.add(look);
    });
  }
}
