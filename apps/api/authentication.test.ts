import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { SettableClock } from '#runtime/clock.js';
import { Authentication } from './authentication.js';

const KEY = { id: 'ak1', secret: 'sk1', account: '1234567890123456', enabled: true };
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
  return { operation: 'Unknown', raw: { method: 'POST', url: changes.url ?? '/queues/TestQueue', headers } } as unknown as FastifyRequest;
}

describe('Authentication', () => {
  const clock = new SettableClock(Date.parse(DATE));
  const withKey = (key: typeof KEY | undefined) =>
    new Authentication({ find: (id) => Promise.resolve(id === 'ak1' ? key : undefined) }, clock);

  it('refuses a disabled key like one that does not exist', async () => {
    await expect(withKey({ ...KEY, enabled: false }).byMnsSignature(request())).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    await expect(withKey(undefined).byMnsSignature(request())).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
  });

  it('says which text it would have signed', async () => {
    const failure = withKey(KEY).byMnsSignature(request());
    await expect(failure).rejects.toThrow(/x-mns-abcdef:abcDEF\\nx-mns-version:2015-06-06\\n\/queues\/TestQueue/);
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
