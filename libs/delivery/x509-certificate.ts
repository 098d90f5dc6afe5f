import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';

/**
 * A self-signed X.509 v3 certificate, DER-encoded by hand: Node can read certificates but not make them.
 *
 * Fields in the order of RFC 5280 §4.1; subscribers' verifiers count on version 3 with the public key as the seventh field.
 */
export interface CertificateFacts {
  readonly commonName: string;
  readonly organization: string;
  /** 1 to 20 bytes; read as an unsigned number. */
  readonly serial: Buffer;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** @param privateKey RSA */
export function selfSignedCertificate(privateKey: KeyObject, facts: CertificateFacts): string {
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const name = sequence(relativeName(OID.organization, facts.organization), relativeName(OID.commonName, facts.commonName));
  const body = sequence(
    explicit(0, integer(Buffer.of(2))),
    integer(facts.serial),
    SHA256_WITH_RSA,
    name,
    sequence(time(facts.notBefore), time(facts.notAfter)),
    name,
    publicKey,
    explicit(3, sequence(...extensions(publicKey))),
  );
  const certificate = sequence(body, SHA256_WITH_RSA, bitString(sign('sha256', body, privateKey)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** Object identifiers, already in their DER form. */
const OID = {
  commonName: Buffer.of(0x55, 0x04, 0x03),
  organization: Buffer.of(0x55, 0x04, 0x0a),
  sha256WithRsa: Buffer.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b),
  subjectKeyIdentifier: Buffer.of(0x55, 0x1d, 0x0e),
  basicConstraints: Buffer.of(0x55, 0x1d, 0x13),
} as const;

const SHA256_WITH_RSA = sequence(objectId(OID.sha256WithRsa), tagged(0x05));

function extensions(publicKey: Buffer): Buffer[] {
  const identifier = createHash('sha1').update(publicKey).digest();
  return [
    sequence(objectId(OID.subjectKeyIdentifier), octetString(octetString(identifier))),
    // Critical; an empty sequence: not an authority.
    sequence(objectId(OID.basicConstraints), TRUE, octetString(sequence())),
  ];
}

const TRUE = tagged(0x01, Buffer.of(0xff));

function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), length(content.length), content]);
}

function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes);
  if (bytes < 0x100) return Buffer.of(0x81, bytes);
  return Buffer.of(0x82, bytes >> 8, bytes & 0xff);
}

function sequence(...members: readonly Buffer[]): Buffer {
  return tagged(0x30, ...members);
}

function explicit(number: number, content: Buffer): Buffer {
  return tagged(0xa0 + number, content);
}

function objectId(encoded: Buffer): Buffer {
  return tagged(0x06, encoded);
}

function octetString(content: Buffer): Buffer {
  return tagged(0x04, content);
}

function bitString(content: Buffer): Buffer {
  return tagged(0x03, Buffer.of(0), content);
}

/** Shortest form, and a zero before a first bit that would read as a minus sign. */
function integer(value: Buffer): Buffer {
  const start = value.findIndex((byte) => byte !== 0);
  const shortest = start < 0 ? Buffer.of(0) : value.subarray(start);
  return shortest[0]! >= 0x80 ? tagged(0x02, Buffer.of(0), shortest) : tagged(0x02, shortest);
}

function relativeName(type: Buffer, value: string): Buffer {
  return tagged(0x31, sequence(objectId(type), tagged(0x0c, Buffer.from(value))));
}

/** RFC 5280: two-digit years up to 2049, four digits from then on. */
function time(millis: number): Buffer {
  const digits = new Date(millis).toISOString().replace(/[-:T]|\.\d+/g, '');
  return Number(digits.slice(0, 4)) < 2050 ? tagged(0x17, Buffer.from(digits.slice(2))) : tagged(0x18, Buffer.from(digits));
}
