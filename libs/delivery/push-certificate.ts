import { createHash, createPrivateKey, generateKeyPair, randomBytes, X509Certificate, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { RedisClient } from '#redis/redis-client.js';
import { selfSignedCertificate } from './x509-certificate.js';

/** Encrypts what must not be readable in Redis; `context` ties a sealed text to its place. */
export interface SecretBox {
  seal(text: string, context: string): string;
  open(sealed: string, context: string): string;
}

const KEY_BITS = 2_048;
const YEARS_VALID = 30;
const MILLIS_PER_YEAR = 365.25 * 24 * 3_600_000;
const SEAL_CONTEXT = 'push-key';

/**
 * The key with which all processes of a deployment sign pushes, and the certificate that lets subscribers verify them.
 *
 * Kept in the hash `<prefix>:push-key`: `key` (sealed PKCS #8) and `certificate` (PEM). The first process ever to start writes
 * them; HSETNX field by field, so that after a crash between the two the next process makes a certificate for the key that is there.
 */
export class PushCertificate {
  private constructor(
    readonly privateKey: KeyObject,
    readonly pem: string,
    /** First 16 hexadecimal digits of the certificate's SHA-256: names it in its URL, so that a new one has a new URL. */
    readonly fingerprint: string,
  ) {}

  /** @throws what `box` throws when the key was sealed with another secret. */
  static async open(client: RedisClient, prefix: string, box: SecretBox): Promise<PushCertificate> {
    const hash = `${prefix}:push-key`;
    const sealed = await keptOrMade(client, hash, 'key', async () => box.seal(await newKey(), SEAL_CONTEXT));
    const privateKey = createPrivateKey(box.open(sealed, SEAL_CONTEXT));
    const pem = await keptOrMade(client, hash, 'certificate', () => Promise.resolve(newCertificate(privateKey)));
    const digest = createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
    return new PushCertificate(privateKey, pem, digest.slice(0, 16));
  }

  get fileName(): string {
    return `${this.fingerprint}.pem`;
  }

  /** @param publicUrl base of the API's URLs, without a slash at its end */
  urlUnder(publicUrl: string): string {
    return `${publicUrl}/certificates/${this.fileName}`;
  }
}

/** Writes a value unless there is one or another process was first; answers the one that holds. */
async function keptOrMade(client: RedisClient, hash: string, field: string, make: () => Promise<string>): Promise<string> {
  const kept = await client.hget(hash, field);
  if (kept !== null) return kept;
  const made = await make();
  const isFirst = await client.hsetnx(hash, field, made);
  return isFirst === 1 ? made : ((await client.hget(hash, field)) ?? made);
}

async function newKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: KEY_BITS });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function newCertificate(privateKey: KeyObject): string {
  const now = Date.now();
  return selfSignedCertificate(privateKey, {
    commonName: 'notify',
    organization: 'Magpie',
    serial: randomBytes(16),
    // An hour back: a subscriber's clock may be behind.
    notBefore: now - 3_600_000,
    notAfter: now + YEARS_VALID * MILLIS_PER_YEAR,
  });
}
