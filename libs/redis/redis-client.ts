import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from '#runtime/log.js';
import { batchWrites } from './write-batching.js';

/** Every connection of the hub is made by this file; `commands` for requests, `subscriber` for pub/sub. */
export type RedisClient = Redis | Cluster;

/**
 * - `commands`: fails at once while Redis is away, so that a request is answered 503 instead of hanging.
 * - `subscriber`: waits and subscribes again by itself.
 * - `worker`: BullMQ's blocking connections; never gives up.
 */
export type ConnectionRole = 'commands' | 'subscriber' | 'worker';

/** Longest time in milliseconds that a request waits for Redis (a black-holed connection, not a slow script). */
const COMMAND_TIMEOUT = 8_000;

export interface RedisConnectOptions {
  readonly role: ConnectionRole;
  readonly logger: Logger;
}

/**
 * Opens a client for `redis://`, `rediss://`, `redis+sentinel://host:port,host:port/name` or
 * `redis+cluster://host:port,host:port`. Reconnects for ever, after min(50 n, 1000) ms.
 *
 * @throws Error when the URL has another form.
 */
export function connectRedis(url: string, { role, logger }: RedisConnectOptions): RedisClient {
  const target = parseRedisUrl(url);
  const retry = (attempt: number): number => Math.min(50 * attempt, 1_000);
  const perNode = {
    protocol: 2 as const,
    ...target.credentials,
    maxRetriesPerRequest: role === 'worker' ? null : 0,
    ...(role === 'commands' && { commandTimeout: COMMAND_TIMEOUT, noDelay: true }),
    connectTimeout: 5_000,
  };
  const client = open();
  if (role === 'commands') batchWrites(client);
  let lastError = '';
  client.on('error', (error: Error) => {
    if (error.message !== lastError) logger.warn({ role, reason: error.message }, 'redis connection failed');
    lastError = error.message;
  });
  client.on('ready', () => {
    if (lastError !== '') logger.info({ role }, 'redis connection restored');
    lastError = '';
  });
  return client;

  function open(): RedisClient {
    if (target.kind === 'cluster') {
      return new Cluster([...target.nodes], {
        redisOptions: perNode,
        clusterRetryStrategy: retry,
        enableOfflineQueue: role !== 'commands',
      });
    }
    const options = { ...perNode, retryStrategy: retry, enableOfflineQueue: role !== 'commands' };
    if (target.kind === 'sentinel') {
      return new Redis({ ...options, sentinels: [...target.nodes], name: target.name, db: target.db });
    }
    return new Redis({ ...options, ...target.nodes[0], db: target.db });
  }
}

/** Milliseconds that a start waits for Redis: longer than it takes to load its data in most set-ups that start both together. */
const START_LIMIT = 30_000;

/**
 * The same, connected already, so that the first command does not find it still connecting. The client tries again by itself; its
 * failures on the way are logged and no reason to give up.
 *
 * @throws Error when Redis is not there within 30 s, or the URL has another form.
 */
export async function openRedis(url: string, options: RedisConnectOptions): Promise<RedisClient> {
  const client = connectRedis(url, options);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      client.disconnect();
      reject(new Error(`Redis did not accept a connection within ${START_LIMIT / 1_000} s`));
    }, START_LIMIT);
    client.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return client;
}

interface Node {
  readonly host: string;
  readonly port: number;
}

interface RedisTarget {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly nodes: readonly [Node, ...Node[]];
  readonly name: string;
  readonly db: number;
  readonly credentials: Pick<RedisOptions, 'username' | 'password' | 'tls'>;
}

const SCHEMES: Record<string, RedisTarget['kind']> = {
  redis: 'single',
  rediss: 'single',
  'redis+sentinel': 'sentinel',
  'redis+cluster': 'cluster',
};

/** Reads a Redis URL. Several hosts are separated by commas, which `URL` cannot read. */
export function parseRedisUrl(url: string): RedisTarget {
  const match = /^([a-z+]+):\/\/(?:([^@/]*)@)?([^/?]+)(?:\/([^?]*))?$/.exec(url);
  const kind = SCHEMES[match?.[1] ?? ''];
  if (match === null || kind === undefined) {
    throw new Error('expected redis://, rediss://, redis+sentinel://…/name or redis+cluster://…');
  }
  const [, scheme, login = '', hosts = '', path = ''] = match;
  const [username = '', password = ''] = login.split(':').map(decodeURIComponent);
  const [first, ...others] = hosts.split(',').map(parseNode);
  if (first === undefined) throw new Error('expected at least one host');
  const name = kind === 'sentinel' ? path.split('/')[0] ?? '' : '';
  if (kind === 'sentinel' && name === '') throw new Error('redis+sentinel:// needs the name of the master as its path');
  const database = kind === 'sentinel' ? path.split('/')[1] : path;
  return {
    kind,
    nodes: [first, ...others],
    name,
    db: database === undefined || database === '' ? 0 : Number(database),
    credentials: {
      ...(username !== '' && { username }),
      ...(password !== '' && { password }),
      ...(scheme === 'rediss' && { tls: {} }),
    },
  };
}

function parseNode(text: string): Node {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(text);
  if (match === null) throw new Error(`cannot read the Redis host "${text}"`);
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port: Number(match[2] ?? 6379) };
}
