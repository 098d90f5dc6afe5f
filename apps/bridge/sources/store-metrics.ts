import { createHmac } from 'node:crypto';
import type { StoreCredentials } from '#event-source/event-source.js';

/** What one webhook target of one node of the store says; counters start at 0 with the node's process. */
export interface TargetFigures {
  readonly server: string;
  /** As in the store's configuration. */
  readonly target: string;
  /** Events that the target was given. */
  readonly total: number;
  /** Events that it dropped. */
  readonly failed: number;
  /** Files in its queue: events that wait, and what a crash left of others. */
  readonly queued: number;
}

export interface StoreFigures {
  /** By node: when its process started, milliseconds since the epoch. */
  readonly startedAt: ReadonlyMap<string, number>;
  /** Events that were dropped before any target was given them, by node. */
  readonly skipped: ReadonlyMap<string, number>;
  readonly targets: readonly TargetFigures[];
}

/** Seconds that the token of one request is valid; more than clocks should differ. */
const TOKEN_LIFE = 300;

/**
 * The bearer token that MinIO takes at its metrics, as `mc admin prometheus generate` would make it. Not needed where the server has
 * `MINIO_PROMETHEUS_AUTH_TYPE=public`, and not looked at there.
 */
export function metricsToken({ accessKey, secretKey }: StoreCredentials, now: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { exp: Math.floor(now / 1_000) + TOKEN_LIFE, sub: accessKey, iss: 'prometheus' };
  const signed = `${part({ alg: 'HS512', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha512', secretKey).update(signed).digest('base64url')}`;
}

const SAMPLE = /^(minio_\w+)\{([^}]*)\} (\S+)$/gm;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Reads MinIO's metrics of a cluster, version 2. Undefined: these are no metrics of MinIO. */
export function readStoreMetrics(text: string): StoreFigures | undefined {
  const startedAt = new Map<string, number>();
  const skipped = new Map<string, number>();
  const targets = new Map<string, { -readonly [Name in keyof TargetFigures]: TargetFigures[Name] }>();
  for (const [, name, labels = '', number] of text.matchAll(SAMPLE)) {
    const value = Number(number);
    const named = new Map([...labels.matchAll(LABEL)].map(([, label, content]) => [label, content]));
    const server = named.get('server') ?? '';
    if (name === 'minio_node_process_starttime_seconds') startedAt.set(server, value * 1_000);
    if (name === 'minio_notify_events_skipped_total') skipped.set(server, value);
    const member = name === undefined ? undefined : TARGET_MEMBERS[name];
    if (member === undefined) continue;
    const target = (named.get('target_id') ?? '').split(':')[0]!;
    const figures = targets.get(`${server} ${target}`) ?? { server, target, total: 0, failed: 0, queued: 0 };
    figures[member] = value;
    targets.set(`${server} ${target}`, figures);
  }
  return startedAt.size === 0 && skipped.size === 0 ? undefined : { startedAt, skipped, targets: [...targets.values()] };
}

const TARGET_MEMBERS: Readonly<Record<string, 'total' | 'failed' | 'queued'>> = {
  minio_notify_target_total_events: 'total',
  minio_notify_target_failed_events: 'failed',
  minio_notify_target_queue_length: 'queued',
};
