import type { StoreStatus } from '#event-source/source-status-store.js';

/** One look at the queue of a store. */
export type QueueLook = Pick<StoreStatus, 'queueLength' | 'checkedAt'>;

/**
 * Tells whether a store is still sending what it had queued: an event of its own says more than a listing, so a listing waits for it.
 * Files that a crash left empty count as queued for ever; a queue that does not get shorter from one look to the next is not waited for.
 */
export class QueueTrend {
  #last: QueueLook | undefined;
  #falls = true;

  /**
   * @param look the latest; undefined when nobody looks at this store's queue
   * @param since milliseconds since the epoch: looks before it say nothing
   */
  isDraining(look: QueueLook | undefined, since: number): boolean {
    if (look?.queueLength === undefined) return false;
    if (look.checkedAt < since) return true;
    if (look.checkedAt !== this.#last?.checkedAt) {
      this.#falls = this.#last?.queueLength === undefined || this.#last.checkedAt < since || look.queueLength < this.#last.queueLength;
      this.#last = look;
    }
    return look.queueLength > 0 && this.#falls;
  }
}
