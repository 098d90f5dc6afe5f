import { InvalidArgument } from '#runtime/invalid-argument.js';
import { readMembers } from './management-request.js';

const LONGEST_REASON = 200;

/** `{"reason": "…"}`, optional. @throws InvalidArgument */
export function readPauseReason(json: unknown): string {
  const { reason = 'paused by its owner' } = readMembers(json, 'pause', ['reason']);
  if (typeof reason !== 'string' || reason.length > LONGEST_REASON) {
    throw new InvalidArgument('reason', `reason is a text of at most ${LONGEST_REASON} characters.`);
  }
  return reason;
}
