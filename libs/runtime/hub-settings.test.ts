import { describe, expect, it } from '@jest/globals';
import { HUB_SETTINGS, readHubSettings } from './hub-settings.js';

describe('readHubSettings', () => {
  it('gives every documented default for an empty environment', () => {
    expect(readHubSettings({})).toEqual({
      host: '127.0.0.1',
      apiPort: 6670,
      bridgePort: 6671,
      workerPort: 6672,
      tlsPort: 6673,
      trustedProxies: [],
      dataDir: './data',
      keyPrefix: 'magpie',
      redisHighWater: { percent: 85 },
      region: 'cn-hangzhou',
      pushAllow: ['loopback'],
      logLevel: 'info',
    });
  });

  it('reads what is set', () => {
    const secretKey = Buffer.alloc(32, 7);
    const settings = readHubSettings({
      MAGPIE_API_PORT: ' 80 ',
      MAGPIE_SECRET_KEY: secretKey.toString('base64'),
      MAGPIE_REDIS_URL: 'redis+sentinel://:pw@a:1,b:2/main',
      MAGPIE_PUBLIC_URL: 'https://hub.example.com/',
      MAGPIE_PUSH_ALLOW: 'private, 10.1.0.0/16,::1/128',
      MAGPIE_SMTP_URL: 'smtp://user:pw@mail.example.com:587',
      MAGPIE_SETUP_FILE: 'my setup.yaml',
    });
    expect(settings).toMatchObject({
      apiPort: 80,
      redisUrl: 'redis+sentinel://:pw@a:1,b:2/main',
      publicUrl: 'https://hub.example.com',
      pushAllow: ['private', '10.1.0.0/16', '::1/128'],
      smtpUrl: 'smtp://user:pw@mail.example.com:587',
      setupFile: 'my setup.yaml',
    });
    expect(settings.secretKey?.equals(secretKey)).toBe(true);
  });

  it.each([
    ['70', { percent: 70 }],
    ['70%', { percent: 70 }],
    ['800mb', { bytes: 838_860_800 }],
    ['6GB', { bytes: 6_442_450_944 }],
  ])('reads %s as a high-water mark', (given, redisHighWater) => {
    expect(readHubSettings({ MAGPIE_REDIS_HIGH_WATER: given })).toMatchObject({ redisHighWater });
  });

  it('takes a blank variable for absent', () => {
    expect(readHubSettings({ MAGPIE_API_PORT: '', MAGPIE_REDIS_URL: ' ' })).toEqual(readHubSettings({}));
  });

  it('pushes into no private network once the hub listens beyond loopback', () => {
    expect(readHubSettings({ MAGPIE_HOST: '0.0.0.0' }).pushAllow).toEqual([]);
    expect(readHubSettings({ MAGPIE_HOST: '0.0.0.0', MAGPIE_PUSH_ALLOW: 'loopback' }).pushAllow).toEqual(['loopback']);
    expect(readHubSettings({ MAGPIE_PUSH_ALLOW: 'none' }).pushAllow).toEqual([]);
  });

  it.each([
    ['MAGPIE_API_PORT', '65536', 'MAGPIE_API_PORT is "65536": expected an integer from 0 to 65535'],
    ['MAGPIE_API_PORT', '80x', 'MAGPIE_API_PORT is "80x": expected an integer from 0 to 65535'],
    ['MAGPIE_ACCOUNT_ID', '123', 'MAGPIE_ACCOUNT_ID is "123": expected 16 digits'],
    ['MAGPIE_LOG_LEVEL', 'loud', 'MAGPIE_LOG_LEVEL is "loud": expected one of fatal, error, warn, info, debug, trace, silent'],
    ['MAGPIE_KEY_PREFIX', 'a{b}', 'MAGPIE_KEY_PREFIX is "a{b}": expected 1 to 64 letters, digits, dots, hyphens and underscores'],
    ['MAGPIE_PUSH_ALLOW', '10.0.0.0/33', 'MAGPIE_PUSH_ALLOW is "10.0.0.0/33": expected none, or a comma-separated list of: loopback'],
    ['MAGPIE_TRUSTED_PROXIES', 'loopback,10.0.0.0/8/8', 'MAGPIE_TRUSTED_PROXIES is "loopback,10.0.0.0/8/8": expected none, or a comma-'],
    ['MAGPIE_TRUSTED_PROXIES', 'proxy.example.com', 'MAGPIE_TRUSTED_PROXIES is "proxy.example.com": expected none, or a comma-'],
    ['MAGPIE_REDIS_HIGH_WATER', '101', 'MAGPIE_REDIS_HIGH_WATER is "101": expected a share of the memory limit of Redis from 10% to 100%, or bytes such as 800mb, 6gb'],
    ['MAGPIE_REDIS_HIGH_WATER', '0mb', 'MAGPIE_REDIS_HIGH_WATER is "0mb"'],
    ['MAGPIE_PUBLIC_URL', 'hub.example.com', 'MAGPIE_PUBLIC_URL is "hub.example.com": expected a URL that starts with http:// or https://'],
  ])('refuses %s=%s in one line', (name, value, message) => {
    expect(() => readHubSettings({ [name]: value })).toThrow(message);
  });

  it('does not show a secret that it refuses', () => {
    const key = 'dG9vIHNob3J0';
    const read = (): unknown => readHubSettings({ MAGPIE_SECRET_KEY: key });
    expect(read).toThrow(/^MAGPIE_SECRET_KEY is a text of 12 characters: expected 32 bytes as base64/);
    expect(read).not.toThrow(key);
  });

  it('wants an access key and its secret together', () => {
    const complaint = 'MAGPIE_ACCESS_KEY_SECRET is not set although MAGPIE_ACCESS_KEY_ID is: expected both or neither';
    expect(() => readHubSettings({ MAGPIE_ACCESS_KEY_ID: 'me' })).toThrow(complaint);
  });

  it('wants a certificate and its key together', () => {
    const missing = (name: string, given: string): string => `${name} is not set although ${given} is: expected both or neither`;
    expect(() => readHubSettings({ MAGPIE_TLS_CERT: 'a.pem' })).toThrow(missing('MAGPIE_TLS_KEY', 'MAGPIE_TLS_CERT'));
    expect(() => readHubSettings({ MAGPIE_TLS_KEY: 'a.pem' })).toThrow(missing('MAGPIE_TLS_CERT', 'MAGPIE_TLS_KEY'));
    expect(readHubSettings({ MAGPIE_TLS_CERT: 'a.pem', MAGPIE_TLS_KEY: 'b.pem' })).toMatchObject({ tlsCert: 'a.pem', tlsKey: 'b.pem' });
  });

  it('warns of names that it does not know', () => {
    const warnings: string[] = [];
    readHubSettings({ MAGPIE_API_PROT: '1', HOME: '/', MAGPIE_HOST: '::1' }, (warning) => warnings.push(warning));
    expect(warnings).toEqual(['MAGPIE_API_PROT is no setting of Magpie and is ignored']);
  });

  it('takes what Kubernetes injects for absent, without a warning', () => {
    const warnings: string[] = [];
    const injected = {
      MAGPIE_API_PORT: 'tcp://10.0.0.7:6670',
      MAGPIE_API_PORT_6670_TCP: 'tcp://10.0.0.7:6670',
      MAGPIE_API_PORT_6670_TCP_ADDR: '10.0.0.7',
      MAGPIE_API_SERVICE_HOST: '10.0.0.7',
      MAGPIE_API_SERVICE_PORT_HTTP: '6670',
      MAGPIE_PORT: 'tcp://10.0.0.7:6670',
    };
    expect(readHubSettings(injected, (warning) => warnings.push(warning)).apiPort).toBe(6670);
    expect(warnings).toEqual([]);
  });

  it('describes every setting', () => {
    for (const setting of Object.values(HUB_SETTINGS)) {
      expect(setting.name).toMatch(/^MAGPIE_[A-Z_]+$/);
      expect(setting.description).toMatch(/\.$/);
    }
  });
});
