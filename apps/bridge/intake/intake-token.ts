import { createHash, timingSafeEqual } from 'node:crypto';

/** What it takes to check tokens: digests of them. Plain data, so that it can be posted to a thread. */
export interface TokenDigests {
  /** Of the hub's token, for every source without its own. */
  readonly common: Uint8Array;
  /** By name of the source; absent while it is not known yet which sources have tokens of their own. */
  readonly own?: ReadonlyMap<string, Uint8Array>;
}

/** `unknown`: it may be the source's own token. A refusal would be wrong; the sender has to come again. */
export type TokenVerdict = 'admitted' | 'refused' | 'unknown';

export function tokenDigests(common: string, own?: Iterable<readonly [source: string, token: string]>): TokenDigests {
  const digests = own && new Map([...own].map(([source, token]) => [source, digest(token)]));
  return { common: digest(common), ...(digests !== undefined && { own: digests }) };
}

/**
 * Whether `Authorization`, with or without the word `Bearer`, holds the token of a source; without a source, that of the hub.
 * Takes the same time for every wrong value: digests are of one length.
 */
export function judge({ common, own }: TokenDigests, authorization: string | undefined, source?: string): TokenVerdict {
  const given = (authorization ?? '').replace(/^bearer +/i, '').trim();
  if (timingSafeEqual(digest(given), (source !== undefined && own?.get(source)) || common)) return 'admitted';
  return source !== undefined && own === undefined ? 'unknown' : 'refused';
}

/** The secrets that senders prove themselves with. */
export class IntakeToken {
  #digests: TokenDigests;
  #onChange: (digests: TokenDigests) => void = () => undefined;

  /** @param token the hub's */
  constructor(private readonly token: string) {
    this.#digests = tokenDigests(token);
  }

  get digests(): TokenDigests {
    return this.#digests;
  }

  /** From now on these sources have tokens of their own, and no others have. */
  setOwn(own: Iterable<readonly [source: string, token: string]>): void {
    this.#digests = tokenDigests(this.token, own);
    this.#onChange(this.#digests);
  }

  /** Called with every change; there is one listener. */
  onChange(listener: (digests: TokenDigests) => void): void {
    this.#onChange = listener;
  }

  /** Whether it is the token of the hub. */
  admits(authorization: string | undefined): boolean {
    return judge(this.#digests, authorization) === 'admitted';
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
