import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { stringToSignV2 } from '#mns-wire/signature-v2.js';
import { SettableClock } from '#runtime/clock.js';
import { Authentication } from './authentication.js';
import { RequestOrigins } from './request-origin.js';

const KEY = { id: 'ak1', secret: 'sk1', account: '1234567890123456', enabled: true, managesAccounts: false };
const DATE = 'Tue, 03 Jun 2025 11:23:48 GMT';

function request(changes: { url?: string; headers?: Record<string, string> } = {}): FastifyRequest {
  const headers = {
    host: 'h',
    date: DATE,
    'x-mns-abcdef': 'abcDEF',
    'x-mns-version': '2015-06-06',
    authorization: 'MNS ak1:x',
    ...changes.headers,
  };
  const raw = { method: 'POST', url: changes.url ?? '/queues/TestQueue', headers, rawHeaders: Object.entries(headers).flat(), socket: {} };
  return { operation: 'Unknown', raw } as unknown as FastifyRequest;
}

describe('Authentication', () => {
  const clock = new SettableClock(Date.parse(DATE));
  const withKey = (key: typeof KEY | undefined, { explain = false, now = key } = {}) => {
    const find = (id: string) => Promise.resolve(id === 'ak1' ? key : undefined);
    return new Authentication({ find, findAgain: () => Promise.resolve(now) }, clock, new RequestOrigins([]), explain);
  };

  it('refuses a disabled key as one that does not exist, and says which it is', async () => {
    const disabled = withKey({ ...KEY, enabled: false }).byMnsSignature(request());
    await expect(disabled).rejects.toMatchObject({ name: 'InvalidAccessKeyId', message: 'The access Id you provided is disabled.' });
    const unknown = withKey(undefined).byMnsSignature(request());
    await expect(unknown).rejects.toMatchObject({ name: 'InvalidAccessKeyId', message: 'The access Id you provided is not exist.' });
  });

  it('says which text it would have signed, where that is wanted', async () => {
    const text = /x-mns-abcdef:abcDEF\\nx-mns-version:2015-06-06\\n\/queues\/TestQueue/;
    await expect(withKey(KEY, { explain: true }).byMnsSignature(request())).rejects.toThrow(text);
    await expect(withKey(KEY).byMnsSignature(request())).rejects.toThrow(/^(?!.*x-mns-abcdef)/);
    const authorization = 'MNS4-HMAC-SHA256 Credential=ak1/20250603/r/mns/aliyun_v4_request,Signature=x';
    const v4 = withKey(KEY, { explain: true }).byMnsSignature(request({ headers: { authorization } }));
    await expect(v4).rejects.toThrow(/20250603T112348Z\\n20250603\/r\/mns\/aliyun_v4_request\\nPOST\\n\/queues\/TestQueue/);
  });

  it('takes the secret that replaced the one it knew', async () => {
    const signature = createHmac('sha1', 'new').update(stringToSignV2(signedPart(request()))).digest('base64');
    const good = request({ headers: { authorization: `MNS ak1:${signature}` } });
    await withKey(KEY, { now: { ...KEY, secret: 'new' } }).byMnsSignature(good);
    expect(good.account).toBe(KEY.account);
    for (const now of [{ ...KEY, secret: 'new', enabled: false }, { ...KEY, secret: 'newer' }, undefined]) {
      await expect(withKey(KEY, { now }).byMnsSignature(good)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
    }
  });

  it.each([
    ['1234567890123456.mns.any', 'SignatureDoesNotMatch'],
    ['9999999999999999.mns.any:6670', 'AccessDenied'],
    ['9999999999999999.mns-vpc.any', 'AccessDenied'],
    ['9999999999999999.example.com', 'SignatureDoesNotMatch'],
    ['hub.mns.example.com', 'SignatureDoesNotMatch'],
    ['accountid.mns.cn-hangzhou.aliyuncs.com', 'AccessDenied'],
    ['accountid.mns.cn-hangzhou-internal.aliyuncs.com:80', 'AccessDenied'],
    ['1234567890123456.mns.cn-hangzhou.aliyuncs.com', 'SignatureDoesNotMatch'],
    ['cn-hangzhou.mns.aliyuncs.com', 'SignatureDoesNotMatch'],
  ])('with the host %s answers %s to a wrong signature', async (host, name) => {
    await expect(withKey(KEY).byMnsSignature(request({ headers: { host } }))).rejects.toMatchObject({ name });
  });

  it('refuses a disabled key with its own secret on the management interface', async () => {
    const authorization = `Basic ${Buffer.from('ak1:sk1').toString('base64')}`;
    const good = request({ headers: { authorization } });
    await withKey(KEY).byKeyOrSignature(good);
    expect(good.account).toBe(KEY.account);
    const disabled = withKey({ ...KEY, enabled: false }).byKeyOrSignature(request({ headers: { authorization } }));
    await expect(disabled).rejects.toMatchObject({ name: 'Unauthorized' });
  });
});

function signedPart({ raw }: FastifyRequest) {
  return { method: 'POST', rawTarget: raw.url!, headers: raw.headers };
}
