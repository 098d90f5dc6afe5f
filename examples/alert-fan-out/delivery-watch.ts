import { setTimeout as sleep } from 'node:timers/promises';
import type { HubAccess } from './alert-topic.js';

interface Attempt {
  readonly subscriptionName: string;
  /** 1 for the first. */
  readonly number: number;
  readonly outcome: string;
  readonly reason?: string;
  readonly code?: number;
}

/**
 * Looks into the hub's attempt log until the provider has taken the message.
 *
 * @param onFailure told of each attempt that failed
 * @returns the provider's answer; undefined when it has not taken it within so many milliseconds
 */
export async function watchDelivery(
  hub: HubAccess,
  { messageId, subscription, withinMillis }: { messageId: string; subscription: string; withinMillis: number },
  onFailure: (reason: string) => void,
): Promise<string | undefined> {
  const deadline = Date.now() + withinMillis;
  for (let seen = 0; Date.now() < deadline; await sleep(100)) {
    const attempts = await attemptsOf(hub, messageId);
    const attempt = attempts.findLast(({ subscriptionName }) => subscriptionName === subscription);
    if (attempt === undefined || attempt.number <= seen) continue;
    seen = attempt.number;
    if (attempt.outcome !== 'retry' && attempt.outcome !== 'failed') return `taken by the provider, which answered ${attempt.code}`;
    const next = attempt.outcome === 'retry' ? '; the hub will try again' : '';
    onFailure(`attempt ${attempt.number} failed: ${attempt.reason ?? 'no reason given'}${next}`);
  }
  return undefined;
}

async function attemptsOf({ api, accessKeyId, accessKeySecret }: HubAccess, messageId: string): Promise<readonly Attempt[]> {
  const login = Buffer.from(`${accessKeyId}:${accessKeySecret}`).toString('base64');
  const response = await fetch(`${api}/api/v1/deliveries?messageId=${messageId}`, { headers: { Authorization: `Basic ${login}` } });
  if (!response.ok) throw new Error(`the attempt log answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { attempts: Attempt[] }).attempts;
}
