import type { BenchHub } from './bench-hub.js';
import type { RawConnection } from './raw-connection.js';
import { signedRequest } from './signed-request.js';

/** Seconds that a poll waits: the protocol's longest. */
const LONGEST = 30;
/** Connections that are opened at a time: more would overflow the queue of those that are not accepted yet. */
const OPENED_AT_ONCE = 250;

/** Long polls on empty queues, repeated when their time is over, as consumers do that have nothing to do. */
export class IdlePolls {
  #lanes: RawConnection[] = [];
  #failure: Error | undefined;

  private constructor(private readonly hub: BenchHub) {}

  /** One connection for each poll; the queues are dealt out in turn. */
  static async open(hub: BenchHub, queues: readonly string[], count: number): Promise<IdlePolls> {
    const polls = new IdlePolls(hub);
    for (let opened = 0; opened < count; opened += OPENED_AT_ONCE) {
      const lanes = await hub.connect(Math.min(OPENED_AT_ONCE, count - opened));
      for (const [n, lane] of lanes.entries()) polls.#keepPolling(lane, queues[(opened + n) % queues.length]!, 1 + ((opened + n) % LONGEST));
      polls.#lanes.push(...lanes);
    }
    return polls;
  }

  /** @throws Error when a poll was answered otherwise than with "no message". */
  close(): void {
    const lanes = this.#lanes;
    this.#lanes = [];
    for (const lane of lanes) lane.close();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The first poll of each is shorter, so that they do not all end in the same moment. */
  #keepPolling(lane: RawConnection, queue: string, first: number): void {
    const poll = async (seconds: number): Promise<void> => {
      const { status, body } = await lane.request(signedRequest(this.hub.credentials, 'GET', `/queues/${queue}/messages?waitseconds=${seconds}`));
      if (status !== 404 || !body.includes('MessageNotExist')) throw new Error(`an idle poll was answered ${status}: ${body}`);
    };
    const forever = async (): Promise<void> => {
      await poll(first);
      for (;;) await poll(LONGEST);
    };
    forever().catch((error: unknown) => {
      if (this.#lanes.length > 0) this.#failure ??= error as Error;
    });
  }
}
