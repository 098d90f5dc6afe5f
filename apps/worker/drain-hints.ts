import type { Deployment } from '#redis/deployment.js';
import type { RedisClient } from '#redis/redis-client.js';
import type { Wakeup } from '#topic/pending-delivery.js';

/**
 * Listens to the publish scripts, which tell of each pending queue that they have armed: "id epoch …" on the partition's channel. Every
 * worker hears it, and the first to lease is in charge. Costs Redis nothing at rest.
 *
 * A hint that is lost, say with the connection, costs time only: see `HintedDrains`.
 */
export class DrainHints {
  readonly #partitions: ReadonlyMap<string, number>;

  constructor(
    private readonly subscriber: RedisClient,
    deployment: Deployment,
    private readonly onHint: (wakeups: readonly Wakeup[]) => void,
  ) {
    const channels = Array.from({ length: deployment.partitions }, (_, partition) => [`${deployment.base(partition)}:drain`, partition] as const);
    this.#partitions = new Map(channels);
    subscriber.on('message', (channel: string, text: string) => this.#onMessage(channel, text));
  }

  /** The client library subscribes again by itself after a lost connection. */
  async start(): Promise<void> {
    await this.subscriber.subscribe(...this.#partitions.keys());
  }

  /** From now on publishers see that nobody listens here. */
  stop(): void {
    this.subscriber.disconnect();
  }

  #onMessage(channel: string, text: string): void {
    const partition = this.#partitions.get(channel);
    if (partition === undefined) return;
    const words = text.split(' ');
    const wakeups: Wakeup[] = [];
    for (let at = 0; at + 1 < words.length; at += 2) wakeups.push({ partition, id: words[at]!, epoch: Number(words[at + 1]) });
    this.onHint(wakeups);
  }
}
