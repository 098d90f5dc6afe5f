import type { FirstKey } from '#access/access-store.js';
import type { EnvironmentChannels } from '#delivery/environment-channels.js';
import type { HighWater } from '#runtime/high-water.js';
import type { Logger } from '#runtime/log.js';

/** What the API needs to know; read from the environment by `main.ts`, given by tests. */
export interface ApiSettings {
  readonly redisUrl: string;
  /** Memory of Redis above which nothing new is stored; a default when absent. */
  readonly redisHighWater?: HighWater;
  readonly keyPrefix: string;
  /** 32 bytes; decrypts the secrets of access keys. */
  readonly secretKey: Buffer;
  /** Base of the URLs that are handed out, without a slash at the end; the host that the client used when absent. */
  readonly publicUrl?: string;
  /** Where stores reach the bridge, without a slash at the end; absent: not known. */
  readonly bridgeUrl?: string;
  /** Token of the bridge's intake, to be shown to the operator who asks for it. */
  readonly intakeToken?: string;
  /** CIDRs, addresses, or the words `loopback` and `private`: whose `X-Forwarded-*` headers count. None when absent. */
  readonly trustedProxies?: readonly string[];
  /** Networks that channels may be tested against although not public: CIDRs, `loopback`, `private`. None when absent. */
  readonly pushAllow?: readonly string[];
  /** For accounts without channels of their own: whose receipts are taken. None when absent. */
  readonly channels?: EnvironmentChannels;
  /** Made sure of at start. */
  readonly firstKey?: FirstKey;
}

/** What a server is made of that it does not make itself. */
export interface ApiDependencies {
  readonly settings: ApiSettings;
  readonly logger: Logger;
}
