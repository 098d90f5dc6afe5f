import { setTimeout as sleep } from 'node:timers/promises';
import MnsClient from '@alicloud/mns';
import type { DocumentStore } from './document-store.js';
import { readObjectEvent, type ObjectEvent } from './object-event.js';
import { TextIndex } from './text-index.js';

export interface QueueAccess {
  readonly endpoint: string;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly queue: string;
}

/** What became of a message. */
export type Outcome = 'indexed' | 'removed' | 'nothing new' | 'failed';

/** Most that one receive may return. */
const BATCH = 16;

/** Seconds that a receive waits for a message. */
const WAIT = 10;

/** Milliseconds until the hub or the store is tried again when it is away. */
const PAUSE = 1_000;

/**
 * Keeps a text index in step with a bucket.
 *
 * An event says that something happened to an object, not how the object is now: events come late, out of order or twice. So the
 * consumer looks at the object itself and makes the index agree with it. Whatever was applied before, that gives the same result, so
 * nothing depends on order or number. The event's time only saves work: what is older than what was applied is not looked at.
 *
 * One consumer at a time: two would overwrite each other's index.
 */
export class IndexConsumer {
  readonly #mns: MnsClient;
  readonly #queue: string;
  #index = new TextIndex();
  #unsaved = false;
  #stopped = false;

  constructor(
    { endpoint, accountId, accessKeyId, accessKeySecret, queue }: QueueAccess,
    private readonly store: DocumentStore,
    /** Told when the work of a message is done and safe, or has failed, and says of which object. */
    private readonly onOutcome: (outcome: Outcome, text: string) => void,
    /** Told why nothing can be done at the moment. */
    private readonly onTrouble: (error: unknown) => void,
  ) {
    this.#mns = new MnsClient(accountId, { endpoint, accessKeyId, accessKeySecret });
    this.#queue = queue;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Until `stop`. */
  async run(): Promise<void> {
    let loaded = false;
    while (!this.#stopped) {
      try {
        if (!loaded) this.#index = new TextIndex(await this.store.readIndex());
        loaded = true;
        await this.#takeBatch();
      } catch (error) {
        if (this.#stopped) return;
        this.onTrouble(error);
        await sleep(PAUSE);
      }
    }
  }

  async #takeBatch(): Promise<void> {
    const messages = await this.#receive();
    const done: { receipt: string; key: string; outcome: Outcome }[] = [];
    for (const message of messages) {
      let key = `message ${message.MessageId}`;
      try {
        const event = readObjectEvent(message.MessageBody);
        key = event.key;
        done.push({ receipt: message.ReceiptHandle, key, outcome: await this.#apply(event) });
      } catch (error) {
        // One that cannot be handled does not hold up the others.
        await this.#postpone(message);
        this.onOutcome('failed', `${key}, try ${message.DequeueCount}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    if (this.#unsaved) await this.store.writeIndex(this.#index.toJson());
    this.#unsaved = false;
    // Only now is the work safe. A crash before this line brings the messages again, which does no harm.
    if (done.length > 0) await this.#mns.batchDeleteMessage(this.#queue, done.map(({ receipt }) => receipt));
    for (const { key, outcome } of done) this.onOutcome(outcome, key);
  }

  async #receive(): Promise<readonly MnsClient.ReceivedMessage[]> {
    try {
      return (await this.#mns.batchReceiveMessage(this.#queue, BATCH, WAIT)).body;
    } catch (error) {
      // The SDK's way to say that nothing came.
      if (error instanceof Error && error.name === 'MNSMessageNotExistError') return [];
      throw error;
    }
  }

  async #apply({ bucket, key, time }: ObjectEvent): Promise<Outcome> {
    if (this.#index.isNewerThan(key, time)) return 'nothing new';
    const text = await this.store.readDocument(bucket, key);
    const changed = text === undefined ? this.#index.remove(key) : this.#index.put(key, text, time);
    if (!changed) return 'nothing new';
    this.#unsaved = true;
    return text === undefined ? 'removed' : 'indexed';
  }

  /** Another try after 1 s, then 2 s, then 4 s …; after `maxReceiveCount` tries the hub moves the message to the dead-letter queue. */
  async #postpone({ ReceiptHandle, DequeueCount }: MnsClient.ReceivedMessage): Promise<void> {
    const seconds = Math.min(2 ** (Number(DequeueCount) - 1), 60);
    await this.#mns.changeMessageVisibility(this.#queue, ReceiptHandle, seconds);
  }
}
