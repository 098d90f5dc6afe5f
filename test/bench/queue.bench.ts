import { BareQueue } from './bare-redis.js';
import { startBenchHub, type BenchHub } from './bench-hub.js';
import { CpuUse } from './cpu-use.js';
import { interleaved, perSecond, ratio, throughput, type Pace, type Result } from './measure.js';
import { BODY, cycleOn, expectStatus, MESSAGE, sendTo } from './mns-load.js';
import { RedisConnection, redisCommand } from './redis-connection.js';

const CONNECTIONS = 64;

export const title = 'queue: signed requests, 1 KB bodies, 64 connections, one API process, fsync on every write; medians of interleaved rounds';

/** What the same server and the same Redis reach when they do nothing for a queue, and what is left of it. */
export async function run(pace: Pace): Promise<Result> {
  const hub = await startBenchHub();
  try {
    await hub.call('PUT', '/queues/sends');
    await hub.call('PUT', '/queues/cycles');
    return await rates(hub, pace);
  } finally {
    await hub.close();
  }
}

async function rates(hub: BenchHub, { rounds, seconds }: Pace): Promise<Result> {
  const lanes = await hub.connect(CONNECTIONS);
  const redisLanes = await Promise.all(lanes.map(() => RedisConnection.open('127.0.0.1', hub.redisServer.port)));
  const bare = await BareQueue.open(redisLanes[0]!, BODY);
  const [sendCpu, bareCpu] = [new CpuUse(hub.pids), new CpuUse(hub.pids)];
  const results = await interleaved(rounds, {
    route: () => throughput(lanes, seconds, (lane) => expectStatus(lane, EMPTY, 201)),
    sends: () => sendCpu.during(() => throughput(lanes, seconds, sendTo(hub, 'sends'))),
    hset: () => throughput(redisLanes, seconds, hset),
    bare: () => bareCpu.during(() => throughput(redisLanes, seconds, (lane) => bare.cycle(lane))),
    cycle: () => throughput(lanes, seconds, cycleOn(hub, 'cycles')),
  });
  for (const lane of [...lanes, ...redisLanes]) lane.close();
  const { route, sends, hset: stored, bare: limit, cycle } = results;
  return {
    rows: [
      { what: 'empty route (201, unsigned, same body)', value: perSecond(route), ratio: '1' },
      { what: 'SendMessage / empty route', value: perSecond(sends), ratio: ratio(sends, route), goal: '≥ 0.45' },
      { what: 'bare Redis, one HSET of the body each / empty route', value: perSecond(stored), ratio: ratio(stored, route) },
      { what: 'bare Redis, send + receive + delete, a script each', value: perSecond(limit), ratio: '1' },
      { what: 'send + receive + delete / the same with bare Redis', value: perSecond(cycle), ratio: ratio(cycle, limit), goal: '≥ 0.4' },
    ],
    notes: [`cores used during SendMessage: ${sendCpu.toString()}; during the cycle of bare Redis: ${bareCpu.toString()}`],
  };
}

const EMPTY = Buffer.from(
  `POST /bench/empty HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\nContent-Length: ${Buffer.byteLength(MESSAGE)}\r\n\r\n${MESSAGE}`,
);

let stored = 0;

async function hset(lane: RedisConnection): Promise<void> {
  const number = ++stored;
  const added = await lane.request(redisCommand('HSET', `bare:${number % 65_536}`, String(number), BODY));
  if (added !== 1) throw new Error(`HSET answered ${String(added)}`);
}
