import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { ManagementClient } from '../contract/management-client.js';
import { startHub, type TestHub } from '../support/hub.js';
import { childrenOf } from '../support/running-processes.js';
import { startBenchRedis } from './bench-redis.js';
import { RawConnection, type RawResponse } from './raw-connection.js';
import { signedRequest } from './signed-request.js';

/** The whole hub as `npm start` runs it, on a Redis that fsyncs every write. */
export interface FanOutHub {
  readonly hub: TestHub;
  readonly redis: RedisClient;
  readonly redisUrl: string;
  /** For `CpuUse`. */
  readonly pids: Readonly<Record<string, number>>;
  connect(count: number): Promise<RawConnection[]>;
  call(method: string, target: string, body?: string): Promise<RawResponse>;
  subscribe(topic: string, name: string, endpoint: string, more?: string): Promise<void>;
  /** Sets what MNS does not know. */
  setOptions(topic: string, name: string, options: object): Promise<void>;
  /** A step of a load that publishes to a topic. */
  publishTo(topic: string): (lane: RawConnection, body: string) => Promise<void>;
  close(): Promise<void>;
}

/** A line of the log for each delivery costs; none of the peers writes one, so this one is asked not to. */
const SETTINGS = { MAGPIE_LOG_LEVEL: 'error', MAGPIE_PUSH_ALLOW: 'loopback' };

export async function startFanOutHub(): Promise<FanOutHub> {
  const server = await startBenchRedis();
  const redis = connectRedis(server.url, { role: 'worker', logger: silentLogger });
  const hub = await startHub({ ...SETTINGS, MAGPIE_REDIS_URL: server.url });
  const { hostname, port } = new URL(hub.addresses.api);
  const connect = (count: number): Promise<RawConnection[]> => Promise.all(Array.from({ length: count }, () => RawConnection.open(hostname, Number(port))));
  const control = new ControlConnection(() => connect(1));
  const management = new ManagementClient(hub.addresses.api, hub.credentials);
  const call = async (method: string, target: string, body = ''): Promise<RawResponse> => {
    const answer = await control.request(signedRequest(hub.credentials, method, target, body));
    if (answer.status >= 300) throw new Error(`${method} ${target} answered ${answer.status}: ${answer.body}`);
    return answer;
  };
  return {
    hub,
    redis,
    redisUrl: server.url,
    pids: { 'load and sinks': process.pid, ...(await processesOf(hub)), Redis: server.pid },
    connect,
    call,
    subscribe: async (topic, name, endpoint, more = '') => {
      await call('PUT', `/topics/${topic}/subscriptions/${name}`, `<Subscription><Endpoint>${endpoint}</Endpoint>${more}</Subscription>`);
    },
    setOptions: async (topic, name, options) => {
      const { status, json } = await management.call('PUT', `topics/${topic}/subscriptions/${name}`, { options });
      if (status >= 300) throw new Error(`options of ${name}: ${status} ${JSON.stringify(json)}`);
    },
    publishTo: (topic) => async (lane, body) => {
      const message = `<Message><MessageBody>${body}</MessageBody></Message>`;
      const answer = await lane.request(signedRequest(hub.credentials, 'POST', `/topics/${topic}/messages`, message));
      if (answer.status !== 201) throw new Error(`PublishMessage answered ${answer.status}: ${answer.body}`);
    },
    close: async () => {
      control.close();
      await hub.stop();
      await redis.quit();
      await server.stop();
    },
  };
}

async function processesOf(hub: TestHub): Promise<Record<string, number>> {
  const children = await childrenOf(hub.pid);
  return Object.fromEntries(children.flatMap(({ pid, args }) => {
    const name = /apps\/(api|worker)\/main\.js/.exec(args)?.[1];
    return name === undefined ? [] : [[name === 'api' ? 'API' : name, pid]];
  }));
}

/** Milliseconds without a request after which a connection is not trusted any more: the API ends those that are idle. */
const IDLE = 5_000;

/** One connection for what is not measured, opened anew after a pause. */
class ControlConnection {
  #lane: RawConnection | undefined;
  #usedAt = 0;

  constructor(private readonly open: () => Promise<RawConnection[]>) {}

  async request(bytes: Buffer): Promise<RawResponse> {
    if (this.#lane === undefined || performance.now() - this.#usedAt > IDLE) {
      this.close();
      [this.#lane] = await this.open();
    }
    this.#usedAt = performance.now();
    return await this.#lane!.request(bytes);
  }

  close(): void {
    this.#lane?.close();
    this.#lane = undefined;
  }
}
