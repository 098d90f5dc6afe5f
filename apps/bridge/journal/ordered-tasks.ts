type Task = () => Promise<void>;

/** Runs tasks at the same time, up to a limit, but those with the same name one after the other in the order in which they came. */
export class OrderedTasks {
  /** By name: tasks behind the one that runs or is ready. */
  readonly #behind = new Map<string, Task[]>();
  readonly #ready: { name: string; task: Task }[] = [];
  #running = 0;
  readonly #onIdle: (() => void)[] = [];

  constructor(private readonly limit: number) {}

  /** @param task must not fail; whatever it throws is lost */
  add(name: string, task: Task): void {
    const behind = this.#behind.get(name);
    if (behind !== undefined) {
      behind.push(task);
      return;
    }
    this.#behind.set(name, []);
    this.#ready.push({ name, task });
    this.#start();
  }

  /** Resolves when there is nothing to do. */
  idle(): Promise<void> {
    if (this.#behind.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #start(): void {
    while (this.#running < this.limit) {
      const next = this.#ready.shift();
      if (next === undefined) break;
      this.#running += 1;
      void next.task().catch(() => undefined).then(() => this.#done(next.name));
    }
  }

  #done(name: string): void {
    this.#running -= 1;
    const task = this.#behind.get(name)?.shift();
    if (task === undefined) this.#behind.delete(name);
    else this.#ready.push({ name, task });
    this.#start();
    if (this.#behind.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
