import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readHubSettings } from '#runtime/hub-settings.js';
import { loadCredentials } from './credentials.js';

describe('loadCredentials', () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'magpie-credentials-'));
    file = join(directory, 'credentials.json');
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('generates once what nobody has set, in forms that the settings accept', () => {
    const first = loadCredentials(file, readHubSettings({}));
    expect(loadCredentials(file, readHubSettings({}))).toEqual(first);
    const { accountId, accessKeyId, accessKeySecret, secretKey, intakeToken } = first;
    const environment = {
      MAGPIE_ACCOUNT_ID: accountId,
      MAGPIE_ACCESS_KEY_ID: accessKeyId,
      MAGPIE_ACCESS_KEY_SECRET: accessKeySecret,
      MAGPIE_SECRET_KEY: secretKey,
      MAGPIE_INTAKE_TOKEN: intakeToken,
    };
    const read = { ...first, secretKey: Buffer.from(secretKey, 'base64') };
    expect(readHubSettings(environment)).toMatchObject(read);
    expect(loadCredentials(join(directory, 'other.json'), readHubSettings({})).accountId).not.toBe(accountId);
  });

  it('lets only the owner read the file', () => {
    loadCredentials(file, readHubSettings({}));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('prefers what is set and keeps what was generated', () => {
    const generated = loadCredentials(file, readHubSettings({}));
    const account = '1234567890123456';
    expect(loadCredentials(file, readHubSettings({ MAGPIE_ACCOUNT_ID: account }))).toEqual({ ...generated, accountId: account });
    expect(loadCredentials(file, readHubSettings({}))).toEqual(generated);
  });

  it('adds what an older file does not have', () => {
    writeFileSync(file, JSON.stringify({ accountId: '1234567890123456' }));
    const { accountId, intakeToken } = loadCredentials(file, readHubSettings({}));
    expect(accountId).toBe('1234567890123456');
    expect(loadCredentials(file, readHubSettings({})).intakeToken).toBe(intakeToken);
  });

  it('never replaces a file that it cannot understand', () => {
    writeFileSync(file, '{"accountId":');
    expect(() => loadCredentials(file, readHubSettings({}))).toThrow(/credentials\.json is not the JSON/);
    expect(readFileSync(file, 'utf8')).toBe('{"accountId":');
  });
});
