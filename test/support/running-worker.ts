import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fork, type ChildProcess } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DrainQueue } from '#delivery/drain-queue.js';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger, type Logger } from '#runtime/log.js';
import { Publisher } from '#topic/publisher.js';
import type { SubscriptionAttributes } from '#topic/subscription.js';
import { TopicStore } from '#topic/topic-store.js';
import { NestLogger } from '../../apps/worker/nest-logger.js';
import { WorkerModule } from '../../apps/worker/worker.module.js';
import type { WorkerSettings } from '../../apps/worker/worker-settings.js';
import { ACCOUNT } from './sample-delivery.js';

/** The publishing side of a hub without its HTTP surface: what the API does, as a test does it. */
export interface PublishingSide {
  readonly prefix: string;
  readonly client: RedisClient;
  readonly deployment: Deployment;
  readonly topics: TopicStore;
  readonly queues: QueueStore;
  readonly messages: MessageStore;
  readonly publisher: Publisher;
  readonly drainQueue: DrainQueue;
  /** A topic with one subscription `s1`; answers the topic's name. */
  subscribed(endpoint: string, attributes?: Partial<SubscriptionAttributes>): Promise<string>;
  publish(topic: string, body: string): Promise<string>;
  stop(): Promise<void>;
}

export async function openPublishingSide(redisUrl: string, prefix = `test-${randomBytes(6).toString('hex')}`): Promise<PublishingSide> {
  const client = connectRedis(redisUrl, { role: 'commands', logger: silentLogger });
  if (client.status !== 'ready') await once(client, 'ready');
  const deployment = await Deployment.open(client, prefix);
  const drainQueue = new DrainQueue({ url: redisUrl, prefix, logger: silentLogger });
  const topics = new TopicStore(client, deployment);
  const queues = new QueueStore(client, deployment);
  const messages = new MessageStore(queues, new LongPoll(client, deployment));
  const publisher = new Publisher(topics, drainQueue);
  return {
    prefix,
    client,
    deployment,
    topics,
    queues,
    messages,
    publisher,
    drainQueue,
    subscribed: async (endpoint, attributes = {}) => {
      const topic = `t-${randomBytes(6).toString('hex')}`;
      await topics.createTopic(ACCOUNT, topic, {});
      const defaults = { notifyStrategy: 'BACKOFF_RETRY', notifyContentFormat: 'SIMPLIFIED' } as const;
      await topics.subscribe(ACCOUNT, topic, 's1', { endpoint, ...defaults, ...attributes });
      return topic;
    },
    publish: async (topic, body) => (await publisher.publish(ACCOUNT, topic, { body })).messageId,
    stop: async () => {
      await drainQueue.close();
      client.disconnect();
    },
  };
}

export const SECRET_KEY = Buffer.alloc(32, 7);

export function workerSettings(redisUrl: string, prefix: string, changes: Partial<WorkerSettings> = {}): WorkerSettings {
  return {
    host: '127.0.0.1',
    port: 0,
    redisUrl,
    keyPrefix: prefix,
    region: 'cn-hangzhou',
    secretKey: SECRET_KEY,
    publicUrl: 'http://127.0.0.1:6670',
    pushAllow: ['loopback'],
    ...changes,
  };
}

export interface RunningWorker {
  readonly url: string;
  stop(): Promise<void>;
}

export interface WorkerTools {
  readonly logger?: Logger;
  /** Decides the delays of BACKOFF_RETRY. */
  readonly random?: () => number;
}

/** A worker in this process. */
export async function startWorker(settings: WorkerSettings, { logger = silentLogger, random }: WorkerTools = {}): Promise<RunningWorker> {
  const module = await WorkerModule.create(settings, logger, random);
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: new NestLogger(logger) });
  await app.listen(settings.port, settings.host);
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => app.close() };
}

export interface WorkerProcess {
  readonly child: ChildProcess;
  readonly url: string;
  /** Lines of its log. */
  readonly log: readonly string[];
  /** Sends the signal and answers how the process ended. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null; millis: number }>;
}

const root = new URL(import.meta.url.includes('/dist/test/') ? '../../../' : '../../', import.meta.url);
const MAIN = fileURLToPath(new URL('dist/apps/worker/main.js', root));

/** A worker in a process of its own, as built in dist/. */
export async function startWorkerProcess(redisUrl: string, prefix: string, changes: NodeJS.ProcessEnv = {}): Promise<WorkerProcess> {
  const settings = { MAGPIE_REDIS_URL: redisUrl, MAGPIE_KEY_PREFIX: prefix, MAGPIE_WORKER_PORT: '0' };
  const env = { PATH: process.env['PATH'], ...settings, MAGPIE_SECRET_KEY: SECRET_KEY.toString('base64'), ...changes };
  const child = fork(MAIN, { env, execArgv: [], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  const log: string[] = [];
  child.stderr!.setEncoding('utf8').on('data', (text: string) => log.push(...text.split('\n').filter((line) => line !== '')));
  const ready = once(child, 'message');
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the worker ended with code ${String(code)}: ${log.join('\n')}`);
  });
  const [message] = (await Promise.race([ready, ended])) as [{ port: number }];
  ended.catch(() => undefined);
  return {
    child,
    url: `http://127.0.0.1:${message.port}`,
    log,
    end: async (signal) => {
      const before = Date.now();
      if (child.exitCode !== null || child.signalCode !== null) return { code: child.exitCode, signal: child.signalCode, millis: 0 };
      const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
      child.kill(signal);
      const [code, killedBy] = await exited;
      return { code, signal: killedBy, millis: Date.now() - before };
    },
  };
}
