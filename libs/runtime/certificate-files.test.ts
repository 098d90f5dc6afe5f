import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { eventually } from '../../test/support/eventually.js';
import { makeServerCertificate, writeServerCertificate } from '../../test/support/server-certificate.js';
import { CertificateFiles, type CertificatePair } from './certificate-files.js';

const [first, second, third] = [makeServerCertificate(), makeServerCertificate(), makeServerCertificate()];

describe('CertificateFiles', () => {
  let folder: string;
  let files: CertificateFiles | undefined;
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'magpie-tls-'));
    lines.length = 0;
  });
  afterEach(async () => {
    files?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (certFile: string, keyFile: string): CertificateFiles => (files = new CertificateFiles(certFile, keyFile));
  const watched = async (certFile: string, keyFile: string): Promise<CertificatePair[]> => {
    const opened = open(certFile, keyFile);
    const pairs = [await opened.load()];
    opened.watch((pair) => pairs.push(pair), logger);
    return pairs;
  };

  it('says in one line what is wrong with the files', async () => {
    const { certFile, keyFile } = writeServerCertificate(folder, first);
    const other = writeServerCertificate(mkdirInside('other'), second);
    const nothing = join(folder, 'nothing');
    const text = join(folder, 'text');
    writeFileSync(text, 'no PEM');
    const table = [
      [nothing, keyFile, `MAGPIE_TLS_CERT is "${nothing}": expected a file that can be read (ENOENT)`],
      [certFile, folder, `MAGPIE_TLS_KEY is "${folder}": expected a file that can be read (EISDIR)`],
      [text, keyFile, `MAGPIE_TLS_CERT is "${text}": expected a PEM file with a certificate`],
      [certFile, text, `MAGPIE_TLS_KEY is "${text}": expected a PEM file with a private key without a passphrase`],
      [certFile, other.keyFile, `MAGPIE_TLS_KEY is "${other.keyFile}": expected the private key of the certificate in MAGPIE_TLS_CERT`],
    ] as const;
    for (const [cert, key, complaint] of table) await expect(open(cert, key).load()).rejects.toThrow(complaint);
  });

  it('notices files that are replaced by a rename', async () => {
    const { certFile, keyFile } = writeServerCertificate(folder, first);
    const pairs = await watched(certFile, keyFile);
    writeServerCertificate(folder, second);
    await eventually('the second pair', () => pairs.length === 2);
    expect(pairs).toEqual([first, second]);
    expect(lines.join('')).not.toContain('cannot be used');
  });

  it('notices a link further up that points elsewhere, as Kubernetes replaces secrets', async () => {
    writeServerCertificate(mkdirInside('..v1'), first);
    writeServerCertificate(mkdirInside('..v2'), second);
    symlinkSync('..v1', join(folder, '..data'));
    for (const name of ['tls.crt', 'tls.key']) symlinkSync(join('..data', name), join(folder, name));
    const pairs = await watched(join(folder, 'tls.crt'), join(folder, 'tls.key'));
    symlinkSync('..v2', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    await eventually('the second pair', () => pairs.length === 2);
    expect(pairs[1]).toEqual(second);
  });

  it('keeps the pair that works when a new one does not, says so once, and takes the next good one', async () => {
    const { certFile, keyFile } = writeServerCertificate(folder, first);
    const pairs = await watched(certFile, keyFile);
    writeFileSync(certFile, 'broken');
    await eventually('the warning', () => lines.some((line) => line.includes('cannot be used')), { within: 12_000 });
    expect(lines.filter((line) => line.includes('cannot be used'))).toHaveLength(1);
    expect(pairs).toHaveLength(1);
    writeServerCertificate(folder, third);
    await eventually('the third pair', () => pairs.length === 2);
    expect(pairs[1]).toEqual(third);
  }, 20_000);

  function mkdirInside(name: string): string {
    mkdirSync(join(folder, name));
    return join(folder, name);
  }
});
