import type { HeaderLine } from './push-signature.js';

/** What went over the wire in one HTTP push, as its owner may see it: secrets are replaced. */
export interface PushExchange {
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: readonly HeaderLine[];
    readonly body: string;
  };
  /** Absent when no answer came, or nothing was sent because the target is not to be reached. */
  readonly response?: {
    readonly status: number;
    readonly headers: readonly HeaderLine[];
    /** How the body began. */
    readonly body: string;
  };
}
