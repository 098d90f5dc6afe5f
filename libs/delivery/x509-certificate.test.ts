import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { selfSignedCertificate, type CertificateFacts } from './x509-certificate.js';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const facts: CertificateFacts = {
  commonName: '喜鹊 push',
  organization: 'Magpie',
  serial: Buffer.of(0x80, 0x01),
  notBefore: Date.UTC(2026, 0, 2, 3, 4, 5),
  notAfter: Date.UTC(2056, 0, 2, 3, 4, 5),
};

describe('selfSignedCertificate', () => {
  const certificate = new X509Certificate(selfSignedCertificate(privateKey, facts));

  it('is signed with its own key', () => {
    expect(certificate.verify(publicKey)).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.publicKey.equals(publicKey)).toBe(true);
  });

  it('says what it was told, on either side of the year 2050', () => {
    expect(certificate.subject).toBe('O=Magpie\nCN=喜鹊 push');
    expect(certificate.issuer).toBe(certificate.subject);
    expect(certificate.serialNumber).toBe('8001');
    expect(certificate.validFromDate.getTime()).toBe(facts.notBefore);
    expect(certificate.validToDate.getTime()).toBe(facts.notAfter);
    expect(certificate.ca).toBe(false);
  });

  it('is version 3 and holds the public key as the seventh field', () => {
    const members = children(children(certificate.raw)[0]!);
    expect([...members[0]!]).toEqual([0xa0, 3, 2, 1, 2]);
    expect(members[6]).toEqual(publicKey.export({ type: 'spki', format: 'der' }));
  });

  it.each([Buffer.of(0), Buffer.of(1), Buffer.of(0, 0, 0x7f), Buffer.alloc(20, 0xff)])('encodes the serial %p', (serial) => {
    const hex = new X509Certificate(selfSignedCertificate(privateKey, { ...facts, serial })).serialNumber;
    expect(BigInt(`0x${hex}`)).toBe(BigInt(`0x${serial.toString('hex')}`));
  });
});

/** The members of a DER value that is made of others. */
function children(value: Buffer): Buffer[] {
  const members: Buffer[] = [];
  for (let rest = content(value).inner; rest.length > 0; ) {
    const { size } = content(rest);
    members.push(Buffer.from(rest.subarray(0, size)));
    rest = rest.subarray(size);
  }
  return members;
}

function content(value: Buffer): { inner: Buffer; size: number } {
  const first = value[1]!;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const length = lengthBytes === 0 ? first : value.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  return { inner: value.subarray(start, start + length), size: start + length };
}
