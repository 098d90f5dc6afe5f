/**
 * A queue as the protocol describes it, in plain arrays and without any cleverness: what the engine must agree with.
 * Times in milliseconds.
 */
export interface ModelMessage {
  readonly body: string;
  readonly priority: number;
  /** Of a FIFO queue. */
  readonly group: string | undefined;
  readonly enqueueTime: number;
  readonly expireTime: number;
  /** Place in the order of arrival. What another queue's upkeep brought together shares one: only inside a group it has an order. */
  readonly arrival: number;
  readonly sequence: number;
  /** Until then an older message may keep upkeep from reaching this one. */
  reachedBy: number;
  /** The name of the queue whose dead letter it is. */
  readonly origin: string | undefined;
  /** Visible from then on: the end of a delay or of a visibility timeout. */
  visibleTime: number;
  dequeueCount: number;
  firstDequeueTime: number;
  /** Handles of the delivery that goes on, the oldest first; empty when none does. */
  handles: string[];
  /** `spent`: on its way to the dead-letter queue. */
  state: 'ready' | 'leased' | 'delayed' | 'spent';
  /** When it was sent on that way. */
  spentTime: number;
}

export interface ModelAttributes {
  visibilityTimeout: number;
  delay: number;
  retention: number;
  /** Infinity: no dead-letter policy. */
  maxReceiveCount: number;
}

export interface ModelSend {
  readonly body: string;
  readonly priority: number;
  readonly group?: string | undefined;
  /** The queue's own when absent. */
  readonly delay?: number | undefined;
  readonly enqueueTime?: number | undefined;
  /** The same for messages that are brought together. */
  readonly arrival?: number | undefined;
  readonly origin?: string | undefined;
}

/** What a queue counts: ready, leased, delayed, on the way to the dead-letter queue. */
export type ModelCounters = readonly [active: number, inactive: number, delayed: number, spent: number];

export class QueueModel {
  messages: ModelMessage[] = [];
  /** Past their retention, perhaps not freed yet: nobody may receive them any more, but they may be counted. */
  expired: ModelMessage[] = [];
  #sequence = 0;
  #latestExpiry = 0;

  constructor(
    readonly fifo: boolean,
    readonly attributes: ModelAttributes,
  ) {}

  send(now: number, { body, priority, group, delay = this.attributes.delay, enqueueTime = now, arrival, origin }: ModelSend): ModelMessage {
    const expireTime = enqueueTime + this.attributes.retention;
    this.#latestExpiry = Math.max(this.#latestExpiry, expireTime);
    const message: ModelMessage = {
      body,
      priority,
      group: this.fifo ? group : undefined,
      enqueueTime,
      expireTime,
      sequence: ++this.#sequence,
      arrival: arrival ?? this.#sequence,
      reachedBy: this.#latestExpiry,
      origin,
      visibleTime: now + delay,
      dequeueCount: 0,
      firstDequeueTime: 0,
      handles: [],
      state: delay > 0 ? 'delayed' : 'ready',
      spentTime: 0,
    };
    this.messages.push(message);
    for (const other of this.messages) if (other.arrival === message.arrival) other.reachedBy = this.#latestExpiry;
    return message;
  }

  /** Where the next message stands in the order of arrival. */
  get nextArrival(): number {
    return this.#sequence + 1;
  }

  /**
   * The messages that a receive or a peek must answer with, in their order. What has become due is ready from now on; a receive that
   * comes to a message which is spent, because the limit was lowered while it was ready, sends it on its way.
   */
  take(now: number, count: number, purpose: 'receive' | 'peek'): ModelMessage[] {
    this.#becomeReady(now, ['leased', 'delayed']);
    const taken: ModelMessage[] = [];
    const passed = new Set<ModelMessage>();
    while (taken.length < count) {
      const next = this.#inOrder(this.messages.filter((message) => !passed.has(message) && this.isOpen(message, taken)))[0];
      if (next === undefined) break;
      if (!this.#isSpent(next)) taken.push(next);
      else if (purpose === 'receive' || this.fifo) this.#leave(now, next);
      passed.add(next);
    }
    return taken;
  }

  received(now: number, message: ModelMessage, handle: string): void {
    message.visibleTime = now + this.attributes.visibilityTimeout;
    message.dequeueCount += 1;
    if (message.firstDequeueTime === 0) message.firstDequeueTime = now;
    message.handles = [handle];
    message.state = 'leased';
  }

  /** The message whose delivery (or delay) a handle names, while it goes on. */
  byHandle(now: number, handle: string): ModelMessage | undefined {
    this.expire(now);
    return this.messages.find(({ state, visibleTime, handles }) => state !== 'ready' && visibleTime > now && handles.includes(handle));
  }

  remove(message: ModelMessage): void {
    this.messages.splice(this.messages.indexOf(message), 1);
  }

  giveBack(message: ModelMessage): void {
    message.dequeueCount -= 1;
    if (message.dequeueCount === 0) message.firstDequeueTime = 0;
    message.handles = [];
    message.state = 'ready';
  }

  counters(now: number): ModelCounters {
    this.expire(now);
    const count = (...states: ModelMessage['state'][]): ModelMessage[] => this.messages.filter(({ state }) => states.includes(state));
    const due = count('leased', 'delayed').filter(({ visibleTime }) => visibleTime <= now).length;
    const hidden = (state: 'leased' | 'delayed'): number => count(state).filter(({ visibleTime }) => visibleTime > now).length;
    return [count('ready').length + due, hidden('leased'), hidden('delayed'), count('spent').length];
  }

  /** Frees what has expired and can be reached. @returns the dead letters that must have left by now, in their order inside a group */
  upkeep(now: number): ModelMessage[] {
    this.expire(now);
    this.expired = this.expired.filter(({ reachedBy }) => reachedBy > now);
    if (this.attributes.maxReceiveCount === Infinity) return [];
    this.#becomeReady(now, ['leased']);
    const spent = this.messages.filter(({ state }) => state === 'spent');
    const letters = spent.sort((a, b) => a.spentTime - b.spentTime || a.sequence - b.sequence);
    this.messages = this.messages.filter(({ state }) => state !== 'spent');
    this.expired = this.expired.filter(({ state }) => state !== 'spent');
    return letters;
  }

  /** Expired messages that upkeep may bring to the dead-letter queue, where they have expired as well. */
  expiredLetters(now: number): ModelMessage[] {
    this.expire(now);
    return this.expired.filter((message) => this.#isSpent(message));
  }

  /** Dead letters of `origin` that a redrive takes away: all that are visible, of a group as far as it can go on. */
  redrive(now: number, origin: string): ModelMessage[] {
    this.#becomeReady(now, ['leased', 'delayed']);
    const leased = new Set(this.messages.filter(({ state }) => state === 'leased').map(({ group }) => group));
    const blocked = new Set(this.fifo ? leased : []);
    const moved: ModelMessage[] = [];
    for (const message of this.#inOrder(this.messages.filter(({ state, group }) => state === 'ready' && !blocked.has(group)))) {
      if (blocked.has(message.group)) continue;
      if (message.origin === origin) moved.push(message);
      else if (this.fifo) blocked.add(message.group);
    }
    this.messages = this.messages.filter((message) => !moved.includes(message));
    return moved;
  }

  clear(): void {
    this.messages = [];
    this.expired = [];
  }

  /** A message expires in whatever state it is. */
  expire(now: number): void {
    const gone = this.messages.filter(({ expireTime }) => expireTime <= now);
    if (gone.length === 0) return;
    this.expired.push(...gone);
    this.messages = this.messages.filter(({ expireTime }) => expireTime > now);
  }

  /** What decides whether one message is received before another; equal when nothing does. */
  rank({ priority, arrival }: ModelMessage): number {
    return (this.fifo ? 0 : priority) * 1e9 + arrival;
  }

  /** Whether a receive that has taken some may take this one: in a FIFO queue nobody has a message of its group, and it is the oldest. */
  isOpen(message: ModelMessage, taken: readonly ModelMessage[]): boolean {
    if (message.state !== 'ready' || taken.includes(message)) return false;
    if (!this.fifo) return true;
    const group = this.messages.filter((other) => other.group === message.group && other !== message);
    const before = (other: ModelMessage): boolean => other.state === 'ready' && other.sequence < message.sequence;
    return !group.some((other) => other.state === 'leased' || taken.includes(other) || before(other));
  }

  #inOrder(messages: readonly ModelMessage[]): ModelMessage[] {
    return messages.toSorted((a, b) => this.rank(a) - this.rank(b) || a.sequence - b.sequence);
  }

  #isSpent({ dequeueCount }: ModelMessage): boolean {
    return dequeueCount >= this.attributes.maxReceiveCount;
  }

  #becomeReady(now: number, states: readonly ModelMessage['state'][]): void {
    this.expire(now);
    for (const message of this.messages) {
      if (message.visibleTime > now || !states.includes(message.state)) continue;
      message.handles = [];
      message.state = 'ready';
      if (this.#isSpent(message)) this.#leave(now, message);
    }
  }

  #leave(now: number, message: ModelMessage): void {
    message.state = 'spent';
    message.spentTime = now;
  }
}
