import type { InventoryRegistry } from '#event-source/inventory-registry.js';
import type { Logger } from '#runtime/log.js';
import type { Inventory } from './inventory.js';

/** Milliseconds between two looks. */
const INTERVAL = 30_000;

/** Removes inventories that nobody wants any more: switched off, or of a bucket or source that is gone. Done by one bridge of all. */
export class InventorySweep {
  #nextAt = 0;
  #sweeping = false;

  constructor(
    private readonly inventory: Pick<Inventory, 'drop' | 'isWanted'>,
    private readonly registry: Pick<InventoryRegistry, 'all' | 'remove'>,
    /** Resolves when the sources are known as they are now. */
    private readonly sources: { current(): Promise<unknown> },
    private readonly logger: Logger,
    private readonly interval = INTERVAL,
  ) {}

  /** Returns at once; looks now and then. */
  look(now: number): void {
    if (this.#sweeping || now < this.#nextAt) return;
    this.#nextAt = now + this.interval;
    this.#sweeping = true;
    void this.sweep()
      .catch((error: unknown) => this.logger.debug({ reason: String(error) }, 'inventories could not be looked at'))
      .finally(() => (this.#sweeping = false));
  }

  /** @throws RedisUnavailable */
  async sweep(): Promise<void> {
    const all = await this.registry.all();
    if (all.length === 0) return;
    await this.sources.current();
    for (const { source, bucket } of all) {
      if (this.inventory.isWanted({ source, bucket })) continue;
      while (!(await this.inventory.drop({ source, bucket })));
      await this.registry.remove(source, bucket);
      this.logger.info({ source, bucket }, 'inventory removed');
    }
  }
}
