import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selfSignedCertificate } from '#delivery/x509-certificate.js';

export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate for `localhost`, signed by itself, with a key of its own. */
export function makeServerCertificate(organization = 'Test'): ServerCertificate {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const cert = selfSignedCertificate(privateKey, {
    commonName: 'localhost',
    organization,
    serial: randomBytes(8),
    notBefore: Date.now() - 3_600_000,
    notAfter: Date.now() + 3_600_000,
  });
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Puts both files into a folder, each with one rename, as careful programs do. */
export function writeServerCertificate(folder: string, { cert, key }: ServerCertificate): { certFile: string; keyFile: string } {
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  for (const [file, content] of [[files.certFile, cert] as const, [files.keyFile, key] as const]) {
    writeFileSync(`${file}.new`, content);
    renameSync(`${file}.new`, file);
  }
  return files;
}
