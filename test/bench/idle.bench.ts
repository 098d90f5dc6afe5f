import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectRedis } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { startHub, type TestHub } from '../support/hub.js';
import { runningProcesses } from '../support/running-processes.js';
import { commandsProcessed, startBenchRedis } from './bench-redis.js';
import type { Result, Row } from './measure.js';
import { RawConnection } from './raw-connection.js';
import { signedRequest } from './signed-request.js';

const THINGS = 1_000;
/** Seconds that the hub is left alone: several rounds of its duties. */
const OBSERVED = 36;

/** Seconds after the start of an empty hub: its processes have done their first round of duties. */
const SETTLED = 20;

export const title = `idle: the whole hub as \`npm start\` runs it, empty; then with ${THINGS} queues, topics and subscriptions, each used once`;

export async function run(): Promise<Result> {
  const { rows, notes } = await empty();
  return { rows: [...rows, ...(await furnished())], notes };
}

async function empty(): Promise<Required<Result>> {
  const hub = await startHub({ MAGPIE_LOG_LEVEL: 'silent' });
  try {
    await sleep(SETTLED * 1_000);
    const all = await processesOf(hub.pid);
    const each = all.map(({ name, megabytes }) => `${name} ${Math.round(megabytes)}`).join(', ');
    const row = { what: 'memory (RSS) of all processes, empty hub', value: `${total(all)} MB`, goal: '≤ 400 MB' };
    return { rows: [row], notes: [`MB of each process of the empty hub: ${each}`] };
  } finally {
    await hub.stop();
  }
}

async function furnished(): Promise<Row[]> {
  const server = await startBenchRedis();
  const redis = connectRedis(server.url, { role: 'worker', logger: silentLogger });
  const hub = await startHub({ MAGPIE_REDIS_URL: server.url, MAGPIE_LOG_LEVEL: 'silent' });
  try {
    await furnish(hub);
    await sleep(5_000);
    const before = await commandsProcessed(redis);
    await sleep(OBSERVED * 1_000);
    const commands = ((await commandsProcessed(redis)) - before - 1) / OBSERVED;
    return [
      { what: `Redis commands per second over ${OBSERVED} s with ${THINGS} of each, those inside scripts included`, value: commands.toFixed(1), goal: '< 20' },
      { what: `memory (RSS) of all processes with ${THINGS} of each, without Redis`, value: `${total(await processesOf(hub.pid))} MB` },
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

interface MemoryOfProcess {
  readonly name: string;
  readonly megabytes: number;
}

/** A process and all below it; Linux only, elsewhere without memory. */
async function processesOf(root: number): Promise<MemoryOfProcess[]> {
  const running = await runningProcesses();
  const found = running.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...running.filter(({ ppid }) => ppid === pid));
  return found.map(({ pid, args }) => ({ name: programName(args), megabytes: residentMegabytes(pid) }));
}

/** `…/apps/api/main.js` is `api`; a program that is not ours has its own name. */
function programName(args: string): string {
  return /apps\/(\w+)\/main\.js/.exec(args)?.[1] ?? basename(args.split(' ')[0]!);
}

function residentMegabytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

function total(processes: readonly MemoryOfProcess[]): number {
  return Math.round(processes.reduce((sum, { megabytes }) => sum + megabytes, 0));
}
