/** The two retry schedules that MNS offers a subscription. */
export const NOTIFY_STRATEGIES = ['BACKOFF_RETRY', 'EXPONENTIAL_DECAY_RETRY'] as const;

export type NotifyStrategyName = (typeof NOTIFY_STRATEGIES)[number];

/**
 * Seconds between the end of one attempt and the earliest start of the next.
 *
 * | strategy                | retries | delay before each retry                                            | ends after         |
 * | ----------------------- | ------- | ------------------------------------------------------------------ | ------------------ |
 * | BACKOFF_RETRY           | 3       | random, 10 to 20 s                                                 | 30 to 60 s         |
 * | EXPONENTIAL_DECAY_RETRY | 176     | 1, 2, 4, 8, 16, 32, 64, 128, 256 s, then 167 times 512 s           | 86,015 s (23.9 h)  |
 */
const BACKOFF_RETRIES = 3;
const BACKOFF_LOW = 10;
const BACKOFF_HIGH = 20;
const EXPONENTIAL_RETRIES = 176;
const EXPONENTIAL_CEILING = 512;
/** A custom schedule's delays are longer by up to this share, so that what failed together does not come back together. */
const CUSTOM_JITTER = 0.1;

/**
 * Delay in seconds until the next attempt, or undefined when the schedule is spent.
 *
 * @param schedule a strategy, or the seconds before each retry
 * @param attemptsDone attempts whose outcome is known, the one that has just failed included: 1 or more
 * @param random answers a number from 0 (included) to 1 (excluded)
 */
export function nextAttempt(
  schedule: NotifyStrategyName | readonly number[],
  attemptsDone: number,
  random: () => number,
): number | undefined {
  if (typeof schedule !== 'string') {
    const delay = schedule[attemptsDone - 1];
    return delay === undefined ? undefined : delay * (1 + CUSTOM_JITTER * random());
  }
  switch (schedule) {
    case 'BACKOFF_RETRY':
      return attemptsDone > BACKOFF_RETRIES ? undefined : BACKOFF_LOW + random() * (BACKOFF_HIGH - BACKOFF_LOW);
    case 'EXPONENTIAL_DECAY_RETRY':
      return attemptsDone > EXPONENTIAL_RETRIES ? undefined : Math.min(2 ** (attemptsDone - 1), EXPONENTIAL_CEILING);
  }
}
