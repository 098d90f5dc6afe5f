import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { BadSetting } from '#runtime/setting.js';
import { readWorkerSettings } from './worker-settings.js';

const needed = { MAGPIE_REDIS_URL: 'redis://127.0.0.1:6379', MAGPIE_SECRET_KEY: Buffer.alloc(32, 1).toString('base64') };
const read = (environment: Record<string, string>) => readWorkerSettings(environment, () => undefined);

describe('readWorkerSettings', () => {
  it('hands out certificate URLs under the address of the API unless told otherwise', () => {
    expect(read(needed).publicUrl).toBe('http://127.0.0.1:6670');
    expect(read({ ...needed, MAGPIE_HOST: '0.0.0.0', MAGPIE_API_PORT: '80' }).publicUrl).toBe('http://127.0.0.1:80');
    expect(read({ ...needed, MAGPIE_HOST: '::1' }).publicUrl).toBe('http://[::1]:6670');
    expect(read({ ...needed, MAGPIE_PUBLIC_URL: 'https://hub.example/' }).publicUrl).toBe('https://hub.example');
  });

  it('lets pushes reach loopback only while everything is on loopback', () => {
    expect(read(needed).pushAllow).toEqual(['loopback']);
    expect(read({ ...needed, MAGPIE_HOST: '0.0.0.0' }).pushAllow).toEqual([]);
  });

  it.each(['MAGPIE_REDIS_URL', 'MAGPIE_SECRET_KEY'])('does not start without %s', (name) => {
    expect(() => read({ ...needed, [name]: '' })).toThrow(BadSetting);
  });

  it('reads the service account of mobile pushes, and does not start with a file that is none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'magpie-'));
    const file = join(folder, 'account.json');
    const environment = { ...needed, MAGPIE_FCM_SERVICE_ACCOUNT_FILE: file, MAGPIE_FCM_BASE_URL: 'http://127.0.0.1:9099/' };
    expect(() => read(environment)).toThrow(/MAGPIE_FCM_SERVICE_ACCOUNT_FILE.*ENOENT/);
    writeFileSync(file, '{"project_id":"p","private_key":"tell nobody"}');
    expect(() => read(environment)).toThrow(BadSetting);
    expect(() => read(environment)).not.toThrow(/tell nobody/);
    const account = JSON.stringify({ project_id: 'p', client_email: 'e', private_key: 'k' });
    writeFileSync(file, account);
    expect(read(environment).channels?.mobile?.settings).toEqual({ serviceAccount: account, baseUrl: 'http://127.0.0.1:9099' });
    expect(read(needed).channels?.mobile).toBeUndefined();
    rmSync(folder, { recursive: true });
  });
});
