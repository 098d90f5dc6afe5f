import { randomBytes, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { PushCertificate, type SecretBox } from './push-certificate.js';

/** Shows in the stored text whether it went through the box. */
const reversing: SecretBox = {
  seal: (text, context) => `${context}|${[...text].reverse().join('')}`,
  open: (sealed, context) => {
    if (!sealed.startsWith(`${context}|`)) throw new Error('not sealed here');
    return [...sealed.slice(context.length + 1)].reverse().join('');
  },
};

describe('PushCertificate', () => {
  let client: RedisClient;
  beforeAll(async () => {
    client = connectRedis(process.env['MAGPIE_TEST_REDIS_URL']!, { role: 'commands', logger: silentLogger });
    await new Promise((resolve) => client.once('ready', resolve));
  });
  afterAll(() => client.disconnect());

  it('is one and the same for processes that start together', async () => {
    const prefix = newPrefix();
    const opened = await Promise.all(Array.from({ length: 5 }, () => PushCertificate.open(client, prefix, reversing)));
    const later = await PushCertificate.open(client, prefix, reversing);
    for (const certificate of opened) {
      expect(certificate.pem).toBe(later.pem);
      expect(certificate.privateKey.equals(later.privateKey)).toBe(true);
    }
    expect(new X509Certificate(later.pem).checkPrivateKey(later.privateKey)).toBe(true);
  });

  it('is completed by the next process when the first one ended between key and certificate', async () => {
    const prefix = newPrefix();
    const first = await PushCertificate.open(client, prefix, reversing);
    await client.hdel(`${prefix}:push-key`, 'certificate');
    const second = await PushCertificate.open(client, prefix, reversing);
    expect(second.privateKey.equals(first.privateKey)).toBe(true);
    expect(new X509Certificate(second.pem).checkPrivateKey(first.privateKey)).toBe(true);
  });

  it('keeps the private key sealed', async () => {
    const prefix = newPrefix();
    await PushCertificate.open(client, prefix, reversing);
    expect(await client.hget(`${prefix}:push-key`, 'key')).toMatch(/^push-key\|/);
  });

  it('is named by its own digest', async () => {
    const certificate = await PushCertificate.open(client, newPrefix(), reversing);
    const digest = new X509Certificate(certificate.pem).fingerprint256.replaceAll(':', '').toLowerCase();
    expect(certificate.fileName).toBe(`${digest.slice(0, 16)}.pem`);
    expect(certificate.urlUnder('http://hub.example')).toBe(`http://hub.example/certificates/${certificate.fileName}`);
  });
});

function newPrefix(): string {
  return `test-${randomBytes(6).toString('hex')}`;
}
