import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch } from '#access/access-errors.js';
import type { AccessKey } from '#access/access-key.js';
import type { AccessStore } from '#access/access-store.js';
import { parseAuthorization, type Authorization } from '#mns-wire/authorization.js';
import { stringToSignV2, verifySignatureV2 } from '#mns-wire/signature-v2.js';
import { stringToSignV4, verifySignatureV4 } from '#mns-wire/signature-v4.js';
import { checkDate, checkVersion, readDate, refuseRepeatedHeaders, type SignedRequest } from '#mns-wire/signed-request.js';
import type { Clock } from '#runtime/clock.js';
import { Unauthorized } from './problem-reply.js';
import type { RequestOrigins } from './request-origin.js';

/** An account's own host name: `1234567890123456.mns.cn-hangzhou.example.com`, also `….mns-vpc.…`. */
const ACCOUNT_HOST = /^(\d{16})\.mns[.-]/i;

/** A public host of MNS, where somebody points its name at this hub: the first label is an account, whatever it looks like. */
const PUBLIC_HOST = /^([^.:]+)\.mns[.-][^:]*\.aliyuncs\.com(?::\d+)?$/i;

/** Finds out for which account a request acts, and refuses it when it cannot prove that. */
export class Authentication {
  constructor(
    private readonly access: Pick<AccessStore, 'find' | 'findAgain'>,
    private readonly clock: Clock,
    private readonly origins: RequestOrigins,
    /** Whether a signature that does not fit is answered with the text that should have been signed. It holds no secret. */
    private readonly showStringToSign: boolean,
  ) {}

  /**
   * The data plane's way: an MNS signature, checked in the order that clients rely on (the owner of the host before the signature).
   *
   * @throws MnsError, AccessError, RedisUnavailable
   */
  async byMnsSignature(request: FastifyRequest): Promise<void> {
    const { headers, rawHeaders } = request.raw;
    refuseRepeatedHeaders(rawHeaders, headers);
    const authorization = parseAuthorization(headers.authorization);
    readDate(headers);
    checkVersion(headers);
    const key = await this.findKey(authorization.accessKeyId);
    const owner = hostOwner(this.origins.of(request.raw).host ?? '') ?? key.account;
    if (owner !== key.account) throw new AccessDenied(request.operation);
    checkDate(headers, this.clock.now());
    const signed = { method: request.raw.method ?? '', rawTarget: originForm(request.raw.url ?? ''), headers };
    const mismatch = (): Error => this.mismatch(signed, authorization);
    request.accessKey = await this.verified(key, (secret) => verify(signed, authorization, secret), mismatch);
    request.account = owner;
  }

  /**
   * The management interface takes an access key as user name and password as well.
   *
   * @throws Unauthorized, and what `byMnsSignature` throws
   */
  async byKeyOrSignature(request: FastifyRequest): Promise<void> {
    const { headers, rawHeaders } = request.raw;
    refuseRepeatedHeaders(rawHeaders, headers);
    const { authorization } = headers;
    if (authorization === undefined) throw new Unauthorized('Send an access key as HTTP Basic credentials, or an MNS signature.');
    const basic = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization)?.[1];
    if (basic === undefined) return this.byMnsSignature(request);
    const credentials = Buffer.from(basic, 'base64').toString('utf8');
    const colon = credentials.indexOf(':');
    const wrong = (): Error => new Unauthorized('The access key or its secret is wrong.');
    const key = await this.access.find(credentials.slice(0, Math.max(colon, 0)));
    if (key === undefined || !key.enabled) throw wrong();
    request.accessKey = await this.verified(key, (secret) => sameSecret(credentials.slice(colon + 1), secret), wrong);
    request.account = request.accessKey.account;
  }

  /** The key whose secret fits: the one that is known here or, when that one does not, the one that it may have been replaced with. */
  private async verified(key: AccessKey, fits: (secret: string) => boolean, mismatch: () => Error): Promise<AccessKey> {
    if (fits(key.secret)) return key;
    const now = await this.access.findAgain(key);
    const replaced = now !== undefined && now.enabled && now.account === key.account && now.secret !== key.secret;
    if (!replaced || !fits(now.secret)) throw mismatch();
    return now;
  }

  private async findKey(accessKeyId: string): Promise<AccessKey> {
    const key = await this.access.find(accessKeyId);
    if (key === undefined) throw new InvalidAccessKeyId(accessKeyId);
    if (!key.enabled) throw new InvalidAccessKeyId(accessKeyId, 'disabled');
    return key;
  }

  private mismatch(signed: SignedRequest, authorization: Authorization): SignatureDoesNotMatch {
    if (!this.showStringToSign) return new SignatureDoesNotMatch();
    return new SignatureDoesNotMatch(authorization.version === 'V2' ? stringToSignV2(signed) : stringToSignV4(signed, authorization.scope));
  }
}

/** The account that a host name names; undefined when it names none. */
function hostOwner(host: string): string | undefined {
  return (ACCOUNT_HOST.exec(host) ?? PUBLIC_HOST.exec(host))?.[1];
}

function verify(signed: SignedRequest, authorization: Authorization, secret: string): boolean {
  const { signature } = authorization;
  if (authorization.version === 'V2') return verifySignatureV2(signed, signature, secret);
  return verifySignatureV4(signed, authorization.scope, signature, secret);
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
