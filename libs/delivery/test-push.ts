import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisClient } from '#redis/redis-client.js';
import type { PushExchange } from './push-exchange.js';

/** One push that somebody asks for in order to see it. It is no delivery: nothing waits for it, repeats it or counts it. */
export interface TestPushRequest {
  /** Names the place of the answer. */
  readonly id: string;
  readonly topicOwner: string;
  readonly topicName: string;
  readonly subscriptionName: string;
  readonly message: { readonly body: string; readonly messageTag?: string };
  /** Milliseconds since the epoch: afterwards nobody waits any more, and nothing is sent. */
  readonly until: number;
}

export interface TestPushResult {
  /** As with deliveries; `held`: the hub itself could not take it now; `refused`: nothing was tried. */
  readonly outcome: 'delivered' | 'retryable' | 'permanent' | 'held' | 'refused';
  readonly channel: string;
  /** Absent when nothing was tried. */
  readonly messageId?: string;
  readonly startTime?: number;
  readonly latencyMillis?: number;
  readonly code?: number;
  readonly reason?: string;
  /** Of channels that speak HTTP. */
  readonly exchange?: PushExchange;
}

/** Milliseconds that the asking side waits: the longest time limit of a channel and the worker's way to the job. */
export const TEST_PUSH_LIMIT = 15_000;

const REPLY_LIFE = 30_000;
const FIRST_LOOK = 20;
const LONGEST_LOOK = 200;

/** Where a worker leaves what a test push came to, `<prefix>:test-push:<id>`, until the API that asked has read it. */
export class TestPushReplies {
  constructor(
    private readonly client: RedisClient,
    private readonly prefix: string,
  ) {}

  async write(id: string, result: TestPushResult): Promise<void> {
    await this.client.set(this.#key(id), JSON.stringify(result), 'PX', REPLY_LIFE);
  }

  /** @returns undefined when there is none by `until` (milliseconds since the epoch) */
  async wait(id: string, until: number): Promise<TestPushResult | undefined> {
    for (let pause = FIRST_LOOK; Date.now() < until; pause = Math.min(pause * 1.5, LONGEST_LOOK)) {
      await sleep(pause);
      const reply = await this.client.getdel(this.#key(id));
      if (reply !== null) return JSON.parse(reply) as TestPushResult;
    }
    return undefined;
  }

  #key(id: string): string {
    return `${this.prefix}:test-push:${id}`;
  }
}
