/**
 * What one attempt came to. `code` is the answer's number in the channel's own protocol (HTTP status, SMTP reply).
 *
 * - delivered: the endpoint has taken the message. `reason` says what is to be known all the same: a recipient among several that was refused.
 * - retryable: it may take it later. `retryAfter` is the endpoint's own wish in seconds; the notify strategy's delay still is the least.
 * - permanent: it will never take it; no further attempt is made.
 * - held: the hub itself holds the message back for so many seconds, which is no fault of the endpoint. It counts as no attempt.
 */
export type Outcome =
  | { readonly kind: 'delivered'; readonly code?: number; readonly reason?: string }
  | { readonly kind: 'retryable'; readonly reason: string; readonly code?: number; readonly retryAfter?: number }
  | { readonly kind: 'permanent'; readonly reason: string; readonly code?: number }
  | { readonly kind: 'held'; readonly seconds: number };

export function delivered(code?: number, reason?: string): Outcome {
  return { kind: 'delivered', ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
}

export function retryable(reason: string, details: { readonly code?: number; readonly retryAfter?: number } = {}): Outcome {
  return { kind: 'retryable', reason, ...details };
}

export function permanent(reason: string, code?: number): Outcome {
  return { kind: 'permanent', reason, ...(code !== undefined && { code }) };
}

export function held(seconds: number): Outcome {
  return { kind: 'held', seconds };
}
