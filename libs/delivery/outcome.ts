/**
 * What one attempt came to. `code` is the answer's number in the channel's own protocol (HTTP status, SMTP reply).
 *
 * `answer` is how the body of that answer began, as text that may be shown.
 *
 * - delivered: the endpoint has taken the message.
 * - retryable: it may take it later. `retryAfter` is the endpoint's own wish in seconds; the notify strategy's delay still is the least.
 * - permanent: it will never take it; no further attempt is made.
 * - held: the hub itself holds the message back for so many seconds, which is no fault of the endpoint. It counts as no attempt.
 */
export type Outcome =
  | { readonly kind: 'delivered'; readonly code?: number; readonly answer?: string }
  | { readonly kind: 'retryable'; readonly reason: string; readonly code?: number; readonly retryAfter?: number; readonly answer?: string }
  | { readonly kind: 'permanent'; readonly reason: string; readonly code?: number; readonly answer?: string }
  | { readonly kind: 'held'; readonly seconds: number };

export function delivered(code?: number): Outcome {
  return { kind: 'delivered', ...(code !== undefined && { code }) };
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

/** @param answer how the endpoint's answer began; '' when it said nothing */
export function withAnswer(outcome: Outcome, answer: string): Outcome {
  return outcome.kind === 'held' || answer === '' ? outcome : { ...outcome, answer };
}
