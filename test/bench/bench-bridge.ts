import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JOURNAL_PARTITIONS, journalKey } from '#event-source/journal-key.js';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { ACCOUNT, TestEngine, TOKEN } from '../../apps/bridge/running-bridge.fixture.js';
import { startBridgeProcess, type BridgeProcess } from '../support/bridge-process.js';
import { startBenchRedis } from './bench-redis.js';

/** A Redis that fsyncs every write, a way to the queues in it, and bridges that are started and ended as a benchmark needs them. */
export interface BenchBridge {
  readonly engine: TestEngine;
  readonly deployment: Deployment;
  readonly redisPid: number;
  /** With long polls. */
  readonly messages: MessageStore;
  startBridge(): Promise<BridgeProcess>;
  /** Bodies in the journal. */
  journalLength(): Promise<number>;
  close(): Promise<void>;
}

export async function startBenchBridge(): Promise<BenchBridge> {
  const server = await startBenchRedis();
  const engine = await TestEngine.open(server.url, 'bench');
  const deployment = await Deployment.open(engine.client, engine.prefix);
  const subscriber = connectRedis(server.url, { role: 'subscriber', logger: silentLogger });
  const polls = new LongPoll(subscriber, deployment);
  await polls.start();
  const dataDir = await mkdtemp(join(tmpdir(), 'magpie-bench-'));
  const bridges: BridgeProcess[] = [];
  return {
    engine,
    deployment,
    redisPid: server.pid,
    messages: new MessageStore(new QueueStore(engine.client, deployment), polls),
    startBridge: async () => {
      const bridge = await startBridgeProcess({ redisUrl: server.url, keyPrefix: engine.prefix, dataDir, account: ACCOUNT, token: TOKEN, port: 0 });
      bridges.push(bridge);
      return bridge;
    },
    journalLength: async () => {
      const lengths = Array.from({ length: JOURNAL_PARTITIONS }, (_, partition) => engine.client.xlen(journalKey(deployment, partition)));
      return (await Promise.all(lengths)).reduce((sum, length) => sum + length, 0);
    },
    close: async () => {
      for (const bridge of bridges) await bridge.end('SIGTERM');
      subscriber.disconnect();
      engine.close();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
