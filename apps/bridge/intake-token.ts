import { createHash, timingSafeEqual } from 'node:crypto';

/** The secret that senders prove themselves with, in `Authorization`, with or without the word `Bearer`. */
export class IntakeToken {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = digest(token);
  }

  /** Takes the same time for every wrong value: digests are of one length. */
  admits(authorization: string | undefined): boolean {
    const given = (authorization ?? '').replace(/^bearer +/i, '').trim();
    return timingSafeEqual(digest(given), this.#digest);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
