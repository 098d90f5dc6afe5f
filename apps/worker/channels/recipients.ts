import { delivered, permanent, retryable, type Outcome } from '#delivery/outcome.js';
import type { Delivery } from './channel.js';

/** What remembers, between attempts, which recipients of a delivery are done with. */
export interface SettledRecipients {
  settled(pendingQueueId: string, messageId: string): Promise<ReadonlySet<string>>;
  settle(pendingQueueId: string, messageId: string, recipients: readonly string[]): Promise<void>;
}

/** Calls to the provider at the same time for one delivery. */
const AT_ONCE = 20;

/**
 * Makes one attempt for each recipient that still needs one. A recipient who is refused for good fails the others in nothing; one who
 * may get it later makes the delivery be tried again, and those who have it already are left out then.
 *
 * All of it takes `timeLimit` milliseconds at the most; whoever was not reached by then counts as to be tried again.
 *
 * Rejects with the reason of `signal` when that fires.
 */
export async function sendToEach(
  { subscription, pending }: Delivery,
  recipients: readonly string[],
  options: { readonly store: SettledRecipients; readonly timeLimit: number; readonly signal: AbortSignal },
  send: (recipient: string, signal: AbortSignal) => Promise<Outcome>,
): Promise<Outcome> {
  const { store, timeLimit, signal } = options;
  const [first] = recipients;
  if (recipients.length === 1 && first !== undefined) return await send(first, signal);
  const before = await readSettled(pending.attempts, () => store.settled(subscription.pendingQueue.id, pending.messageId));
  signal.throwIfAborted();
  const outcomes = await sendAll(recipients.filter((recipient) => !before.has(recipient)), timeLimit, signal, send);
  const isSettled = ([, { kind }]: readonly [string, Outcome]): boolean => kind === 'delivered' || kind === 'permanent';
  const settled = outcomes.filter(isSettled).map(([recipient]) => recipient);
  if (settled.length > 0 && settled.length < outcomes.length) {
    // Without it some get the message twice, which is better than that others never do.
    await store.settle(subscription.pendingQueue.id, pending.messageId, settled).catch(() => undefined);
  }
  return together(outcomes, recipients.length, before.size);
}

async function readSettled(attempts: number, read: () => Promise<ReadonlySet<string>>): Promise<ReadonlySet<string>> {
  if (attempts === 0) return new Set();
  return await read().catch(() => new Set<string>());
}

async function sendAll(
  recipients: readonly string[],
  timeLimit: number,
  signal: AbortSignal,
  send: (recipient: string, signal: AbortSignal) => Promise<Outcome>,
): Promise<(readonly [string, Outcome])[]> {
  const limit = AbortSignal.timeout(timeLimit);
  const either = AbortSignal.any([signal, limit]);
  const outcomes: (readonly [string, Outcome])[] = [];
  const left = [...recipients];
  const sendNext = async (): Promise<void> => {
    for (let recipient = left.shift(); recipient !== undefined; recipient = left.shift()) {
      outcomes.push([recipient, await sendOne(recipient)]);
    }
  };
  const sendOne = async (recipient: string): Promise<Outcome> => {
    try {
      either.throwIfAborted();
      const outcome = await send(recipient, either);
      // One delivery is made or not: those whose turn did not come make it be tried again.
      return outcome.kind === 'held' ? retryable('the limit of the channel', { retryAfter: outcome.seconds }) : outcome;
    } catch (error) {
      signal.throwIfAborted();
      if (!limit.aborted) throw error;
      return retryable(`no answer within ${timeLimit / 1_000} s`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, left.length) }, sendNext));
  return outcomes;
}

/** What the attempts of a delivery come to as one; `done` recipients were done with before. */
function together(outcomes: readonly (readonly [string, Outcome])[], count: number, done: number): Outcome {
  const all = outcomes.map(([, outcome]) => outcome);
  const retries = all.filter((outcome) => outcome.kind === 'retryable');
  const refused = all.filter((outcome) => outcome.kind === 'permanent');
  const [retry] = retries;
  const [refusal] = refused;
  if (retry !== undefined) {
    const wishes = retries.map(({ retryAfter }) => retryAfter).filter((wish) => wish !== undefined);
    const wish = wishes.length > 0 ? { retryAfter: Math.max(...wishes) } : {};
    const details = { ...(retry.code !== undefined && { code: retry.code }), ...wish };
    return retryable(`${retries.length} of ${count} recipients: ${retry.reason}`, details);
  }
  if (refusal === undefined) return delivered(all.find((outcome) => outcome.kind === 'delivered')?.code);
  const reason = `${refused.length} of ${count} recipients: ${refusal.reason}`;
  const code = all.find((outcome) => outcome.kind === 'delivered')?.code;
  return refused.length === all.length && done === 0 ? permanent(reason, refusal.code) : delivered(code, reason);
}
