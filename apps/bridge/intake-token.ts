import { createHash, timingSafeEqual } from 'node:crypto';

/** Tokens of registered sources, by their names. */
export type OwnTokens = ReadonlyMap<string, { readonly intakeToken?: string }>;

/**
 * The secret that senders prove themselves with, in `Authorization`, with or without the word `Bearer`: the source's own, or the hub's
 * for a source without one.
 */
export class IntakeToken {
  readonly #digest: Buffer;

  /** @param token the hub's */
  constructor(token: string) {
    this.#digest = digest(token);
  }

  /** Whether it is the hub's. Takes the same time for every wrong value: digests are of one length. */
  admits(authorization: string | undefined): boolean {
    return timingSafeEqual(digestOf(authorization), this.#digest);
  }

  /**
   * @param own undefined: not known yet
   * @returns `unknown` for what may be the source's own token: a refusal would be wrong, the sender has to come again
   */
  judge(authorization: string | undefined, source: string, own: OwnTokens | undefined): 'admitted' | 'refused' | 'unknown' {
    const token = own?.get(source)?.intakeToken;
    if (token !== undefined) return timingSafeEqual(digestOf(authorization), digest(token)) ? 'admitted' : 'refused';
    if (this.admits(authorization)) return 'admitted';
    return own === undefined ? 'unknown' : 'refused';
  }
}

function digestOf(authorization: string | undefined): Buffer {
  return digest((authorization ?? '').replace(/^bearer +/i, '').trim());
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
