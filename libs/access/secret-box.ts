import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** First part of what `seal` returns; another number is another layout. */
const FORMAT = '1';

/** What was sealed under another key, for another context, or was changed since. */
export class SecretUnreadable extends Error {
  override readonly name = 'SecretUnreadable';

  constructor(readonly context: string) {
    super(`the secret of "${context}" cannot be decrypted: MAGPIE_SECRET_KEY is not the one that it was stored with`);
  }
}

/**
 * Keeps secrets unreadable in storage: AES-256-GCM, a random nonce for each text.
 *
 * The context (say, the id of an access key) is authenticated with the text, so that a sealed secret cannot be moved to another record.
 */
export class SecretBox {
  /** @throws Error unless the key has 32 bytes. */
  constructor(private readonly key: Buffer) {
    if (key.length !== KEY_BYTES) throw new Error(`a secret key has ${KEY_BYTES} bytes, this one has ${key.length}`);
  }

  /** Returns `1:` and the base64 of nonce, tag and ciphertext. */
  seal(text: string, context: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(context));
    const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return `${FORMAT}:${Buffer.concat([nonce, cipher.getAuthTag(), encrypted]).toString('base64')}`;
  }

  /** @throws SecretUnreadable */
  open(sealed: string, context: string): string {
    const [format, encoded = ''] = sealed.split(':');
    const bytes = Buffer.from(encoded, 'base64');
    if (format !== FORMAT || bytes.length < NONCE_BYTES + TAG_BYTES) throw new SecretUnreadable(context);
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    try {
      const decipher = createDecipheriv(ALGORITHM, this.key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(context)).setAuthTag(tag);
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
    } catch {
      throw new SecretUnreadable(context);
    }
  }
}
