import { setTimeout as sleep } from 'node:timers/promises';

export interface SimulatedTargetOptions {
  /** Part of the ARN `arn:minio:sqs::<id>:webhook`. */
  readonly id: string;
  readonly url: string;
  readonly token?: string;
  /** With a queue on disk: kept over restarts, sent one by one until taken. */
  readonly durable?: boolean;
  /** Bodies that the queue holds; more are dropped, and the writer does not learn of it. */
  readonly limit?: number;
  /** Milliseconds between two rounds of a queue; 3 s with a real store. */
  readonly pause?: number;
}

const PAUSE = 20;

/** A webhook target of the simulated store. */
export class SimulatedTarget {
  readonly id: string;
  readonly #queue: string[] = [];
  #working = false;
  /** Nothing is sent while set, as when a damaged file lies at the head of the queue. */
  stuck = false;
  failed = 0;
  total = 0;
  readonly #stopping = new AbortController();

  constructor(private readonly options: SimulatedTargetOptions) {
    this.id = options.id;
  }

  get arn(): string {
    return `arn:minio:sqs::${this.id}:webhook`;
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  /** Takes one body. A target without a queue is waited for, as in MinIO's sync mode. */
  async save(body: string): Promise<void> {
    this.total += 1;
    if (this.options.durable !== true) {
      if (!(await this.#send(body))) this.failed += 1;
      return;
    }
    if (this.#queue.length >= (this.options.limit ?? Infinity)) this.failed += 1;
    else this.#queue.push(body);
    this.work();
  }

  /** Sends what is queued. */
  work(): void {
    if (this.#working || this.stuck) return;
    this.#working = true;
    void this.#drain().finally(() => {
      this.#working = false;
    });
  }

  /** What a restart of the process does: counters begin anew, the queue stays. */
  resetCounters(): void {
    this.failed = 0;
    this.total = 0;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 && !this.stuck && !this.#stopping.signal.aborted) {
      if (await this.#send(this.#queue[0]!)) this.#queue.shift();
      else await sleep(this.options.pause ?? PAUSE, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  async #send(body: string): Promise<boolean> {
    const { url, token } = this.options;
    const headers = { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    try {
      const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: this.#stopping.signal });
      await answer.arrayBuffer();
      return answer.ok;
    } catch {
      return false;
    }
  }
}
