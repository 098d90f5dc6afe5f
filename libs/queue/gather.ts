/**
 * Collects concurrent calls to one partition: while a script call is under way, further items wait and then go together in the next
 * call, one round trip and one fsync for all of them. A lone item waits for nobody.
 */
export class Gather<Item, Reply> {
  readonly #lanes = new Map<number, Lane<Item, Reply>>();

  /**
   * @param run one script call for items of one partition; answers one reply per item, in order
   * @param limits `items` and `weight` (bytes, or whatever `weigh` counts) that one call takes at the most, so that a call never
   *   holds up Redis for others; a single item may weigh more
   */
  constructor(
    private readonly run: (partition: number, items: readonly Item[]) => Promise<readonly Reply[]>,
    private readonly limits: { readonly items: number; readonly weight: number; readonly weigh: (item: Item) => number },
  ) {}

  add(partition: number, item: Item): Promise<Reply> {
    return new Promise((resolve, reject) => {
      let lane = this.#lanes.get(partition);
      if (lane === undefined) {
        lane = { waiting: [], busy: false };
        this.#lanes.set(partition, lane);
      }
      lane.waiting.push({ item, resolve, reject });
      if (!lane.busy) this.#next(partition, lane);
    });
  }

  #next(partition: number, lane: Lane<Item, Reply>): void {
    const calls = this.#take(lane);
    lane.busy = true;
    void this.run(partition, calls.map((call) => call.item)).then(
      (replies) => {
        this.#finish(partition, lane);
        calls.forEach((call, index) => call.resolve(replies[index]!));
      },
      (error: unknown) => {
        this.#finish(partition, lane);
        for (const call of calls) call.reject(error);
      },
    );
  }

  #take(lane: Lane<Item, Reply>): Call<Item, Reply>[] {
    let weight = 0;
    let count = 0;
    for (const { item } of lane.waiting) {
      weight += this.limits.weigh(item);
      if (count > 0 && (weight > this.limits.weight || count === this.limits.items)) break;
      count += 1;
    }
    return lane.waiting.splice(0, count);
  }

  #finish(partition: number, lane: Lane<Item, Reply>): void {
    lane.busy = false;
    if (lane.waiting.length > 0) this.#next(partition, lane);
    else this.#lanes.delete(partition);
  }
}

interface Lane<Item, Reply> {
  readonly waiting: Call<Item, Reply>[];
  busy: boolean;
}

interface Call<Item, Reply> {
  readonly item: Item;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}
