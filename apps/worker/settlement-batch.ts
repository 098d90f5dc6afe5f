import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#runtime/log.js';
import type { Settlement } from '#topic/pending-delivery.js';

/** Milliseconds between two tries to record outcomes while Redis is away. */
const RETRY_PAUSE = 250;

interface Waiting {
  readonly settlement: Settlement;
  readonly resolve: (counted: boolean) => void;
}

/**
 * Records outcomes, many in one step: what is added while a step is under way goes together in the next; a lone outcome waits for nobody.
 *
 * While Redis is away it goes on trying for as long as the leases may hold, because an outcome that is not recorded is an attempt made
 * again: a message delivered twice.
 */
export class SettlementBatch {
  #waiting: Waiting[] = [];
  #busy = false;

  /**
   * @param settle records outcomes in one step; answers for each whether it counted
   * @param giveUpAfter milliseconds of trying
   */
  constructor(
    private readonly settle: (settlements: readonly Settlement[]) => Promise<readonly boolean[]>,
    private readonly giveUpAfter: number,
    private readonly logger: Logger,
  ) {}

  /** Resolves with true when the outcome is recorded, false when the lease had ended or Redis was away for too long. */
  add(settlement: Settlement): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push({ settlement, resolve });
      if (!this.#busy) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      const counted = await this.#record(batch.map(({ settlement }) => settlement));
      batch.forEach(({ resolve }, index) => resolve(counted[index] ?? false));
    }
    this.#busy = false;
  }

  async #record(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    const giveUpAt = performance.now() + this.giveUpAfter;
    for (let tries = 1; ; tries++) {
      try {
        return await this.settle(settlements);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (performance.now() + RETRY_PAUSE > giveUpAt) {
          const facts = { deliveries: settlements.length, tries, reason };
          this.logger.error(facts, 'outcomes could not be recorded: the deliveries will be made again');
          return [];
        }
        await sleep(RETRY_PAUSE);
      }
    }
  }
}
