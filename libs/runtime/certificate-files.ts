import { X509Certificate } from 'node:crypto';
import { watch, type FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Logger } from './log.js';
import { BadSetting } from './setting.js';

/** A certificate with its chain and its private key, both as PEM; they belong together. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** Milliseconds between two looks at the files: a watch may miss a change (network file systems), or not be had at all. */
const LOOK_INTERVAL = 5_000;

/** Milliseconds after a change until the look: two files are replaced one after the other. */
const SETTLE = 250;

/**
 * Two files that hold the certificate of a server, as an operator names them.
 *
 * They may be replaced at any time, in place, by a rename, or by a symbolic link further up that points elsewhere (Kubernetes).
 */
export class CertificateFiles {
  #current = '';
  /** Contents that could not be used, and whether that was logged. */
  #refused: { contents: string | undefined; logged: boolean } = { contents: undefined, logged: false };
  readonly #watchers: FSWatcher[] = [];
  #interval: NodeJS.Timeout | undefined;
  #settle: NodeJS.Timeout | undefined;

  constructor(
    private readonly certFile: string,
    private readonly keyFile: string,
    private readonly names: { readonly cert: string; readonly key: string } = { cert: 'MAGPIE_TLS_CERT', key: 'MAGPIE_TLS_KEY' },
  ) {}

  /** @throws BadSetting when a file cannot be read, holds something else, or the two do not belong together. */
  async load(): Promise<CertificatePair> {
    const pair = await this.#read();
    this.#check(pair);
    this.#current = contentsOf(pair);
    return pair;
  }

  /**
   * Calls `onChange` with each new pair that can be used, from the one that `load` returned on, until `close`. One that cannot be used
   * is logged once and changes nothing. Keeps no process alive.
   */
  watch(onChange: (pair: CertificatePair) => void, logger: Logger): void {
    const look = (): void => void this.#look(onChange, logger);
    this.#interval = setInterval(look, LOOK_INTERVAL).unref();
    const lookSoon = (): void => {
      clearTimeout(this.#settle);
      this.#settle = setTimeout(look, SETTLE).unref();
    };
    // The folders: a watch on a file follows the file that was there, not the name.
    for (const folder of new Set([dirname(this.certFile), dirname(this.keyFile)])) {
      try {
        const watcher = watch(folder, { persistent: false }, lookSoon);
        watcher.on('error', () => watcher.close());
        this.#watchers.push(watcher);
      } catch (error) {
        logger.debug({ folder, err: error }, 'folder cannot be watched, its files are looked at now and then');
      }
    }
  }

  close(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#settle);
    for (const watcher of this.#watchers) watcher.close();
  }

  async #look(onChange: (pair: CertificatePair) => void, logger: Logger): Promise<void> {
    let contents = '';
    try {
      const pair = await this.#read();
      contents = contentsOf(pair);
      if (contents === this.#current) return;
      this.#check(pair);
      this.#current = contents;
      onChange(pair);
      logger.info({ certificate: this.certFile }, 'new connections get the new certificate');
    } catch (error) {
      this.#refuse(contents, error, logger);
    }
  }

  /** In the moment between two files the pair does not fit; it is worth a line only when it stays so until the next look. */
  #refuse(contents: string, error: unknown, logger: Logger): void {
    const known = this.#refused.contents === contents;
    if (known && !this.#refused.logged) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn({ certificate: this.certFile, reason }, 'the changed certificate cannot be used, the one before stays');
    }
    this.#refused = { contents, logged: known };
  }

  async #read(): Promise<CertificatePair> {
    const [cert, key] = await Promise.all([readPem(this.names.cert, this.certFile), readPem(this.names.key, this.keyFile)]);
    return { cert, key };
  }

  #check({ cert, key }: CertificatePair): void {
    const { names, certFile, keyFile } = this;
    check(names.cert, certFile, 'a PEM file with a certificate', () => createSecureContext({ cert }));
    check(names.key, keyFile, 'a PEM file with a private key without a passphrase', () => createSecureContext({ key }));
    check(names.key, keyFile, `the private key of the certificate in ${names.cert}`, () => createSecureContext({ cert, key }));
  }
}

/** The certificates in a file of certificate authorities, as PEM. @throws BadSetting when it cannot be read or one of them is none */
export async function readAuthorities(file: string, name = 'MAGPIE_PUSH_CA_FILE'): Promise<string> {
  const pem = await readPem(name, file);
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const expected = 'a PEM file with certificates';
  if (certificates.length === 0) throw new BadSetting(name, JSON.stringify(file), expected);
  for (const certificate of certificates) check(name, file, expected, () => new X509Certificate(certificate));
  return certificates.join('\n');
}

function contentsOf({ cert, key }: CertificatePair): string {
  return `${cert}\0${key}`;
}

async function readPem(name: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new BadSetting(name, JSON.stringify(file), `a file that can be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

function check(name: string, file: string, expected: string, use: () => unknown): void {
  try {
    use();
  } catch {
    throw new BadSetting(name, JSON.stringify(file), expected);
  }
}
