import { setTimeout as sleep } from 'node:timers/promises';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { usedMemory } from '../bench/bench-hub.js';
import { RawConnection } from '../bench/raw-connection.js';
import { signedRequest } from '../bench/signed-request.js';
import { eventually } from '../support/eventually.js';
import { startHub, type TestHub } from '../support/hub.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { childrenOf } from '../support/running-processes.js';
import { FailingEndpoints } from './failing-endpoints.js';

const TOPICS = 5;
const SUBSCRIPTIONS = 10;
/** Publishes a second. */
const RATE = 1_000;
const PUBLISHERS = 32;
const KILLS = 20;
const VICTIMS = ['worker', 'api', 'redis'] as const;
/** Milliseconds for which Redis stays away. */
const REDIS_AWAY = 300;
/** Seconds that are left for the last deliveries: backlog, retries, and what a kill left to be found by the sweep. */
const SETTLE = 300;
/** Megabytes that Redis may keep beyond what it held before, apart from the attempt log. */
const GROWTH = 4;

export const title =
  `delivery: ${KILLS} kills (SIGKILL) of worker, API and Redis under ${RATE} publishes/s to ${TOPICS} topics with ${SUBSCRIPTIONS / TOPICS} HTTP endpoints each, which fail one request in ten`;

interface Scene {
  readonly hub: TestHub;
  readonly server: RedisServer;
  readonly redis: RedisClient;
  readonly endpoints: FailingEndpoints;
}

/** Every message that was acknowledged must reach every subscription of its topic, and leave nothing behind. */
export async function run(seconds: number): Promise<boolean> {
  const endpoints = await FailingEndpoints.open();
  const server = await startRedis({ appendOnly: true });
  const redis = connectRedis(server.url, { role: 'worker', logger: silentLogger });
  const hub = await startHub({ MAGPIE_LOG_LEVEL: 'silent', MAGPIE_REDIS_URL: server.url });
  try {
    return await play({ hub, server, redis, endpoints }, seconds);
  } finally {
    await hub.stop();
    redis.disconnect();
    await server.stop();
    endpoints.close();
  }
}

async function play(scene: Scene, seconds: number): Promise<boolean> {
  const { endpoints } = scene;
  await furnish(scene);
  const baseline = await remains(scene.redis);
  const start = performance.now();
  const end = start + seconds * 1_000;
  const killing = killAtRandom(scene, end);
  const published = await publish(scene.hub, end);
  const kills = await killing;
  const rate = Math.round(published.length / ((performance.now() - start) / 1_000));
  endpoints.failing = false;
  const owed = published.flatMap(({ topic, id }) => subscriptionsOf(topic).map((name) => [id, name] as const));
  const lost = await undelivered(endpoints, owed);
  const { requests, failed, doubled, early } = endpoints.findings;
  const settledAfter = ((performance.now() - end) / 1_000).toFixed(0);
  console.log(`kills ${JSON.stringify(kills)} · published and acknowledged ${published.length} (${rate}/s) · pairs owed ${owed.length} · lost ${lost} · settled ${settledAfter} s after the load`);
  console.log(`requests ${requests} · failed on purpose ${failed} · doubled, explained by a kill ${doubled.explained}, otherwise ${doubled.unexplained}`);
  console.log(`retries before their time, explained by a failure that a kill kept from being recorded ${early.explained}, otherwise ${early.unexplained}`);
  const clean = await leavesNothing(scene.redis, baseline);
  return lost === 0 && doubled.unexplained === 0 && early.unexplained === 0 && clean && published.length > 0;
}

function subscriptionsOf(topic: number): string[] {
  return Array.from({ length: SUBSCRIPTIONS / TOPICS }, (_, n) => `t${topic}-s${n}`);
}

/** One message to each topic is part of it: what is kept for good is there before the load begins. */
async function furnish({ hub, endpoints }: Scene): Promise<void> {
  const call = caller(hub);
  endpoints.failing = false;
  for (let topic = 0; topic < TOPICS; topic++) {
    await call('PUT', `/topics/t${topic}`);
    for (const name of subscriptionsOf(topic)) {
      const format = '<NotifyContentFormat>SIMPLIFIED</NotifyContentFormat><NotifyStrategy>EXPONENTIAL_DECAY_RETRY</NotifyStrategy>';
      await call('PUT', `/topics/t${topic}/subscriptions/${name}`, `<Subscription><Endpoint>${endpoints.urlOf(name)}</Endpoint>${format}</Subscription>`);
    }
    const id = await publishOne(call, topic);
    await eventually('the first message arrives', () => subscriptionsOf(topic).every((name) => endpoints.hasDelivered(id, name)));
  }
  endpoints.failing = true;
}

async function publishOne(call: Caller, topic: number): Promise<string> {
  const answer = await call('POST', `/topics/t${topic}/messages`, '<Message><MessageBody>x</MessageBody></Message>');
  return /<MessageId>(\w+)</.exec(answer)![1]!;
}

/** Publishes at `RATE` until `end`. @returns what was acknowledged; what was not may or may not have been stored */
async function publish(hub: TestHub, end: number): Promise<{ topic: number; id: string }[]> {
  const acknowledged: { topic: number; id: string }[] = [];
  const start = performance.now();
  let begun = 0;
  await Promise.all(
    Array.from({ length: PUBLISHERS }, async () => {
      const call = caller(hub);
      while (performance.now() < end) {
        if (begun >= ((performance.now() - start) / 1_000) * RATE) {
          await sleep(2);
          continue;
        }
        const topic = begun++ % TOPICS;
        try {
          acknowledged.push({ topic, id: await publishOne(call, topic) });
        } catch {
          await sleep(100);
        }
      }
    }),
  );
  return acknowledged;
}

/** Kills one after another, in random order and at random times until `end`. */
async function killAtRandom({ hub, server, endpoints }: Scene, end: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = { worker: 0, api: 0, redis: 0 };
  const pause = (end - performance.now()) / KILLS;
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(pause * (0.5 + Math.random()) * 0.95);
    const victim = VICTIMS[Math.floor(Math.random() * VICTIMS.length)]!;
    if (victim === 'redis') {
      await server.kill9();
      endpoints.kills.push(performance.now());
      await sleep(REDIS_AWAY);
      await server.restart();
      // Outcomes of all that time are in question, until every process is connected again.
      endpoints.kills.push(performance.now());
    } else {
      const pid = await eventually(`a process ${victim}`, async () => (await childrenOf(hub.pid)).find(({ args }) => args.includes(`apps/${victim}/main.js`))?.pid, { within: 20_000 });
      process.kill(pid, 'SIGKILL');
      if (victim === 'worker') endpoints.kills.push(performance.now());
    }
    counts[victim]! += 1;
  }
  return counts;
}

/** Waits for what is owed. @returns how many did not come in time */
async function undelivered(endpoints: FailingEndpoints, owed: readonly (readonly [string, string])[]): Promise<number> {
  let missing = owed;
  const deadline = performance.now() + SETTLE * 1_000;
  do {
    missing = missing.filter(([id, name]) => !endpoints.hasDelivered(id, name));
    if (missing.length > 0) await sleep(250);
  } while (missing.length > 0 && performance.now() < deadline);
  return missing.length;
}

interface Remains {
  readonly keys: ReadonlySet<string>;
  /** Bytes, without the attempt log. */
  readonly memory: number;
}

const isAttemptLog = (key: string): boolean => /:al:\d+$/.test(key);

/** What Redis holds. BullMQ's keys of single jobs and schedules come and go. */
async function remains(redis: RedisClient): Promise<Remains> {
  const keys = await redis.keys('*');
  let log = 0;
  for (const key of keys.filter(isAttemptLog)) log += Number((await redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '100')) ?? 0);
  return { keys: new Set(keys.filter((key) => !isAttemptLog(key) && !key.includes('drains}'))), memory: (await usedMemory(redis)) - log };
}

/** Outcomes may still be on their way when the last request has been answered. */
async function leavesNothing(redis: RedisClient, baseline: Remains): Promise<boolean> {
  let now = baseline;
  const extra = (): string[] => [...now.keys].filter((key) => !baseline.keys.has(key));
  const isClean = async (): Promise<boolean> => {
    now = await remains(redis);
    return extra().length === 0 && now.memory - baseline.memory < GROWTH * 1_048_576;
  };
  const clean = await eventually('nothing is left', isClean, { within: 90_000, every: 1_000 }).catch(() => false);
  const megabytes = ({ memory }: Remains): string => (memory / 1_048_576).toFixed(1);
  console.log(`Redis without attempt log: ${megabytes(baseline)} MB before, ${megabytes(now)} MB after · keys ${baseline.keys.size} before, ${extra().length} more after ${extra().slice(0, 8).join(' ')}`);
  return clean;
}

type Caller = (method: string, target: string, body?: string) => Promise<string>;

/** Calls the API, on a new connection after each failure. */
function caller(hub: TestHub): Caller {
  const { hostname, port } = new URL(hub.addresses.api);
  let connection: RawConnection | undefined;
  return async (method, target, body) => {
    try {
      connection ??= await RawConnection.open(hostname, Number(port));
      const answer = await connection.request(signedRequest(hub.credentials, method, target, body));
      if (answer.status >= 300) throw new Error(`${method} ${target} answered ${answer.status}: ${answer.body}`);
      return answer.body;
    } catch (error) {
      connection?.close();
      connection = undefined;
      throw error;
    }
  };
}
