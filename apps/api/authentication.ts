import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch } from '#access/access-errors.js';
import type { AccessKey } from '#access/access-key.js';
import type { AccessStore } from '#access/access-store.js';
import { checkDate, checkVersion, parseAuthorization, readDate, stringToSignV2, verifySignatureV2 } from '#mns-wire/signature-v2.js';
import type { Clock } from '#runtime/clock.js';
import { Unauthorized } from './problem-reply.js';

/** An account's own host name: `1234567890123456.mns.cn-hangzhou.example.com`, also `….mns-vpc.…`. */
const ACCOUNT_HOST = /^(\d{16})\.mns[.-]/i;

/** Finds out for which account a request acts, and refuses it when it cannot prove that. */
export class Authentication {
  constructor(
    private readonly access: Pick<AccessStore, 'find'>,
    private readonly clock: Clock,
  ) {}

  /**
   * The data plane's way: an MNS signature, checked in the order that clients rely on (the owner of the host before the signature).
   *
   * @throws MnsError, AccessError, RedisUnavailable
   */
  async byMnsSignature(request: FastifyRequest): Promise<void> {
    const { headers } = request.raw;
    const { accessKeyId, signature } = parseAuthorization(headers.authorization);
    readDate(headers);
    checkVersion(headers);
    const key = await this.findKey(accessKeyId);
    const owner = ACCOUNT_HOST.exec(headers.host ?? '')?.[1];
    if (owner !== undefined && owner !== key.account) throw new AccessDenied(request.operation);
    checkDate(headers, this.clock.now());
    const signed = { method: request.raw.method ?? '', rawTarget: originForm(request.raw.url ?? ''), headers };
    if (!verifySignatureV2(signed, signature, key.secret)) throw new SignatureDoesNotMatch(stringToSignV2(signed));
    request.account = key.account;
  }

  /**
   * The management interface takes an access key as user name and password as well.
   *
   * @throws Unauthorized, and what `byMnsSignature` throws
   */
  async byKeyOrSignature(request: FastifyRequest): Promise<void> {
    const { authorization } = request.raw.headers;
    if (authorization === undefined) throw new Unauthorized('Send an access key as HTTP Basic credentials, or an MNS signature.');
    const basic = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization)?.[1];
    if (basic === undefined) return this.byMnsSignature(request);
    const credentials = Buffer.from(basic, 'base64').toString('utf8');
    const colon = credentials.indexOf(':');
    const key = await this.access.find(credentials.slice(0, Math.max(colon, 0)));
    const known = key !== undefined && key.enabled && sameSecret(credentials.slice(colon + 1), key.secret);
    if (!known) throw new Unauthorized('The access key or its secret is wrong.');
    request.account = key.account;
  }

  private async findKey(accessKeyId: string): Promise<AccessKey> {
    const key = await this.access.find(accessKeyId);
    if (key === undefined || !key.enabled) throw new InvalidAccessKeyId(accessKeyId);
    return key;
  }
}

/** Through a proxy the request line may hold a whole URL; what is signed is its path and query. */
function originForm(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '');
}

/** Digests have one length, so that the comparison tells nothing about the secret's. */
function sameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
