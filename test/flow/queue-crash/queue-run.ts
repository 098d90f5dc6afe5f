import { setTimeout as sleep } from 'node:timers/promises';
import { connectRedis } from '#redis/redis-client.js';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../support/eventually.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { ApiFleet } from './api-fleet.js';
import { QueueLedger, type QueueSummary } from './queue-ledger.js';
import { countersOf, heldBy, QueueLoad } from './queue-load.js';

export interface QueueRunOptions {
  readonly processes: number;
  readonly producers: number;
  readonly consumers: number;
  /** Each ends with a quiet point: no faults, the queue drained, everything counted. */
  readonly rounds: number;
  /** Milliseconds of load and faults in a round. */
  readonly roundMillis: number;
  /** Mean milliseconds between two kills of an API process. */
  readonly killEvery: number;
  /** Kill Redis in the middle of each round. */
  readonly killRedis: boolean;
  /** Seconds. */
  readonly visibility: number;
  readonly random: () => number;
}

export interface QueueRunReport extends QueueSummary {
  readonly kills: number;
  readonly redisKills: number;
  readonly quietPoints: number;
  /** Keys under the prefix before the first message and at each quiet point. */
  readonly keys: readonly number[];
}

const QUEUE = '/queues/orders';

/** Load on one queue through several processes while these are killed; what was acknowledged must hold. */
export async function runQueueFaults(options: QueueRunOptions): Promise<QueueRunReport> {
  const redis = await startRedis({ appendOnly: true });
  try {
    const fleet = await ApiFleet.start(redis.url, options.processes);
    try {
      return await playRounds(redis, fleet, options);
    } finally {
      await fleet.stop();
    }
  } finally {
    await redis.stop();
  }
}

async function playRounds(redis: RedisServer, fleet: ApiFleet, options: QueueRunOptions): Promise<QueueRunReport> {
  const ledger = new QueueLedger();
  const load = new QueueLoad(fleet, ledger, { queue: QUEUE, visibility: options.visibility, random: options.random });
  const made = await fleet.call('PUT', QUEUE, `<Queue><VisibilityTimeout>${options.visibility}</VisibilityTimeout></Queue>`);
  if (made?.status !== 201) throw new Error(`the queue could not be made: ${made?.body}`);
  const keys = [await countKeys(redis, fleet)];
  for (let round = 0; round < options.rounds; round++) {
    await playRound(redis, fleet, load, options);
    await checkBounds(load, ledger);
    await load.drain(options.consumers, (options.visibility + 1) * 1_000 + 10_000);
    await checkCounters(fleet, ledger, options.visibility);
    keys.push(await countKeys(redis, fleet));
    if (keys.at(-1) !== keys[0]) ledger.complain(`${keys.at(-1)} keys are left, ${keys[0]} there were at first`);
  }
  const redisKills = options.killRedis ? options.rounds : 0;
  return { ...ledger.summary(options.visibility * 1_000), kills: fleet.kills, redisKills, quietPoints: options.rounds, keys };
}

async function playRound(redis: RedisServer, fleet: ApiFleet, load: QueueLoad, options: QueueRunOptions): Promise<void> {
  const end = Date.now() + options.roundMillis;
  const active = (): boolean => Date.now() < end;
  const playing = [
    ...Array.from({ length: options.producers }, () => load.produce(active)),
    ...Array.from({ length: options.consumers }, () => load.consume(active)),
  ];
  const redisKill = options.killRedis ? end - options.roundMillis / 2 : Infinity;
  let redisKilled = false;
  while (active()) {
    await sleep(Math.min(options.killEvery * (0.5 + options.random()), Math.max(0, end - Date.now())));
    if (!active()) break;
    if (!redisKilled && Date.now() >= redisKill) {
      redisKilled = true;
      // A process that starts now must find Redis.
      await fleet.complete();
      await redis.restart();
    } else {
      await fleet.killOne(options.random());
    }
  }
  await Promise.all(playing);
  await fleet.complete();
}

/** With everybody quiet: what the queue counts lies between what it must hold and what it may hold. */
async function checkBounds(load: QueueLoad, ledger: QueueLedger): Promise<void> {
  const counters = await eventually('the counters are answered', () => load.counters(), { within: 10_000, every: 100 });
  const { fewest, most } = ledger.bounds;
  const total = counters.reduce((sum, count) => sum + count);
  if (total < fewest || total > most) ledger.complain(`the queue counts ${total} messages; it must hold ${fewest} to ${most}`);
}

/** On the empty queue: known numbers of messages of each kind, counted by every process. */
async function checkCounters(fleet: ApiFleet, ledger: QueueLedger, visibility: number): Promise<void> {
  const message = (more = ''): string => `<Message><MessageBody>x</MessageBody>${more}</Message>`;
  const send = (count: number, more = ''): string => `<Messages>${message(more).repeat(count)}</Messages>`;
  const target = `${QUEUE}/messages`;
  const [first, ...others] = fleet.clients;
  const expectCounters = async (wanted: readonly number[]): Promise<void> => {
    for (const client of [first!, ...others]) {
      const counted = countersOf(await client.request('GET', QUEUE));
      if (counted.join() !== wanted.join()) ledger.complain(`counters are ${counted.join()} and should be ${wanted.join()}`);
    }
  };
  await expectCounters([0, 0, 0]);
  await first!.request('POST', target, { body: send(9) });
  const delayed = await first!.request('POST', target, { body: send(5, '<DelaySeconds>600</DelaySeconds>') });
  const received = await first!.request('GET', `${target}?numOfMessages=3`);
  const leases = heldBy(received, Date.now(), visibility * 1_000);
  await expectCounters([6, 3, 5]);
  const rest = heldBy(await others.at(-1)!.request('GET', `${target}?numOfMessages=16`), Date.now(), visibility * 1_000);
  await expectCounters([0, 9, 5]);
  const ofDelayed = [...delayed.body.matchAll(/<ReceiptHandle>(.*?)</g)].map(([, handle]) => handle!);
  const handles = [...[...leases, ...rest].map(({ handle }) => handle), ...ofDelayed];
  const deletion = `<ReceiptHandles>${handles.map((handle) => `<ReceiptHandle>${handle}</ReceiptHandle>`).join('')}</ReceiptHandles>`;
  const deleted = await others[0]!.request('DELETE', target, { body: deletion });
  if (deleted.status !== 204) ledger.complain(`14 handles at a quiet point: ${deleted.status} ${deleted.body}`);
  await expectCounters([0, 0, 0]);
}

/** Without what is bounded by its age: the readiness checks of processes. */
async function countKeys(redis: RedisServer, fleet: ApiFleet): Promise<number> {
  const client = connectRedis(redis.url, { role: 'worker', logger: silentLogger });
  try {
    return (await client.keys(`${fleet.deployment.keyPrefix}:*`)).filter((key) => !key.includes(':ready:')).length;
  } finally {
    client.disconnect();
  }
}
