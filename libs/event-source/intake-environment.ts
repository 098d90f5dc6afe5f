import type { EventSource } from './event-source.js';

export interface EnvironmentOptions {
  /** Base URL of the bridge as the store reaches it, without a slash at the end. */
  readonly bridgeUrl: string;
  /** What stands for the token, or the token itself. */
  readonly token: string;
  /** Absolute path on a local disk of each node. */
  readonly queueDirectory: string;
}

/** Files per target and node; this many cost some 44 MB of memory. */
const QUEUE_LIMIT = '1000000';

/** The intake's path of a source, by way. */
export function intakeUrl(bridgeUrl: string, source: string, way: 'durable' | 'fast'): string {
  return `${bridgeUrl}/intake/s3/${source}${way === 'fast' ? '/fast' : ''}`;
}

/** What a MinIO server must be started with; only its operator can set it, on every node, and it takes a restart. */
export function intakeEnvironment(source: EventSource, { bridgeUrl, token, queueDirectory }: EnvironmentOptions): Record<string, string> {
  const target = (way: 'durable' | 'fast', id: string, more: Readonly<Record<string, string>> = {}): Record<string, string> => {
    if (!source.ways.includes(way)) return {};
    const settings = { ENABLE: 'on', ENDPOINT: intakeUrl(bridgeUrl, source.name, way), AUTH_TOKEN: token, ...more };
    return Object.fromEntries(Object.entries(settings).map(([name, value]) => [`MINIO_NOTIFY_WEBHOOK_${name}_${id}`, value]));
  };
  return {
    // Without them an answered upload may have no event: one that is lost in memory at a stop, one taken before the rules were read.
    MINIO_API_SYNC_EVENTS: 'on',
    MINIO_SYNC_BOOT: 'on',
    ...target('durable', source.durableTarget, { QUEUE_DIR: queueDirectory, QUEUE_LIMIT }),
    ...target('fast', source.fastTarget),
  };
}
