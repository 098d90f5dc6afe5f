import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { ReplayOptions } from '#topic/failed-delivery-store.js';
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

const REPLAY_NUMBERS = ['from', 'to', 'limit', 'maxPerSecond'] as const;

/** `{"outcome": "delivered", "from": …, "to": …, "limit": 100, "maxPerSecond": 50}`, all optional. @throws InvalidArgument */
export function readReplayOptions(json: unknown): ReplayOptions {
  const members = readMembers(json, 'replay', ['outcome', ...REPLAY_NUMBERS]);
  const { outcome = 'failed' } = members;
  if (outcome !== 'failed' && outcome !== 'delivered') throw new InvalidArgument('outcome', 'outcome is failed or delivered.');
  for (const name of REPLAY_NUMBERS) {
    const value = members[name];
    if (value !== undefined && typeof value !== 'number') throw new InvalidArgument(name, `${name} is a number.`);
  }
  return { ...members, outcome };
}
