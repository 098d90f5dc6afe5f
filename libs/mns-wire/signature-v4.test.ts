import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { stringToSignV4, verifySignatureV4, type ScopeV4 } from './signature-v4.js';
import type { SignedRequest } from './signed-request.js';

const DATE = 'Tue, 03 Jun 2025 10:52:35 GMT';
const QUERY = 'param1=abc&PARAM2=d%20%20ef&PARAM3=%5Bdef%5D%23bbb&PARAM4=%E4%B8%AD%E6%96%87%E5%8F%82%E6%95%B0';

const scopeOf = (region: string, family: ScopeV4['family'] = 'aliyun', date = '20250603'): ScopeV4 => ({ family, date, region });
const post = (rawTarget: string, headers: SignedRequest['headers'] = {}): SignedRequest => ({
  method: 'POST',
  rawTarget,
  headers: { date: DATE, ...headers },
});

/** Made by the official Java SDK. */
const VECTORS: [what: string, SignedRequest, ScopeV4, secret: string, signature: string][] = [
  [
    'a query',
    post(`/queues/TestQueue/?${QUERY}`),
    scopeOf('region1'),
    'sk1',
    '1fc6013f158d4c3aba09570895a2a93c8445c2c5213d82a1463baf602cf0d945',
  ],
  [
    'a path with other characters',
    post('/queues/Test%20Queue@123'),
    scopeOf('testRegion'),
    'testSk',
    '87de7499365a31e767cdc0c726a893c72c860e415876f7f92914197ac3795833',
  ],
  [
    'the root',
    { method: 'GET', rawTarget: '/', headers: { date: DATE } },
    scopeOf('testRegion'),
    'testSk',
    '63f78964dcd1132bab91b9c38ceebdfb59509149b34874c5b2c9dfc2b12e7291',
  ],
  [
    'headers of its own',
    {
      method: 'PUT',
      rawTarget: '/queues/TestQueue123456',
      headers: { date: 'Wed, 03 Dec 2025 11:23:48 GMT', 'x-mns-sss': '2015-06-06xFFF', 'x-mns-abc': 'kkk', 'x-kkk-def': 'lll' },
    },
    scopeOf('region2', 'aliyun', '20251203'),
    'skkkkkkk1111111111',
    '04f1e5f929b5aaac3af6a54970f591581ecd2aade2562f926c5f2ec5d5c8cfad',
  ],
  [
    'the private cloud',
    post(`/queues/TestQueue?${QUERY}`),
    scopeOf('region1', 'apsara'),
    'sk1',
    '51269315dedfd0f0252cbca05356c85f5005077796a1e8463c54d6716f331389',
  ],
];

describe('verifySignatureV4', () => {
  it.each(VECTORS)('accepts %s', (_what, request, scope, secret, signature) => {
    expect(verifySignatureV4(request, scope, signature, secret)).toBe(true);
    expect(verifySignatureV4(request, scope, signature, `${secret}x`)).toBe(false);
    expect(verifySignatureV4(request, { ...scope, region: 'elsewhere' }, signature, secret)).toBe(false);
    expect(verifySignatureV4({ ...request, method: 'DELETE' }, scope, signature, secret)).toBe(false);
    expect(verifySignatureV4({ ...request, rawTarget: `${request.rawTarget}x` }, scope, signature, secret)).toBe(false);
    expect(verifySignatureV4({ ...request, headers: { ...request.headers, 'x-mns-more': '1' } }, scope, signature, secret)).toBe(false);
    for (const wrong of ['', 'x', signature.slice(1), `${signature}\n`, '喜'.repeat(64)]) {
      expect(verifySignatureV4(request, scope, wrong, secret)).toBe(false);
    }
  });

  it('goes by x-mns-date where it is given, in UTC', () => {
    const [, request, scope, secret, signature] = VECTORS[1]!;
    const later = { ...request, headers: { date: 'Tue, 03 Jun 2025 10:59:59 GMT' } };
    expect(verifySignatureV4(later, scope, signature, secret)).toBe(false);
    const offset = { ...request, headers: { date: 'Tue, 03 Jun 2025 18:52:35 +0800' } };
    expect(verifySignatureV4(offset, scope, signature, secret)).toBe(true);
    expect(stringToSignV4(post('/', { 'x-mns-date': 'Wed, 04 Jun 2025 07:59:59 +0800' }), scope)).toContain('\n20250603T235959Z\n');
  });

  it('refuses the scope of another day', () => {
    const [, request, scope, secret, signature] = VECTORS[1]!;
    expect(verifySignatureV4(request, { ...scope, date: '20250604' }, signature, secret)).toBe(false);
  });

  /** Signs one query and sends another, with the text put together by hand. */
  function accepts(signedQuery: string, sentQuery: string): boolean {
    const text = `MNS4-HMAC-SHA256\n20250603T105235Z\n20250603/r/mns/aliyun_v4_request\nPOST\n/queues/q\n${signedQuery}\n\n`;
    const key = ['20250603', 'r', 'mns', 'aliyun_v4_request'].reduce<string | Buffer>(
      (from, part) => createHmac('sha256', from).update(part).digest(),
      'aliyun_v4secret',
    );
    const signature = createHmac('sha256', key).update(text).digest('hex');
    return verifySignatureV4(post(`/queues/q?${sentQuery}`), scopeOf('r'), signature, 'secret');
  }

  it.each([
    ['sent unescaped', 'receipthandle=a%2Fb%2Bc%3D%3D', 'ReceiptHandle=a/b+c=='],
    ['sent escaped', 'receipthandle=a%2Fb%2Bc%3D%3D', 'ReceiptHandle=a%2fb%2Bc%3D%3D'],
    ['sent as a form', 'a=b%20c', 'a=b+c'],
    ['escaped before it was given to the client', 'receipthandle=a%253D', 'ReceiptHandle=a%3D'],
    ['in another order', 'aa=2&b=1&zz', 'zz=&b=1&AA=2'],
    ['with blanks around a value', 'a=b', 'a=%20b%20'],
    ['without values', 'accountmeta', 'accountmeta'],
  ])('accepts a query %s', (_what, signed, sent) => {
    expect(accepts(signed, sent)).toBe(true);
  });

  it.each([
    ['a=1', 'a=2'],
    ['a=1', 'a=1&b'],
    ['a=1', 'a=%'],
    ['', '%zz&&='],
  ])('refuses %p for %p', (signed, sent) => {
    expect(accepts(signed, sent)).toBe(false);
  });
});

describe('stringToSignV4', () => {
  it('has type, MD5 and x-mns headers, trimmed and sorted', () => {
    const headers = { 'x-mns-version': ' 2015-06-06 ', 'content-type': 'text/xml', 'content-md5': 'abc=', 'x-other': '1' };
    expect(stringToSignV4(post('/queues/q?x=1', headers), scopeOf('r'))).toBe(
      'MNS4-HMAC-SHA256\n20250603T105235Z\n20250603/r/mns/aliyun_v4_request\n' +
        'POST\n/queues/q\nx=1\ncontent-md5:abc=\ncontent-type:text/xml\nx-mns-version:2015-06-06\n\n',
    );
  });
});
