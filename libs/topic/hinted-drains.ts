import { LuaScript } from '#redis/lua-script.js';
import type { PartitionScripts } from '#redis/partition-scripts.js';
import type { Wakeup } from './pending-delivery.js';

const FIND_UNGUARDED = new LuaScript(new URL('./commands/findUnguarded-1.lua', import.meta.url));

/** Milliseconds between two looks; a drain is looked at in the second one after its hint, 500 to 1,000 ms later. */
const LOOK_EVERY = 500;
/** Drains that are remembered at a time; beyond them each gets its job at once. */
const REMEMBERED = 20_000;
/** Drains that one script call looks at. */
const AT_ONCE = 200;

/**
 * Drains that workers were told of by a hint of the publish script, and that have no job yet. Nearly all have ended when they are looked
 * at; what goes on, or was never begun because the hint was lost or its worker died, gets its job now, late but durable.
 *
 * The hint saves the way through BullMQ: three syncs of Redis's append-only file and some 60 commands.
 */
export class HintedDrains {
  /** Epochs by id of the pending queue; each map belongs to the partition that is its key. */
  #young = new Map<number, Map<string, number>>();
  #old = new Map<number, Map<string, number>>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly scripts: Pick<PartitionScripts, 'run'>,
    private readonly jobs: { wake(wakeups: readonly Wakeup[]): Promise<void> },
  ) {}

  add(wakeups: readonly Wakeup[]): void {
    if (this.#count + wakeups.length > REMEMBERED) {
      this.#addJobs(wakeups);
      return;
    }
    for (const wakeup of wakeups) this.#remember(wakeup);
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY).unref();
  }

  #remember({ partition, id, epoch }: Wakeup): void {
    const drains = this.#young.get(partition) ?? new Map<string, number>();
    this.#young.set(partition, drains);
    if (!drains.has(id)) this.#count += 1;
    drains.set(id, Math.max(epoch, drains.get(id) ?? 0));
  }

  #look(): void {
    const due = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    this.#count = [...this.#old.values()].reduce((count, drains) => count + drains.size, 0);
    for (const [partition, drains] of due) {
      const wakeups = [...drains].map(([id, epoch]) => ({ partition, id, epoch }));
      for (let at = 0; at < wakeups.length; at += AT_ONCE) void this.#guard(partition, wakeups.slice(at, at + AT_ONCE));
    }
    if (this.#count > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #guard(partition: number, wakeups: readonly Wakeup[]): Promise<void> {
    try {
      const replies = (await this.scripts.run(FIND_UNGUARDED, partition, wakeups.flatMap(({ id, epoch }) => [id, epoch]))) as number[];
      this.#addJobs(wakeups.filter((_, index) => replies[index] === 1));
    } catch {
      // Redis is away: these are looked at again.
      this.add(wakeups);
    }
  }

  #addJobs(wakeups: readonly Wakeup[]): void {
    if (wakeups.length > 0) void this.jobs.wake(wakeups).catch(() => undefined);
  }
}
