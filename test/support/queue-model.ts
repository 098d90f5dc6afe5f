/**
 * A queue as the protocol describes it, in plain arrays and without any cleverness: what the engine must agree with.
 * Times in milliseconds.
 */
export interface ModelMessage {
  readonly body: string;
  readonly priority: number;
  readonly sequence: number;
  /** Of a FIFO queue. */
  readonly group: string | undefined;
  readonly enqueueTime: number;
  readonly expireTime: number;
  /** Visible from then on: the end of a delay or of a visibility timeout. */
  visibleTime: number;
  dequeueCount: number;
  firstDequeueTime: number;
  /** Handles of the delivery that goes on, the oldest first; empty when none does. */
  handles: string[];
  state: 'waiting' | 'leased' | 'delayed';
}

export class QueueModel {
  readonly messages: ModelMessage[] = [];
  readonly deadLetters: ModelMessage[] = [];
  #sequence = 0;

  constructor(
    private readonly maxReceiveCount: number | undefined,
    private readonly fifo = false,
  ) {}

  send(now: number, body: string, priority: number, delay: number, retention: number, handle: string | undefined, group?: string): void {
    this.messages.push({
      group,
      body,
      priority,
      sequence: ++this.#sequence,
      enqueueTime: now,
      expireTime: now + retention,
      visibleTime: now + delay,
      dequeueCount: 0,
      firstDequeueTime: 0,
      handles: handle === undefined ? [] : [handle],
      state: delay > 0 ? 'delayed' : 'waiting',
    });
  }

  /** Messages that a receive would take, in the order in which it must take them. */
  receivable(now: number): ModelMessage[] {
    this.#settle(now);
    const visible = this.messages.filter((message) => message.visibleTime <= now);
    return this.#inOrder(this.fifo ? visible.filter((message) => this.#isHead(now, message)) : visible);
  }

  /** All messages, in the order in which one consumer who deletes what it gets would receive them; in a FIFO queue, of each group. */
  remaining(now: number): ModelMessage[] {
    this.#settle(now);
    return this.#inOrder(this.messages);
  }

  #inOrder(messages: readonly ModelMessage[]): ModelMessage[] {
    return messages.toSorted((a, b) => (this.fifo ? 0 : a.priority - b.priority) || a.sequence - b.sequence);
  }

  received(now: number, message: ModelMessage, visibility: number, handle: string): void {
    message.visibleTime = now + visibility;
    message.dequeueCount += 1;
    if (message.firstDequeueTime === 0) message.firstDequeueTime = now;
    message.handles = [handle];
    message.state = 'leased';
  }

  /** The message whose delivery a handle names, while it goes on. */
  byHandle(now: number, handle: string): ModelMessage | undefined {
    this.#settle(now);
    return this.messages.find((message) => message.visibleTime > now && message.handles.includes(handle));
  }

  remove(message: ModelMessage): void {
    this.messages.splice(this.messages.indexOf(message), 1);
  }

  giveBack(message: ModelMessage): void {
    message.dequeueCount -= 1;
    if (message.dequeueCount === 0) message.firstDequeueTime = 0;
    message.visibleTime = 0;
    message.handles = [];
    message.state = 'waiting';
  }

  counters(now: number): [active: number, inactive: number, delayed: number] {
    this.#settle(now);
    const count = (state: ModelMessage['state']): number => this.messages.filter((message) => message.visibleTime > now && message.state === state).length;
    return [this.messages.filter((message) => message.visibleTime <= now).length, count('leased'), count('delayed')];
  }

  purge(): void {
    this.messages.length = 0;
  }

  /** Nobody has a message of the group, and of those that are visible this is the oldest. */
  #isHead(now: number, message: ModelMessage): boolean {
    const group = this.messages.filter((other) => other.group === message.group && other !== message);
    return !group.some((other) => (other.visibleTime <= now ? other.sequence < message.sequence : other.state === 'leased'));
  }

  /** Expiry ends a message in whatever state it is; a spent one goes to the dead letters when it would be visible again. */
  #settle(now: number): void {
    for (const message of [...this.messages]) {
      if (message.expireTime <= now) this.remove(message);
      else if (message.visibleTime <= now && message.dequeueCount >= (this.maxReceiveCount ?? Infinity)) {
        this.remove(message);
        this.deadLetters.push(message);
      }
    }
  }
}
