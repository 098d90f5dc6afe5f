import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import type { Job } from 'bullmq';
import { DRAIN_QUEUE, type DrainJob } from '#delivery/drain-queue.js';
import type { Logger } from '#runtime/log.js';
import type { Drains } from './drains.js';
import type { Duties } from './duties.js';
import type { TestPushes } from './test-pushes.js';

/**
 * Drains that one BullMQ worker runs at a time, and workers of this process. BullMQ fetches jobs one by one and starts little until a
 * burst is fetched, so two share it; each worker at rest costs Redis 3 commands a second, so it is not ten.
 */
const CONCURRENCY = 500;
export const PROCESSORS = 2;

/**
 * Takes the jobs of the drain queue; nothing else does.
 *
 * The job of a worker that was killed goes to another one after 10 to 15 s (lock, then the next look for stalled jobs), however often
 * that happens: by default BullMQ drops a job whose worker was killed twice.
 */
@Processor(DRAIN_QUEUE, {
  concurrency: CONCURRENCY,
  lockDuration: 10_000,
  stalledInterval: 5_000,
  maxStalledCount: Number.MAX_SAFE_INTEGER,
  drainDelay: 10,
  runRetryDelay: 500,
})
export class DrainProcessor extends WorkerHost {
  #lastError = '';

  constructor(
    private readonly drains: Drains,
    private readonly duties: Duties,
    private readonly tests: TestPushes,
    private readonly logger: Logger,
  ) {
    super();
  }

  override async process(job: Job): Promise<void> {
    const { name, data } = job as unknown as DrainJob;
    switch (name) {
      case 'drain':
        return await this.drains.drain(data);
      case 'timer':
        return await this.drains.fireTimer(data);
      case 'test':
        return await this.tests.run(data);
      case 'duty':
        return await this.duties.run();
      default:
        // Of a newer release: it goes back until a worker of that release takes it.
        throw new Error(`this release does not know the job "${job.name}"`);
    }
  }

  @OnWorkerEvent('failed')
  onFailed(job: Job | undefined, error: Error): void {
    this.logger.warn({ job: job?.id, reason: error.message }, 'job failed and will be tried again');
  }

  /** While Redis is away every command of BullMQ fails; one line is enough. */
  @OnWorkerEvent('error')
  onError(error: Error): void {
    if (error.message !== this.#lastError) this.logger.warn({ reason: error.message }, 'BullMQ worker reported an error');
    this.#lastError = error.message;
  }

  @OnWorkerEvent('active')
  onActive(): void {
    this.#lastError = '';
  }
}
