import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { stringToSignV2, verifySignatureV2 } from './signature-v2.js';
import type { SignedRequest } from './signed-request.js';

const DATE = 'Thu, 09 Jul 2015 03:01:34 GMT';

describe('verifySignatureV2', () => {
  it.each<[string, SignedRequest, string, string]>([
    [
      'uwx3yeWoILzgmvesW0BQSgfM7b8=',
      { method: 'GET', rawTarget: '/MyQueue', headers: { date: DATE, 'x-mns-version': '2015-06-06' } },
      'TestAccessSecret',
      'no MD5, no type',
    ],
    [
      'cAThPWnbphg3hDe3ZHDADTgkgyE=',
      { method: 'POST', rawTarget: '/queues/TestQueue', headers: { date: 'Tue, 03 Jun 2025 11:23:48 GMT', 'x-mns-abcdef': 'abcDEF' } },
      'sk1',
      'another x-mns header',
    ],
    [
      'A9zehggaYHHujmuRMxGIDrhWwx8=',
      {
        method: 'PUT',
        rawTarget: '/',
        headers: {
          'content-md5': '574683b3684e3cff610afa155cc2506d',
          'content-type': 'text/xml',
          date: 'Tue, 11 Apr 2017 10:09:19 GMT',
          'x-mns-version': '2015-06-06',
        },
      },
      'ACCESS_KEY_SECRET',
      'MD5 and type',
    ],
  ])('accepts %s', (signature, request, secret) => {
    expect(verifySignatureV2(request, signature, secret)).toBe(true);
    expect(verifySignatureV2(request, signature, `${secret}x`)).toBe(false);
    expect(verifySignatureV2({ ...request, method: 'DELETE' }, signature, secret)).toBe(false);
    expect(verifySignatureV2({ ...request, rawTarget: `${request.rawTarget}x` }, signature, secret)).toBe(false);
  });

  const wrong = ['', 'x', 'uwx3yeWoILzgmvesW0BQSgfM7b8', 'uwx3yeWoILzgmvesW0BQSgfM7b8=\n', '喜'.repeat(28)];
  it.each(wrong)('refuses the signature %p', (signature) => {
    const request = { method: 'GET', rawTarget: '/MyQueue', headers: { date: DATE, 'x-mns-version': '2015-06-06' } };
    expect(verifySignatureV2(request, signature, 'TestAccessSecret')).toBe(false);
  });

  /** Signs one form of the target and sends another. */
  function accepts(signed: string, sent: string): boolean {
    const request = { method: 'DELETE', headers: { date: DATE } };
    const text = stringToSignV2({ ...request, rawTarget: signed });
    const signature = createHmac('sha1', 'secret').update(text, 'latin1').digest('base64');
    return verifySignatureV2({ ...request, rawTarget: sent }, signature, 'secret');
  }

  it.each([
    ['signed and sent unescaped', '/queues/q/messages?ReceiptHandle=a/b+c==', '/queues/q/messages?ReceiptHandle=a/b+c=='],
    ['signed and sent escaped', '/queues/q/messages?ReceiptHandle=a%2Fb%2Bc%3D%3D', '/queues/q/messages?ReceiptHandle=a%2Fb%2Bc%3D%3D'],
    ['signed unescaped, sent escaped', '/queues/q?ReceiptHandle=a/b+c==&x=y', '/queues/q?ReceiptHandle=a%2fb%2Bc%3D%3D&x=y'],
    ['signed escaped, sent unescaped', '/queues/q?ReceiptHandle=a%2Fb%2Bc%3D%3D&x', '/queues/q?ReceiptHandle=a/b+c==&x'],
    ['signed with a blank, sent as %20', '/queues/q?a=b c', '/queues/q?a=b%20c'],
    ['signed escaped in upper, sent in lower case', '/queues/q?a=%2F', '/queues/q?a=%2f'],
    ['signed as bytes beyond ASCII, sent escaped', Buffer.from('/queues/喜').toString('latin1'), '/queues/%E5%96%9C'],
  ])('accepts a target %s', (_what, signed, sent) => {
    expect(accepts(signed, sent)).toBe(true);
  });

  it('refuses other parameters, and a target that cannot be decoded', () => {
    expect(accepts('/queues/q?a=1', '/queues/q?a=2')).toBe(false);
    expect(accepts('/queues/q?a=1', '/queues/q?a=%')).toBe(false);
    expect(accepts('/queues/q?a=1', '/queues/q?a=%zz&&=')).toBe(false);
  });
});

describe('stringToSignV2', () => {
  it('sorts the x-mns headers and leaves other headers out', () => {
    const signed = { 'x-mns-version': '2015-06-06', 'x-mns-marker': 'm ', date: DATE, 'content-type': 'text/xml;charset=UTF-8' };
    const headers = { ...signed, 'security-token': 't', 'user-agent': 'x' };
    expect(stringToSignV2({ method: 'GET', rawTarget: '/queues?x=y', headers })).toBe(
      `GET\n\ntext/xml;charset=UTF-8\n${DATE}\nx-mns-marker:m \nx-mns-version:2015-06-06\n/queues?x=y`,
    );
  });

  it('puts x-mns-date in the place of the date, and signs it as a header too', () => {
    const headers = { date: 'Thu, 09 Jul 2015 03:01:30 GMT', 'x-mns-date': DATE };
    expect(stringToSignV2({ method: 'GET', rawTarget: '/', headers })).toBe(`GET\n\n\n${DATE}\nx-mns-date:${DATE}\n/`);
  });
});
