import { delivered, permanent, retryable } from '../outcome.js';
import { readObject, textOf } from '../message-attributes.js';
import type { RobotAnswer, RobotVerdict } from './robot-provider.js';

/** What the codes of a provider that answers in JSON mean; those not named may pass, and are tried again. */
export interface AnswerCodes {
  /** Seconds to wait after a code that says "too fast". */
  readonly throttled: Readonly<Record<number, number>>;
  /** The message will never be taken. */
  readonly content: readonly number[];
  /** The robot is gone: removed, disabled, or its group dissolved. */
  readonly gone: readonly number[];
}

const LONGEST_TEXT = 150;

/** Reads an answer whose HTTP status is mostly 200 and whose body holds the code, 0 for success. */
export function readCodedAnswer(
  answer: RobotAnswer,
  codes: AnswerCodes,
  read: (members: Readonly<Record<string, unknown>>) => { readonly code: unknown; readonly text: unknown },
): RobotVerdict {
  const members = readObject(answer.body);
  const { code: given, text } = members === undefined ? { code: undefined, text: undefined } : read(members);
  const code = typeof given === 'string' && /^-?\d+$/.test(given) ? Number(given) : given;
  if (typeof code !== 'number') return uncodedVerdict(answer);
  if (code === 0) return answer.status === 200 ? { outcome: delivered(200) } : uncodedVerdict(answer);
  const reason = `code ${code}: ${plain(textOf(text) ?? '')}`;
  const wait = codes.throttled[code];
  if (wait !== undefined) return throttledVerdict(reason, wait, answer);
  if (codes.content.includes(code)) return { outcome: permanent(reason, answer.status), aboutContent: true };
  if (codes.gone.includes(code)) return { outcome: permanent(reason, answer.status) };
  return { outcome: retryable(reason, { code: answer.status }) };
}

/** An answer that speaks by its status alone: a gateway in between, or a page. */
export function uncodedVerdict(answer: RobotAnswer): RobotVerdict {
  const reason = answer.status === 200 ? 'the answer is none of the provider' : `HTTP ${answer.status}`;
  if (answer.status === 429) return throttledVerdict(reason, 60, answer);
  const wish = answer.status === 503 ? secondsOf(answer.retryAfter) : undefined;
  return { outcome: retryable(reason, { code: answer.status, ...(wish !== undefined && { retryAfter: wish }) }) };
}

export function throttledVerdict(reason: string, seconds: number, { status, retryAfter }: RobotAnswer): RobotVerdict {
  const wait = Math.max(1, secondsOf(retryAfter) ?? seconds);
  return { outcome: retryable(reason, { code: status, retryAfter: wait }), throttledFor: wait };
}

function secondsOf(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter.trim()) ? Number(retryAfter) : undefined;
}

/** A provider's text in one short line. */
export function plain(text: string): string {
  return text.replace(/[\s\u0000-\u001f]+/g, ' ').trim().slice(0, LONGEST_TEXT);
}
