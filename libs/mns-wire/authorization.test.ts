import { describe, expect, it } from '@jest/globals';
import { parseAuthorization } from './authorization.js';

const error = (code: string): unknown => expect.objectContaining({ name: 'MnsError', code, status: 400 });

describe('parseAuthorization', () => {
  it('reads key id and signature of version 2', () => {
    expect(parseAuthorization('MNS LTAI5t:ab+/c=')).toEqual({ version: 'V2', accessKeyId: 'LTAI5t', signature: 'ab+/c=' });
  });

  it('reads key id, scope and signature of version 4', () => {
    const scope = { family: 'aliyun', date: '20250603', region: 'any_region-1' };
    const header = 'MNS4-HMAC-SHA256 Credential=LTAI5t/20250603/any_region-1/mns/aliyun_v4_request,Signature=0a1b';
    const expected = { version: 'V4', accessKeyId: 'LTAI5t', signature: '0a1b', scope };
    expect(parseAuthorization(header)).toEqual(expected);
    expect(parseAuthorization(header.replace(',', ', '))).toEqual(expected);
    const apsara = `APSARA-${header.replace('aliyun', 'apsara')}`;
    expect(parseAuthorization(apsara)).toEqual({ ...expected, scope: { ...scope, family: 'apsara' } });
  });

  it('misses an absent header', () => {
    expect(() => parseAuthorization(undefined)).toThrow(error('MissingAuthorizationHeader'));
    expect(() => parseAuthorization('')).toThrow(error('MissingAuthorizationHeader'));
  });

  const wrong = ['MNS', 'MNS ', 'MNS id', 'MNS id:', 'MNS :sig', 'Basic aWQ6c2ln', 'MNS a b:c', 'MNS a:b c', ['MNS a:b', 'MNS c:d']];
  const wrongV4 = [
    'MNS4-HMAC-SHA256',
    'MNS4-HMAC-SHA256 Credential=id/20250603/r/mns/aliyun_v4_request',
    'MNS4-HMAC-SHA256 Credential=id/20250603/r/mns/aliyun_v4_request,Signature=',
    'MNS4-HMAC-SHA256 Credential=/20250603/r/mns/aliyun_v4_request,Signature=0a',
    'MNS4-HMAC-SHA256 Credential=id/2025/r/mns/aliyun_v4_request,Signature=0a',
    'MNS4-HMAC-SHA256 Credential=id/20250603//mns/aliyun_v4_request,Signature=0a',
    'MNS4-HMAC-SHA256 Credential=id/20250603/r/oss/aliyun_v4_request,Signature=0a',
    'MNS4-HMAC-SHA256 Credential=id/20250603/r/mns/apsara_v4_request,Signature=0a',
    'APSARA-MNS4-HMAC-SHA256 Credential=id/20250603/r/mns/aliyun_v4_request,Signature=0a',
    'OSS4-HMAC-SHA256 Credential=id/20250603/r/mns/aliyun_v4_request,Signature=0a',
  ];
  it.each([...wrong, ...wrongV4].map((header) => ({ header })))('refuses $header', ({ header }) => {
    expect(() => parseAuthorization(header)).toThrow(error('InvalidAuthorizationHeader'));
  });
});
