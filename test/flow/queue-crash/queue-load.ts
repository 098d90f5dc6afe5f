import { setTimeout as sleep } from 'node:timers/promises';
import { element, type MnsResponse } from '../../contract/mns-client.js';
import type { ApiFleet } from './api-fleet.js';
import type { Held, QueueLedger } from './queue-ledger.js';

export interface QueueLoadOptions {
  /** Path of the queue, `/queues/…`. */
  readonly queue: string;
  /** Seconds, as the queue has it. */
  readonly visibility: number;
  readonly random: () => number;
}

/** Seconds. */
const POLL = 1;

/** Producers and consumers of one queue, on all processes of a fleet, who write down what they were told. */
export class QueueLoad {
  readonly #visibility: number;
  #sent = 0;
  #draining = false;

  constructor(
    private readonly fleet: ApiFleet,
    private readonly ledger: QueueLedger,
    private readonly options: QueueLoadOptions,
  ) {
    this.#visibility = options.visibility * 1_000;
  }

  /** Sends one message or a batch, some with a delay, each body once: what was not answered is not repeated. */
  async produce(active: () => boolean): Promise<void> {
    while (active()) {
      const batch = this.options.random() < 0.3;
      const bodies = Array.from({ length: batch ? 8 : 1 }, () => `m${++this.#sent}`);
      const messages = bodies.map((body) => `<Message><MessageBody>${body}</MessageBody>${this.#attributes()}</Message>`);
      const document = batch ? `<Messages>${messages.join('')}</Messages>` : messages[0]!;
      const answer = await this.fleet.call('POST', `${this.options.queue}/messages`, document);
      this.ledger.noteSend(bodies, answer?.status === 201);
      await sleep(answer?.status === 201 ? 4 : 50);
    }
  }

  /** Receives, and deletes well in time; every tenth message is left to become visible again, every twentieth is kept for longer first. */
  async consume(active: () => boolean): Promise<void> {
    while (active()) {
      const count = this.options.random() < 0.5 ? '' : '&numOfMessages=16';
      const askedAt = Date.now();
      const answer = await this.fleet.call('GET', `${this.options.queue}/messages?waitseconds=${POLL}${count}`);
      if (answer?.status !== 200) {
        if (answer?.status !== 404) await sleep(50);
        continue;
      }
      const held = heldBy(answer, askedAt, this.#visibility);
      for (const message of held) this.ledger.noteReceived(message);
      for (const message of held) await this.#handle(message);
    }
  }

  /** Consumes with several consumers, who delete everything, until the queue says that it is empty. */
  async drain(consumers: number, within: number): Promise<void> {
    this.#draining = true;
    const deadline = Date.now() + within;
    let empty = false;
    const consuming = Array.from({ length: consumers }, () => this.consume(() => !empty && Date.now() < deadline));
    while (!empty && Date.now() < deadline) {
      await sleep(100);
      const counters = await this.counters();
      empty = counters !== undefined && counters.every((count) => count === 0);
    }
    await Promise.all(consuming);
    this.#draining = false;
    if (!empty) this.ledger.complain(`the queue was not empty within ${within} ms: ${(await this.counters())?.join(', ')}`);
  }

  /** Active, inactive and delayed messages; undefined while nobody can say so. */
  async counters(): Promise<number[] | undefined> {
    const answer = await this.fleet.call('GET', this.options.queue);
    return answer?.status === 200 ? countersOf(answer) : undefined;
  }

  #attributes(): string {
    const delay = this.options.random() < 0.2 ? '<DelaySeconds>1</DelaySeconds>' : '';
    return `${delay}<Priority>${1 + Math.floor(this.options.random() * 16)}</Priority>`;
  }

  async #handle(message: Held): Promise<void> {
    const choice = this.#draining ? 1 : this.options.random();
    if (choice < 0.1) return;
    if (choice < 0.15) await this.#keepLonger(message);
    await this.#delete(message);
  }

  /** The old handle stays good until the new time. */
  async #keepLonger(message: Held): Promise<void> {
    const seconds = this.options.visibility + 1;
    const askedAt = Date.now();
    const query = `ReceiptHandle=${message.handle}&VisibilityTimeout=${seconds}`;
    const answer = await this.fleet.call('PUT', `${this.options.queue}/messages?${query}`);
    if (answer?.status === 200) message.until = askedAt + seconds * 1_000;
    const inTime = Date.now() < message.until;
    if (answer?.status === 404 && inTime) this.ledger.complain(`${message.body}: its visibility could not be changed in time`);
  }

  async #delete(message: Held): Promise<void> {
    while (Date.now() < message.until) {
      const answer = await this.fleet.call('DELETE', `${this.options.queue}/messages?ReceiptHandle=${message.handle}`);
      if (answer?.status === 204) {
        message.deletion = 'acknowledged';
        return;
      }
      if (answer?.status === 404) {
        // Perhaps an attempt of which no answer came has deleted it.
        const inTime = Date.now() < message.until;
        if (message.deletion === undefined && inTime) this.ledger.complain(`${message.body}: gone before its time was over`);
        message.deletion ??= 'refused';
        return;
      }
      message.deletion = 'unanswered';
      await sleep(20);
    }
  }
}

export function countersOf({ body }: MnsResponse): number[] {
  return ['ActiveMessages', 'InactiveMessages', 'DelayMessages'].map((name) => Number(element(body, name)));
}

export function heldBy({ body }: MnsResponse, askedAt: number, visibility: number): Held[] {
  const answeredAt = Date.now();
  return (body.match(/<Message[ >].*?<\/Message>/gs) ?? []).map((message) => ({
    messageId: element(message, 'MessageId')!,
    body: element(message, 'MessageBody')!,
    handle: element(message, 'ReceiptHandle')!,
    dequeueCount: Number(element(message, 'DequeueCount')),
    nextVisibleTime: Number(element(message, 'NextVisibleTime')),
    askedAt,
    answeredAt,
    until: askedAt + visibility,
  }));
}
