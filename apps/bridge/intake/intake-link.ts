import type { MessagePort } from 'node:worker_threads';
import type { Bridge } from '../bridge.js';
import type { FromThread, IntakeAnswer, IntakePost, OtherAnswer, OtherRequest, StopTimes, ToThread } from './intake-messages.js';
import type { Body } from '../journal/journal-entry.js';

/** Answers a request for anything but the intake. */
export type OtherRequests = (request: OtherRequest) => Promise<OtherAnswer>;

/** The main thread's end of the intake: stores and hands on what the thread with the socket has taken. */
export class IntakeLink {
  #answers: IntakeAnswer[] = [];
  readonly #listening = Promise.withResolvers<number>();
  readonly #stopped = Promise.withResolvers<void>();

  constructor(
    private readonly thread: MessagePort,
    private readonly bridge: Bridge,
    private readonly otherRequests: OtherRequests,
  ) {
    this.#listening.promise.catch(() => undefined);
    thread.on('message', (message: FromThread) => this.#hear(message));
    // The thread has ended; that it should not have is told by the thread itself.
    thread.on('close', () => this.#stopped.resolve());
  }

  /** The port. @throws Error when it cannot be had */
  get listening(): Promise<number> {
    return this.#listening.promise;
  }

  tell(message: ToThread): void {
    this.thread.postMessage(message);
  }

  /** Resolves when every connection is closed. */
  async stop(times: StopTimes): Promise<void> {
    this.tell({ kind: 'stop', times });
    await this.#stopped.promise;
    this.thread.close();
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'posts':
        for (const post of message.posts) void (post.way === 'fast' ? this.#fast(post) : this.#durable(post));
        break;
      case 'request':
        void this.otherRequests(message.request).then((answer) => this.tell({ kind: 'answer', answer }));
        break;
      case 'unauthorized':
        this.bridge.refusals.add(message.source, message.remote);
        break;
      case 'wrong-method':
        this.bridge.activity?.wrongMethod(message.source);
        break;
      case 'listening':
        this.#listening.resolve(message.port);
        break;
      case 'failed':
        this.#listening.reject(new Error(message.reason));
        break;
      case 'stopped':
        this.#stopped.resolve();
    }
  }

  async #fast(post: IntakePost): Promise<void> {
    const { intake, metrics, counters } = this.bridge;
    metrics.intake.inc({ way: 'fast', result: 'memory' });
    this.bridge.activity?.taken(bodyOf(post), 'fast');
    if (post.tooLong === undefined) await intake.takeFast(bodyOf(post));
    else await intake.keepTooLong(bodyOf(post), post.tooLong).catch(() => metrics.fastDropped.inc());
    counters.fastDone(post.bytes.length);
  }

  async #durable(post: IntakePost): Promise<void> {
    const { intake, metrics } = this.bridge;
    try {
      const place = post.tooLong === undefined ? await intake.store(bodyOf(post)) : await intake.keepTooLong(bodyOf(post), post.tooLong);
      metrics.intake.inc({ way: 'durable', result: place });
      this.bridge.activity?.taken(bodyOf(post), 'durable');
      this.#answer({ id: post.id });
    } catch (error) {
      metrics.intake.inc({ way: 'durable', result: 'refused' });
      this.bridge.activity?.refused(post.source);
      this.#answer({ id: post.id, refused: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
    }
  }

  /** What the journal stores in one step is answered in one message. */
  #answer(answer: IntakeAnswer): void {
    if (this.#answers.length === 0) setImmediate(() => this.tell({ kind: 'answers', answers: this.#answers.splice(0) }));
    this.#answers.push(answer);
  }
}

function bodyOf({ source, receivedAt, bytes }: IntakePost): Body {
  return { source, receivedAt, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) };
}
