import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import { readEventRule } from '#event-rule/event-rule.js';
import { readEventSource } from '#event-source/event-source-document.js';
import { EventSourceStore } from '#event-source/event-source-store.js';
import { LongPoll } from '#queue/long-poll.js';
import { MessageStore } from '#queue/message-store.js';
import { QueueStore } from '#queue/queue-store.js';
import { Deployment } from '#redis/deployment.js';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { TopicStore } from '#topic/topic-store.js';
import { eventually } from '../../test/support/eventually.js';
import { Bridge, type BridgeSettings } from './bridge.js';
import { BridgeServer } from './bridge-server.js';
import { IntakeServer } from './intake/intake-server.js';
import { IntakeToken } from './intake/intake-token.js';

export const ACCOUNT = '1234567890123456';
export const TOKEN = 'intake-secret';
export const SECRET_KEY = Buffer.alloc(32, 7);

/** The engine beside the bridge, for tests to make queues in and to receive from. */
export class TestEngine {
  private constructor(
    readonly client: RedisClient,
    readonly prefix: string,
    readonly queues: QueueStore,
    readonly topics: TopicStore,
    readonly messages: MessageStore,
    readonly rules: EventRuleStore,
    readonly sources: EventSourceStore,
  ) {}

  static async open(url = process.env['MAGPIE_TEST_REDIS_URL']!, prefix = `bridge-${randomBytes(6).toString('hex')}`): Promise<TestEngine> {
    const client = connectRedis(url, { role: 'commands', logger: silentLogger });
    await eventually('connected', () => client.status === 'ready');
    const deployment = await Deployment.open(client, prefix);
    const queues = new QueueStore(client, deployment);
    const topics = new TopicStore(client, deployment);
    const messages = new MessageStore(queues, new LongPoll(client, deployment));
    const sources = new EventSourceStore(client, deployment, SECRET_KEY);
    return new TestEngine(client, prefix, queues, topics, messages, new EventRuleStore(client, deployment), sources);
  }

  /** A rule that sends to a queue, unless the document says otherwise. */
  async putRule(name: string, document: object = {}): Promise<void> {
    const given = { eventTypes: ['ObjectCreated:*', 'ObjectRemoved:*'], endpoint: { endpointType: 'queue', endpointValue: 'events' }, ...document };
    await this.rules.put(ACCOUNT, readEventRule(name, given));
  }

  async putSource(name: string, document: object = {}, account = ACCOUNT): Promise<void> {
    await this.sources.put(account, name, readEventSource(name, document));
  }

  async forgetRules(): Promise<void> {
    for (const { name } of (await this.rules.list(ACCOUNT, {})).rules) await this.rules.delete(ACCOUNT, name);
  }

  /** Receives and deletes whatever is there; the keys of the objects in the order of the messages. */
  async receiveKeys(queue = 'events'): Promise<string[]> {
    return (await this.receive(queue)).map(({ key }) => key);
  }

  async receive(queue = 'events'): Promise<{ key: string; eventName: string; ruleId: string }[]> {
    const all: { key: string; eventName: string; ruleId: string }[] = [];
    for (;;) {
      const messages = await this.messages.receiveMessages(ACCOUNT, queue, { count: 16, waitSeconds: 0 });
      if (messages.length === 0) return all;
      for (const { body } of messages) all.push(readOssEvent(body));
      await this.messages.deleteMessages(ACCOUNT, queue, messages.map(({ receiptHandle }) => receiptHandle));
    }
  }

  /** Waits for so many messages; each as `rule key`. */
  async receiveUntil(count: number, within = 5_000): Promise<string[]> {
    const told: string[] = [];
    await eventually(`${count} messages`, async () => {
      told.push(...(await this.receive()).map(({ key, ruleId }) => `${ruleId} ${key}`));
      return told.length >= count;
    }, { within });
    return told;
  }

  /** Waits until so many messages are there. */
  async arrived(count: number, queue = 'events', within = 5_000): Promise<string[]> {
    const keys: string[] = [];
    await eventually(`${count} messages`, async () => {
      keys.push(...(await this.receiveKeys(queue)));
      return keys.length >= count;
    }, { within });
    return keys;
  }

  close(): void {
    this.client.disconnect();
  }
}

interface OssDocument {
  readonly events: readonly { readonly eventName: string; readonly oss: { readonly object: { readonly key: string }; readonly ruleId: string } }[];
}

function readOssEvent(body: string) {
  const [event] = (JSON.parse(Buffer.from(body, 'base64').toString()) as OssDocument).events;
  return { key: event!.oss.object.key, eventName: event!.eventName, ruleId: event!.oss.ruleId };
}

export interface RunningBridge {
  readonly bridge: Bridge;
  readonly token: IntakeToken;
  readonly port: number;
  readonly dataDir: string;
  /** Posts a body the durable way (or another); the status of the answer. */
  post(body: string | Uint8Array, path?: string): Promise<number>;
  stop(): Promise<void>;
}

/** The real bridge in this process, on a port of its own. `started` can be awaited when Redis may be away at first. */
export async function startBridge(
  options: Partial<BridgeSettings> & { readonly waitForRedis?: boolean; readonly port?: number } = {},
): Promise<RunningBridge & { readonly started: Promise<void> }> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'magpie-bridge-')));
  const settings: BridgeSettings = {
    redisUrl: process.env['MAGPIE_TEST_REDIS_URL']!,
    keyPrefix: `bridge-${randomBytes(6).toString('hex')}`,
    secretKey: SECRET_KEY,
    account: ACCOUNT,
    region: 'cn-hangzhou',
    claimIdle: 300,
    heartbeat: 200,
    ...options,
    dataDir,
  };
  const bridge = new Bridge(settings, silentLogger);
  const token = new IntakeToken(TOKEN);
  const server = await BridgeServer.listen(bridge, token, silentLogger, {
    host: '127.0.0.1',
    port: options.port ?? 0,
    // In this thread: a thread of its own would need what is built.
    startIntake: (given) => void new IntakeServer(given),
    onFailure: (error) => {
      throw error;
    },
  });
  const { port } = server;
  const started = bridge.start();
  if (options.waitForRedis !== false) await started;
  const post = async (body: string | Uint8Array, path = '/intake/s3/store'): Promise<number> => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: Buffer.from(body) });
    await response.arrayBuffer();
    return response.status;
  };
  const stop = async (): Promise<void> => {
    await server.stop({ linger: 0, deadline: 1_000 });
    await bridge.stop(1_000);
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  return { bridge, token, port, dataDir, post, stop, started };
}
