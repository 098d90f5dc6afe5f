import { createHash } from 'node:crypto';
import type { MessageStore, SendMark } from '#queue/message-store.js';
import { FifoMissingMessageGroupId, QueueNotExist } from '#queue/queue-errors.js';
import { RedisFull, RedisUnavailable } from '#redis/redis-unavailable.js';
import { TopicNotExist } from '#topic/topic-errors.js';
import type { Publisher } from '#topic/publisher.js';
import type { BucketEvent } from '#event-rule/bucket-event.js';
import { eventId, handOverId } from '#event-rule/event-id.js';
import type { EventRule } from '#event-rule/event-rule.js';
import { messageTagOf } from '#event-rule/message-tag.js';
import { ossMessageBody } from '#event-rule/oss-event.js';
import type { RuleChange } from '#event-rule/rule-set.js';
import type { SourceOwners } from '../sources/source-owners.js';

/** Seconds in which a second copy of an event adds nothing; longer than a store usually keeps events for a bridge that is away. */
const MARK_SECONDS = 72 * 3_600;
/** Milliseconds until a destination that failed is tried again: doubled from the first to the second. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 30_000;

export type HandOverResult =
  /** `repeated`: another copy of the event was handed over before. */
  | { readonly outcome: 'done'; readonly repeated: boolean }
  /** Nothing can be handed to this destination now. */
  | { readonly outcome: 'destination'; readonly reason: string }
  /** This message cannot be handed over as the destination is set now; others may. */
  | { readonly outcome: 'message'; readonly reason: string };

interface Failing {
  readonly reason: string;
  readonly pause: number;
  readonly until: number;
}

/**
 * Hands events to topics and queues. The mark makes it safe to repeat: destination and mark are written in one step, so an event that
 * arrives twice, or whose hand-over was cut off by a crash and is done again, becomes one message.
 *
 * A destination that failed is left alone for a while, so that what is missing costs nothing.
 */
export class HandOver {
  readonly #failing = new Map<string, Failing>();
  /** By `account/rule`: why the destination last refused a message of the rule. */
  readonly #refused = new Map<string, string>();
  /** Queues that keep the order of groups. */
  readonly #fifo = new Set<string>();

  /**
   * @param hasBacklog whether events of a rule (`account/name`) wait already: in a FIFO queue nothing may overtake them
   */
  constructor(
    private readonly topics: Pick<Publisher, 'publish'>,
    private readonly queues: Pick<MessageStore, 'sendMessages'>,
    private readonly owners: Pick<SourceOwners, 'ownerOf'>,
    private readonly hasBacklog: (rule: string) => boolean = () => false,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * @param force tries a destination although it failed a moment ago
   */
  async deliver(account: string, rule: EventRule, event: BucketEvent, force = false): Promise<HandOverResult> {
    const destination = destinationOf(account, rule);
    const failing = this.#failing.get(destination);
    if (!force && failing !== undefined && failing.until > this.now()) return { outcome: 'destination', reason: failing.reason };
    let repeated: boolean;
    try {
      repeated = await this.#send(account, rule, event, force);
    } catch (error) {
      if (error instanceof BehindOthers) return { outcome: 'destination', reason: error.message };
      return this.#failed(destination, account, rule.name, error);
    }
    this.#failing.delete(destination);
    return { outcome: 'done', repeated };
  }

  /** Milliseconds since the epoch until which a rule's destination is left alone; 0 when it is not. */
  pausedUntil(account: string, rule: EventRule): number {
    return this.#failing.get(destinationOf(account, rule))?.until ?? 0;
  }

  /** Why the last hand-over for the rule failed; undefined when it did not. */
  failureOf(account: string, rule: EventRule): string | undefined {
    return this.#failing.get(destinationOf(account, rule))?.reason ?? this.#refused.get(`${account}/${rule.name}`);
  }

  /** Notes why an event of the rule has to wait although its destination is there. */
  refuse(account: string, rule: string, reason: string): HandOverResult {
    this.#refused.set(`${account}/${rule}`, reason);
    return { outcome: 'message', reason };
  }

  /** Whether the rule's destination was last seen to be a FIFO queue. */
  isFifo(account: string, rule: EventRule): boolean {
    return this.#fifo.has(destinationOf(account, rule));
  }

  /** Lets the destinations of rules that changed, perhaps to mend just that, be tried at once; without `changes` all of them. */
  forgetFailures(changes?: readonly RuleChange[]): void {
    if (changes === undefined) {
      this.#failing.clear();
      this.#refused.clear();
    }
    for (const { account, name, rule } of changes ?? []) {
      this.#refused.delete(`${account}/${name}`);
      if (rule !== undefined) this.#failing.delete(destinationOf(account, rule));
    }
  }

  /** @returns whether another copy had been sent before */
  async #send(account: string, rule: EventRule, event: BucketEvent, force: boolean): Promise<boolean> {
    const { endpointType, endpointValue } = rule.endpoint;
    const body = ossMessageBody(event, rule, this.owners.ownerOf(account, event.source));
    const mark = { id: handOverId(eventId(event), rule.name, `${endpointType}/${endpointValue}`), seconds: MARK_SECONDS };
    if (endpointType === 'queue') return this.#sendToQueue(account, rule, body, mark, groupOf(event), force);
    const messageTag = rule.messageTag === undefined ? undefined : messageTagOf(rule.messageTag, event);
    const published = await this.topics.publish(account, endpointValue, { body, ...(messageTag !== undefined && { messageTag }) }, mark);
    return published.duplicate === true;
  }

  /** A FIFO queue makes itself known by asking for a group; the events of one object are one. */
  async #sendToQueue(account: string, rule: EventRule, body: string, mark: SendMark, group: string, force: boolean): Promise<boolean> {
    const queue = rule.endpoint.endpointValue;
    const destination = destinationOf(account, rule);
    try {
      const [sent] = await this.queues.sendMessages(account, queue, [{ body }], mark);
      this.#fifo.delete(destination);
      return sent?.duplicate === true;
    } catch (error) {
      if (!(error instanceof FifoMissingMessageGroupId)) throw error;
      this.#fifo.add(destination);
      if (!force && this.hasBacklog(`${account}/${rule.name}`)) throw new BehindOthers('earlier events wait');
      const [sent] = await this.queues.sendMessages(account, queue, [{ body, messageGroupId: group }], mark);
      return sent?.duplicate === true;
    }
  }

  #failed(destination: string, account: string, rule: string, error: unknown): HandOverResult {
    const reason = reasonOf(error);
    const wholeDestination =
      error instanceof TopicNotExist || error instanceof QueueNotExist || error instanceof RedisUnavailable || error instanceof RedisFull;
    if (!wholeDestination) return this.refuse(account, rule, reason);
    const before = this.#failing.get(destination);
    // Failures of hand-overs that ran at the same time are one failure.
    if (before === undefined || before.until <= this.now()) {
      const pause = Math.min(LONGEST_PAUSE, before === undefined ? FIRST_PAUSE : before.pause * 2);
      this.#failing.set(destination, { reason, pause, until: this.now() + pause });
    }
    return { outcome: 'destination', reason };
  }
}

/** Nothing is wrong with the destination; the event has to wait for its turn. */
class BehindOthers extends Error {}

/** The message group of an object: names have any length and characters, groups have not. */
export function groupOf({ bucket, key }: Pick<BucketEvent, 'bucket' | 'key'>): string {
  return createHash('sha256').update(JSON.stringify([bucket, key])).digest('hex').slice(0, 32);
}

function destinationOf(account: string, { endpoint }: EventRule): string {
  return `${account}/${endpoint.endpointType}/${endpoint.endpointValue}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
