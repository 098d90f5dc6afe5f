import { MnsError } from './mns-error.js';
import type { ScopeV4 } from './signature-v4.js';

/** What the header `Authorization` says; its form tells the version of the signature. */
export type Authorization =
  | { readonly version: 'V2'; readonly accessKeyId: string; /** Base64, as sent. */ readonly signature: string }
  | { readonly version: 'V4'; readonly accessKeyId: string; /** In hexadecimal. */ readonly signature: string; readonly scope: ScopeV4 };

/** `MNS <access key id>:<signature>` */
const V2 = /^MNS +([^\s:]+):(\S+)$/;

/** `MNS4-HMAC-SHA256 Credential=<access key id>/<date>/<region>/mns/aliyun_v4_request,Signature=<signature>`, or Apsara's names. */
const V4 = /^(APSARA-)?MNS4-HMAC-SHA256 +Credential=([^\s/,]+)\/(\d{8})\/([^\s/,]+)\/mns\/(aliyun|apsara)_v4_request, *Signature=(\S+)$/;

/** @throws MnsError `MissingAuthorizationHeader`, `InvalidAuthorizationHeader` */
export function parseAuthorization(header: string | string[] | undefined): Authorization {
  if (header === undefined || header === '') throw new MnsError('MissingAuthorizationHeader');
  if (typeof header === 'string') {
    const v2 = V2.exec(header);
    if (v2 !== null) return { version: 'V2', accessKeyId: v2[1]!, signature: v2[2]! };
    const v4 = V4.exec(header);
    if (v4 !== null) {
      const [, apsara, accessKeyId, date, region, terminator, signature] = v4;
      const family = apsara === undefined ? 'aliyun' : 'apsara';
      if (terminator === family) {
        return { version: 'V4', accessKeyId: accessKeyId!, signature: signature!, scope: { family, date: date!, region: region! } };
      }
    }
  }
  throw new MnsError('InvalidAuthorizationHeader');
}
