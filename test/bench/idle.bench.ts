import { readFileSync } from 'node:fs';
import { connectRedis, type RedisClient } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { startHub, type TestHub } from '../support/hub.js';
import { childrenOf } from '../support/running-processes.js';
import { startRedis } from '../support/redis-server.js';
import type { Row } from './measure.js';
import { RawConnection } from './raw-connection.js';
import { signedRequest } from './signed-request.js';

const THINGS = 1_000;
/** Seconds that the hub is left alone: several rounds of its duties. */
const OBSERVED = 36;

export const title = `idle: the whole hub with ${THINGS} queues, topics and subscriptions, each used once, left alone for ${OBSERVED} s`;

export async function run(): Promise<Row[]> {
  const server = await startRedis({ appendOnly: true });
  const redis = connectRedis(server.url, { role: 'worker', logger: silentLogger });
  const hub = await startHub({ MAGPIE_REDIS_URL: server.url, MAGPIE_LOG_LEVEL: 'silent' });
  try {
    await furnish(hub);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const before = await processed(redis);
    await new Promise((resolve) => setTimeout(resolve, OBSERVED * 1_000));
    const commands = ((await processed(redis)) - before - 1) / OBSERVED;
    return [
      { what: 'Redis commands per second, those inside scripts included', value: commands.toFixed(1), goal: '< 20' },
      { what: 'memory (RSS) of all processes of the hub, without Redis', value: `${Math.round(await residentMegabytes(hub.pid))} MB` },
    ];
  } finally {
    await hub.stop();
    await redis.quit();
    await server.stop();
  }
}

async function furnish(hub: TestHub): Promise<void> {
  const { hostname, port } = new URL(hub.addresses.api);
  const connection = await RawConnection.open(hostname, Number(port));
  const call = async (method: string, target: string, body = ''): Promise<void> => {
    const { status, body: answer } = await connection.request(signedRequest(hub.credentials, method, target, body));
    if (status >= 300) throw new Error(`${method} ${target} answered ${status}: ${answer}`);
  };
  for (let n = 0; n < THINGS; n++) {
    await call('PUT', `/queues/idle-${n}`);
    await call('PUT', `/topics/idle-${n}`);
    const endpoint = `acs:mns:cn-hangzhou:${hub.credentials.accountId}:queues/idle-${n}`;
    await call('PUT', `/topics/idle-${n}/subscriptions/idle`, `<Subscription><Endpoint>${endpoint}</Endpoint></Subscription>`);
    await call('POST', `/topics/idle-${n}/messages`, '<Message><MessageBody>once</MessageBody></Message>');
  }
  connection.close();
}

async function processed(redis: RedisClient): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(String(await redis.call('INFO', 'stats')))![1]);
}

/** The hub and its children; Linux only, elsewhere NaN. */
async function residentMegabytes(pid: number): Promise<number> {
  try {
    const pids = [pid, ...(await childrenOf(pid)).map((child) => child.pid)];
    const kilobytes = pids.map((one) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'utf8'))![1]));
    return kilobytes.reduce((sum, one) => sum + one, 0) / 1_024;
  } catch {
    return Number.NaN;
  }
}
