/** One delivery of a message to a client; times of the client, in milliseconds. */
export interface Held {
  readonly messageId: string;
  readonly body: string;
  readonly handle: string;
  readonly dequeueCount: number;
  /** When the receive was asked for: the lease began no earlier. */
  readonly askedAt: number;
  /** When it was answered: the lease began no later. */
  readonly answeredAt: number;
  /** Until then at least nobody else may get the message. */
  until: number;
  /** By the server's clock, as it was first answered. */
  readonly nextVisibleTime: number;
  /** `unanswered`: nobody knows. */
  deletion?: 'acknowledged' | 'unanswered' | 'refused';
}

/** What clients know about the messages of a queue, and what may not be. */
export class QueueLedger {
  readonly #sends = new Map<string, 'acknowledged' | 'unanswered'>();
  readonly #held: Held[] = [];
  readonly #complaints: string[] = [];

  noteSend(bodies: readonly string[], acknowledged: boolean): void {
    for (const body of bodies) this.#sends.set(body, acknowledged ? 'acknowledged' : 'unanswered');
  }

  noteReceived(held: Held): void {
    this.#held.push(held);
  }

  complain(complaint: string): void {
    this.#complaints.push(complaint);
  }

  /** How many messages the queue may hold, whether received or not: fewest and most. */
  get bounds(): { readonly fewest: number; readonly most: number } {
    const deleted = new Set(this.#held.filter(({ deletion }) => deletion === 'acknowledged').map(({ body }) => body));
    const doubtful = new Set(this.#held.filter(({ deletion }) => deletion === 'unanswered').map(({ body }) => body));
    const seen = new Set(this.#held.map(({ body }) => body));
    let [fewest, most] = [0, 0];
    for (const [body, outcome] of this.#sends) {
      if (deleted.has(body)) continue;
      most += 1;
      if ((outcome === 'acknowledged' || seen.has(body)) && !doubtful.has(body)) fewest += 1;
    }
    return { fewest, most };
  }

  /** To be asked when the queue is empty: what was not received until then never will be. */
  summary(visibility: number): QueueSummary {
    const byBody = Map.groupBy(this.#held, ({ body }) => body);
    const acknowledged = [...this.#sends].filter(([, outcome]) => outcome === 'acknowledged').map(([body]) => body);
    const unanswered = [...this.#sends].filter(([, outcome]) => outcome === 'unanswered').map(([body]) => body);
    const gone = new Set(this.#held.filter(({ deletion = 'refused' }) => deletion !== 'refused').map(({ body }) => body));
    const lost = acknowledged.filter((body) => !gone.has(body));
    const violations = [...this.#complaints, ...lost.map((body) => `${body} was acknowledged and never received and deleted`)];
    for (const [body, held] of byBody) {
      if (!this.#sends.has(body)) violations.push(`${body} was never sent`);
      violations.push(...complaintsAbout(body, held, visibility));
    }
    return {
      acknowledged: acknowledged.length,
      unanswered: unanswered.length,
      unansweredButStored: unanswered.filter((body) => byBody.has(body)).length,
      received: this.#held.length,
      receivedAgain: this.#held.length - byBody.size,
      deleted: this.#held.filter(({ deletion }) => deletion === 'acknowledged').length,
      deletedUnanswered: this.#held.filter(({ deletion }) => deletion === 'unanswered').length,
      lost: lost.length,
      violations,
    };
  }
}

export interface QueueSummary {
  readonly acknowledged: number;
  readonly unanswered: number;
  readonly unansweredButStored: number;
  readonly received: number;
  readonly receivedAgain: number;
  readonly deleted: number;
  readonly deletedUnanswered: number;
  readonly lost: number;
  readonly violations: readonly string[];
}

function complaintsAbout(body: string, held: readonly Held[], visibility: number): string[] {
  const complaints: string[] = [];
  if (new Set(held.map(({ messageId }) => messageId)).size > 1) complaints.push(`${body} was stored more than once`);
  const inOrder = held.toSorted((a, b) => a.dequeueCount - b.dequeueCount);
  inOrder.forEach((earlier, index) => {
    const later = inOrder[index + 1];
    if (later === undefined) return;
    const which = `${body}, deliveries ${earlier.dequeueCount} and ${later.dequeueCount}`;
    if (later.dequeueCount === earlier.dequeueCount) complaints.push(`${which}: the same delivery for two clients`);
    const early = earlier.until - later.answeredAt;
    if (early > 0) complaints.push(`${which}: received ${early} ms before the first one's time was over`);
    if (later.nextVisibleTime - visibility < earlier.nextVisibleTime) complaints.push(`${which}: leases overlap by the server's clock`);
    if (earlier.deletion === 'acknowledged') complaints.push(`${which}: received again although it was deleted`);
  });
  return complaints;
}
