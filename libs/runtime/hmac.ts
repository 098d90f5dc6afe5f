import { hash, timingSafeEqual } from 'node:crypto';

/** Bytes of a block of SHA-1 and of SHA-256. */
const BLOCK = 64;

/**
 * HMAC (RFC 2104) under one key, for the many short texts that are signed with it. Node's own `createHmac` looks its algorithm up and
 * makes objects for every text, which costs several times the digests; here it is two of them and nothing else.
 */
export class Hmac {
  readonly #inner: Buffer;
  readonly #outer: Buffer;

  constructor(
    private readonly algorithm: 'sha1' | 'sha256',
    key: string | Buffer,
  ) {
    const bytes = Buffer.from(key as string, 'utf8');
    const short = bytes.length > BLOCK ? hash(algorithm, bytes, 'buffer') : bytes;
    this.#inner = Buffer.alloc(BLOCK, 0x36);
    this.#outer = Buffer.alloc(BLOCK, 0x5c);
    for (const [at, byte] of short.entries()) {
      this.#inner[at]! ^= byte;
      this.#outer[at]! ^= byte;
    }
  }

  /** @param text bytes, or a string in which one character stands for one byte */
  digest(text: string | Buffer): Buffer {
    const message = Buffer.allocUnsafe(BLOCK + text.length);
    this.#inner.copy(message);
    if (typeof text === 'string') message.write(text, BLOCK, 'latin1');
    else text.copy(message, BLOCK);
    return hash(this.algorithm, Buffer.concat([this.#outer, hash(this.algorithm, message, 'buffer')]), 'buffer');
  }

  /** Whether a digest, written in `encoding`, is the text's; the comparison takes as long for any wrong one. */
  fits(text: string, given: string, encoding: 'base64' | 'hex'): boolean {
    const expected = Buffer.from(this.digest(text).toString(encoding), 'latin1');
    const bytes = Buffer.from(given, 'latin1');
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  }
}

/** Keys that were used lately, so that each is prepared once. */
export class HmacKeys {
  readonly #keys = new Map<string, Hmac>();

  /** @param limit keys that are kept; the oldest one makes room */
  constructor(private readonly limit = 1_024) {}

  /** @param name tells keys apart; whoever knows it could make the key itself, as it never leaves the process */
  get(name: string, make: () => Hmac): Hmac {
    let key = this.#keys.get(name);
    if (key === undefined) {
      if (this.#keys.size >= this.limit) this.#keys.delete(this.#keys.keys().next().value!);
      key = make();
      this.#keys.set(name, key);
    }
    return key;
  }
}
