import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { makeServerCertificate } from '../../test/support/server-certificate.js';
import { changeDeliveryOptions, showDeliveryOptions, type DeliveryOptions } from './delivery-options.js';
import { checkHttpOptions } from './http-options.js';

const seal = (secret: string, purpose: string): string => `sealed:${purpose}:${Buffer.from(secret).toString('hex')}`;
const change = (changes: Record<string, unknown>, options: DeliveryOptions = {}): DeliveryOptions => changeDeliveryOptions(options, changes, seal);
const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

describe('headers of a subscription', () => {
  it('are kept, secret ones sealed and never shown', () => {
    const options = change({ headers: { 'X-Team': 'ops', 'X-Token': { secret: 'hush' } } });
    expect(options.headers).toEqual({ 'X-Team': 'ops', 'X-Token': { sealed: seal('hush', 'header X-Token') } });
    const shown = showDeliveryOptions(options);
    expect(shown['headers']).toEqual({ 'X-Team': 'ops', 'X-Token': { secret: true } });
    expect(change({ headers: { ...(shown['headers'] as object), 'X-More': '1' } }, options).headers).toEqual({ ...options.headers, 'X-More': '1' });
  });

  it.each([
    'Host', 'Content-Length', 'Connection', 'Transfer-Encoding', 'TE', 'Trailer', 'Upgrade', 'Expect', 'Date', 'Content-Type', 'Content-MD5',
    'User-Agent', 'Accept', 'Proxy-Authorization', 'Keep-Alive', 'x-mns-message-id', 'X-MNS-Anything', 'webhook-id', 'Webhook-Signature',
    'X-Forwarded-For', 'Forwarded', 'Via', 'Sec-Fetch-Site', '', 'a b', 'a:b', 'a\r\nb', 'ü', '__proto__\n',
  ])('never have the name %j', (name) => {
    expect(() => change({ headers: { [name]: 'x' } })).toThrow(InvalidArgument);
  });

  it.each(['', ' x', 'x ', 'a\r\nHost: b', 'a\nb', 'a\u0000b', 'ü', 'x'.repeat(4_097), 5, null, true, [], {}, { secret: '' }, { secret: 5 }, { sealed: 'x' }])(
    'never have the value %j',
    (value) => {
      expect(() => change({ headers: { 'X-A': value } })).toThrow(InvalidArgument);
    },
  );

  it('are refused twice, beyond twenty, and as something else than an object', () => {
    expect(() => change({ headers: { 'X-A': '1', 'x-a': '2' } })).toThrow(InvalidArgument);
    expect(() => change({ headers: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`X-${index}`, '1'])) })).toThrow(InvalidArgument);
    for (const headers of [[], 'x', 5, true]) expect(() => change({ headers })).toThrow(InvalidArgument);
  });

  it('keep no secret that is not there, whatever its name', () => {
    for (const name of ['X-A', 'constructor', 'toString']) {
      expect(() => change({ headers: { [name]: { secret: true } } })).toThrow(InvalidArgument);
    }
    expect(() => change({ headers: JSON.parse('{"__proto__": {"secret": true}}') as unknown })).toThrow(InvalidArgument);
  });
});

describe('signing secrets', () => {
  it('are changed by having two for a while', () => {
    const [first, second] = [newSecret(), newSecret()];
    const one = change({ signingSecrets: [first] });
    expect(showDeliveryOptions(one)['signingSecrets']).toEqual([{ secret: true }]);
    const both = change({ signingSecrets: [second, { secret: true }] }, one);
    expect(both.signingSecrets).toEqual([{ sealed: seal(second, 'signing secret') }, { sealed: seal(first, 'signing secret') }]);
    expect(change({ signingSecrets: [{ secret: true }, { secret: true }] }, both)).toEqual(both);
    expect(change({ signingSecrets: [{ secret: true }] }, both).signingSecrets).toEqual([{ sealed: seal(second, 'signing secret') }]);
  });

  it.each([[[]], ['whsec_x'], [['whsec_x']], [[5]], [[{ secret: true }]], [[newSecret(), newSecret(), newSecret()]]])('are not %j', (signingSecrets) => {
    expect(() => change({ signingSecrets })).toThrow(InvalidArgument);
  });
});

describe('a client certificate', () => {
  const { cert, key } = makeServerCertificate();

  it('is kept with its key sealed, and shown without', () => {
    const options = change({ clientCertificate: { certificate: cert, key } });
    expect(options.clientCertificate).toEqual({ certificate: cert, key: { sealed: seal(key, 'client key') } });
    const shown = showDeliveryOptions(options)['clientCertificate'];
    expect(shown).toMatchObject({ certificate: cert, key: { secret: true }, notAfter: expect.any(String) });
    expect(change({ clientCertificate: shown }, options)).toEqual(options);
  });

  it('needs its own key', () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const locked = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const passphrase = locked.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();
    const bad: unknown[] = [other, passphrase, 'no key', '', 5, null, { secret: true }, cert];
    for (const given of bad) expect(() => change({ clientCertificate: { certificate: cert, key: given } })).toThrow(InvalidArgument);
    for (const given of ['', 'x', key, 5, null]) expect(() => change({ clientCertificate: { certificate: given, key } })).toThrow(InvalidArgument);
    expect(() => change({ clientCertificate: { certificate: cert, key, passphrase: 'x' } })).toThrow(InvalidArgument);
    const options = change({ clientCertificate: { certificate: cert, key } });
    const renewed = { certificate: makeServerCertificate().cert, key: { secret: true } };
    expect(() => change({ clientCertificate: renewed }, options)).toThrow(InvalidArgument);
  });
});

describe('checkHttpOptions', () => {
  const signingSecrets = [{ sealed: 'x' }];
  const clientCertificate = { certificate: 'x', key: { sealed: 'x' } };
  it.each<[string, DeliveryOptions]>([
    ['http://a/', {}],
    ['mail:directmail:a@b', { retentionSeconds: 60 }],
    ['http://a/', { signature: 'hmac', signingSecrets }],
    ['http://a/', { signature: 'none', headers: { Authorization: 'Bearer x' } }],
    ['HTTPS://a/', { clientCertificate, signature: 'rsa' }],
  ])('lets %s have %j', (endpoint, options) => {
    expect(() => checkHttpOptions(endpoint, options)).not.toThrow();
  });

  it.each<[string, DeliveryOptions]>([
    ['mail:directmail:a@b', { headers: {} }],
    ['acs:mns:r:a:queues/q', { signature: 'none' }],
    ['http://a/', { clientCertificate }],
    ['http://a/', { signature: 'hmac' }],
    ['http://a/', { signature: 'both' }],
    ['http://a/', { headers: { authorization: 'Bearer x' } }],
    ['http://a/', { signature: 'both', signingSecrets, headers: { Authorization: { sealed: 'x' } } }],
  ])('refuses %s with %j', (endpoint, options) => {
    expect(() => checkHttpOptions(endpoint, options)).toThrow(InvalidArgument);
  });
});
