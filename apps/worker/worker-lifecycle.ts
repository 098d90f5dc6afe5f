import type { BeforeApplicationShutdown, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { DrainQueue } from '#delivery/drain-queue.js';
import type { MemoryWatch } from '#redis/memory-watch.js';
import type { RedisClient } from '#redis/redis-client.js';
import type { Logger } from '#runtime/log.js';
import type { Channels } from './channels/channel-for-endpoint.js';
import type { DrainHints } from './drain-hints.js';
import type { DrainProcessor } from './drain.processor.js';
import type { Drains } from './drains.js';
import { DUTY_INTERVAL } from './duties.js';
import type { TestPushes } from './test-pushes.js';

/** Milliseconds that pushes in flight may take to finish when the worker stops. */
const FINISH_LIMIT = 8_000;

/** Milliseconds between two looks whether the duties are still scheduled; BullMQ's schedule does not survive every failure. */
const SCHEDULE_INTERVAL = 60_000;

export interface WorkerParts {
  readonly processors: readonly DrainProcessor[];
  readonly drains: Drains;
  readonly hints: DrainHints;
  readonly tests: TestPushes;
  readonly drainQueue: DrainQueue;
  readonly channels: Channels;
  readonly connections: readonly RedisClient[];
  readonly memory: MemoryWatch;
  readonly logger: Logger;
}

/** Start and end of everything that pushes. */
export class WorkerLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: WorkerParts) {}

  onApplicationBootstrap(): void {
    this.#schedule();
    this.parts.hints.start().catch((error: unknown) => {
      this.parts.logger.warn({ reason: String(error) }, 'publishers cannot be heard: drains start by jobs alone');
    });
    this.#timer = setInterval(() => this.#schedule(), SCHEDULE_INTERVAL).unref();
  }

  /** Why this process takes no drains; undefined when it does. */
  findObstacle(): string | undefined {
    if (this.#stopping) return 'the process is stopping';
    return this.parts.processors.every(({ worker }) => worker.isRunning()) ? undefined : 'a worker does not run';
  }

  /** No new jobs; drains hand over to other workers; pushes in flight finish, or are given up and go back uncounted. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    // Closed first: a worker that still fetched would take the very jobs that its drains leave for others.
    this.parts.hints.stop();
    const closed = Promise.all([this.parts.drains.hintedEnd(), ...this.parts.processors.map(({ worker }) => worker.close())]);
    this.parts.drains.stop();
    const giveUp = setTimeout(() => {
      this.parts.drains.abandon();
      this.parts.tests.abandon();
    }, FINISH_LIMIT);
    await closed;
    clearTimeout(giveUp);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.parts.channels.close();
    await this.parts.drainQueue.close();
    this.parts.memory.stop();
    for (const connection of this.parts.connections) connection.disconnect();
  }

  #schedule(): void {
    this.parts.drainQueue.scheduleDuties(DUTY_INTERVAL).catch((error: unknown) => {
      this.parts.logger.warn({ reason: String(error) }, 'duties could not be scheduled; tried again in a minute');
    });
  }
}
