import { readFileSync } from 'node:fs';
import { environmentChannels, type EnvironmentChannels } from '#delivery/environment-channels.js';
import { serviceAccount } from '#delivery/providers/fcm.js';
import type { HighWater } from '#runtime/high-water.js';
import { readHubSettings, type HubSettings } from '#runtime/hub-settings.js';
import { BadSetting, type Environment } from '#runtime/setting.js';

/** What the worker needs to know; read from the environment by `main.ts`, given by tests. */
export interface WorkerSettings {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly redisUrl: string;
  /** Memory of Redis above which nothing new is stored; a default when absent. */
  readonly redisHighWater?: HighWater;
  readonly keyPrefix: string;
  readonly region: string;
  /** 32 bytes; decrypts the key that signs pushes. */
  readonly secretKey: Buffer;
  /** Base of the API's URLs, where subscribers fetch the certificate; without a slash at the end. */
  readonly publicUrl: string;
  /** Networks that pushes may reach although they are not public: CIDRs, `loopback`, `private`. */
  readonly pushAllow: readonly string[];
  /** PEM file of certificate authorities that pushes believe beside the platform's. */
  readonly pushCaFile?: string;
  /** Base of the API's URLs that providers may call back; only where the operator has named one. */
  readonly callbackUrl?: string;
  /** For accounts without channels of their own; none when absent. */
  readonly channels?: EnvironmentChannels;
}

type LoggedWorkerSettings = WorkerSettings & Pick<HubSettings, 'logLevel'>;

/** @throws BadSetting */
export function readWorkerSettings(environment: Environment, onWarning: (warning: string) => void): LoggedWorkerSettings {
  const settings = readHubSettings(environment, onWarning);
  const { host, keyPrefix, region, redisUrl, redisHighWater, secretKey, pushAllow, pushCaFile, logLevel } = settings;
  if (redisUrl === undefined) throw new BadSetting('MAGPIE_REDIS_URL', 'not set', 'the URL of a Redis (npm start brings its own)');
  if (secretKey === undefined) throw new BadSetting('MAGPIE_SECRET_KEY', 'not set', '32 bytes as base64, the same for every process');
  const publicUrl = settings.publicUrl ?? `http://${reachable(host)}:${settings.apiPort}`;
  return {
    host,
    port: settings.workerPort,
    redisUrl,
    redisHighWater,
    keyPrefix,
    region,
    secretKey,
    publicUrl,
    pushAllow,
    channels: environmentChannels({ ...settings, ...readServiceAccount(settings.fcmServiceAccountFile) }),
    ...(settings.publicUrl !== undefined && { callbackUrl: settings.publicUrl }),
    ...(pushCaFile !== undefined && { pushCaFile }),
    logLevel,
  };
}

/** @throws BadSetting, which says nothing of the content */
function readServiceAccount(file: string | undefined): { readonly fcmServiceAccount?: string } {
  if (file === undefined) return {};
  const account = serviceAccount.parse(readFile(file));
  if (account === undefined) throw new BadSetting('MAGPIE_FCM_SERVICE_ACCOUNT_FILE', file, serviceAccount.allowed);
  return { fcmServiceAccount: account };
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new BadSetting('MAGPIE_FCM_SERVICE_ACCOUNT_FILE', `${file} (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`, 'a file that can be read');
  }
}

/** What to write into a URL for a bind address. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
