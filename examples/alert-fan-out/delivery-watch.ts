import { setTimeout as sleep } from 'node:timers/promises';
import type { HubAccess } from './alert-topic.js';

interface Attempt {
  readonly subscriptionName: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly code?: number;
  readonly latencyMillis: number;
}

export interface DeliveryOutcome {
  readonly delivered: boolean;
  readonly text: string;
}

/** Looks into the hub's attempt log until the message was attempted for the subscription. @throws Error after so many milliseconds */
export async function watchDelivery(hub: HubAccess, messageId: string, subscription: string, withinMillis: number): Promise<DeliveryOutcome> {
  const login = Buffer.from(`${hub.accessKeyId}:${hub.accessKeySecret}`).toString('base64');
  const deadline = Date.now() + withinMillis;
  while (Date.now() < deadline) {
    const response = await fetch(`${hub.api}/api/v1/deliveries?messageId=${messageId}`, { headers: { Authorization: `Basic ${login}` } });
    if (!response.ok) throw new Error(`the attempt log answered ${response.status}: ${await response.text()}`);
    const { attempts } = (await response.json()) as { attempts: Attempt[] };
    const attempt = attempts.findLast(({ subscriptionName }) => subscriptionName === subscription);
    if (attempt !== undefined) return describe(attempt);
    await sleep(100);
  }
  throw new Error(`no attempt to deliver ${messageId} to ${subscription} within ${withinMillis / 1_000} s`);
}

function describe({ outcome, code, reason = 'no reason given', latencyMillis }: Attempt): DeliveryOutcome {
  if (outcome === 'delivered') return { delivered: true, text: `taken by the provider (${code}) after ${latencyMillis} ms` };
  const next = outcome === 'retry' ? '; the hub will try again' : '';
  return { delivered: false, text: `not taken: ${reason}${next}` };
}
