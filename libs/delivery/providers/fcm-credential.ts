import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { request, type Agent } from 'node:https';
import type { Credential, GoogleOAuthAccessToken } from 'firebase-admin/app';
import { readObject, textOf } from '../message-attributes.js';

const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
/** Seconds of a grant; it is used at once. */
const GRANT_LIFE = 600;
/** Milliseconds. */
const TIME_LIMIT = 8_000;
const ANSWER_LIMIT = 64 * 1_024;

/** Google's token server gave out no access token. */
export class AccessTokenRefused extends Error {
  override readonly name = 'AccessTokenRefused';

  constructor(
    message: string,
    readonly status?: number,
  ) {
    super(message);
  }
}

interface Account {
  readonly email: string;
  readonly keyId: string;
  readonly key: KeyObject;
}

/**
 * Access tokens of a service account (RFC 7523), asked for over the given agent: the library's own credential of a service account
 * leaves its agent aside for these requests. The library keeps a token until it is about to expire.
 */
export class FcmCredential implements Credential {
  #account: Account | undefined;

  constructor(
    private readonly serviceAccount: Readonly<Record<string, unknown>>,
    private readonly agent: Agent,
  ) {}

  /** @throws AccessTokenRefused, or what the connection failed with */
  async getAccessToken(): Promise<GoogleOAuthAccessToken> {
    const form = new URLSearchParams({ grant_type: GRANT, assertion: grant((this.#account ??= this.#read()), Math.floor(Date.now() / 1_000)) });
    const { status, body } = await this.#post(form.toString());
    const members = readObject(body) ?? {};
    const { access_token: token, expires_in: expiresIn, error, error_description: description } = members;
    if (status === 200 && typeof token === 'string' && typeof expiresIn === 'number') return { access_token: token, expires_in: expiresIn };
    const said = [error, description].filter((part) => typeof part === 'string').join(': ');
    throw new AccessTokenRefused(`the token server answered HTTP ${status}${said === '' ? '' : `, ${said}`}`, status);
  }

  #read(): Account {
    const { client_email: email, private_key: key, private_key_id: keyId } = this.serviceAccount;
    try {
      return { email: textOf(email) ?? '', keyId: textOf(keyId) ?? '', key: createPrivateKey(textOf(key) ?? '') };
    } catch {
      throw new AccessTokenRefused('private_key of the service account is no private key');
    }
  }

  #post(form: string): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(form) };
      const asking = request(TOKEN_URL, { method: 'POST', agent: this.agent, headers, signal: AbortSignal.timeout(TIME_LIMIT) }, (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => (body.length < ANSWER_LIMIT ? (body += part) : answer.destroy(new Error('the answer is too long'))));
        answer.once('error', reject);
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      });
      asking.once('error', reject);
      asking.end(form);
    });
  }
}

/** A signed statement that the holder of the key asks for a token. */
function grant({ email, keyId, key }: Account, now: number): string {
  const head = { alg: 'RS256', typ: 'JWT', ...(keyId !== '' && { kid: keyId }) };
  const claims = { iss: email, scope: SCOPE, aud: TOKEN_URL, iat: now, exp: now + GRANT_LIFE };
  const unsigned = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), key).toString('base64url')}`;
}
