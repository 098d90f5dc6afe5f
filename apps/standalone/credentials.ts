import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { newAccessKeyId, newAccessKeySecret, newAccountId } from '#access/access-key.js';
import type { HubSettings } from '#runtime/hub-settings.js';

export interface Credentials {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** 32 bytes as base64: encrypts what is secret in Redis. */
  readonly secretKey: string;
  /** Bearer token of the bridge's intake. */
  readonly intakeToken: string;
}

/**
 * What the settings name, else what the file holds, else something new that the file holds from then on (mode 0600).
 *
 * @throws Error when the file cannot be understood: replacing the secret key would make stored secrets unreadable.
 */
export function loadCredentials(file: string, settings: HubSettings): Credentials {
  const kept = existsSync(file) ? readCredentials(file) : {};
  const generated = { ...generateCredentials(), ...kept };
  if (Object.keys(generated).length > Object.keys(kept).length) writeDurably(file, `${JSON.stringify(generated, null, 2)}\n`);
  const { accountId, accessKeyId, accessKeySecret, intakeToken, secretKey } = settings;
  return {
    accountId: accountId ?? generated.accountId,
    accessKeyId: accessKeyId ?? generated.accessKeyId,
    accessKeySecret: accessKeySecret ?? generated.accessKeySecret,
    secretKey: secretKey?.toString('base64') ?? generated.secretKey,
    intakeToken: intakeToken ?? generated.intakeToken,
  };
}

function readCredentials(file: string): Partial<Credentials> {
  const text = readFileSync(file, 'utf8');
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
  } catch {
    // reported below
  }
  throw new Error(`${file} is not the JSON that was written there: restore it, or remove it together with the data it belongs to`);
}

function generateCredentials(): Credentials {
  return {
    accountId: newAccountId(),
    accessKeyId: newAccessKeyId(),
    accessKeySecret: newAccessKeySecret(),
    secretKey: randomBytes(32).toString('base64'),
    intakeToken: newAccessKeySecret(),
  };
}

/** Complete under its name or not there at all, also after a power cut. */
function writeDurably(file: string, text: string): void {
  const draft = `${file}.new`;
  const handle = openSync(draft, 'w', 0o600);
  writeSync(handle, text);
  fsyncSync(handle);
  closeSync(handle);
  renameSync(draft, file);
}
