/** First part of the keys of objects that a check writes: `.magpie-canary/` and 32 hexadecimal digits. Events of such objects never become messages. */
export const CANARY_PREFIX = '.magpie-canary/';

const CANARY_KEY = /^\.magpie-canary\/([0-9a-f]{32})$/;

/** The id of the check that wrote an object; undefined: it is no canary. */
export function canaryId(key: string): string | undefined {
  return CANARY_KEY.exec(key)?.[1];
}

/** What became of a canary's event. Times are milliseconds since the epoch by the clock of Redis. */
export interface CanarySightings {
  /** The first arrival by each way, `durable`, `fast` or `listen`. */
  readonly arrivals: Readonly<Record<string, number>>;
  /** When it was read and matched, and the rules that would have taken it. */
  readonly matched?: { readonly at: number; readonly rules: readonly string[] };
}
