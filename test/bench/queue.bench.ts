import { randomBytes } from 'node:crypto';
import { startBenchHub, type BenchHub } from './bench-hub.js';
import { interleaved, percentile, throughput, type Row } from './measure.js';
import type { RawConnection } from './raw-connection.js';
import { repeatedRequest, signedRequest } from './signed-request.js';

const CONNECTIONS = 64;
const SECONDS = 3;
const ROUNDS = 3;
const BACKLOG = 200_000;
const WAITERS = 1_000;
/** 1 KB of text, as most senders have it: base64. */
const BODY = randomBytes(768).toString('base64');
const MESSAGE = `<Message><MessageBody>${BODY}</MessageBody></Message>`;

export const title = 'queue: signed requests, 1 KB bodies, 64 connections, one API process, fsync on every write; medians of interleaved rounds';

/** One hub, one run; everything is a ratio to something measured in the same run. */
export async function run(): Promise<Row[]> {
  const hub = await startBenchHub();
  try {
    // Memory first: what the rates leave behind is freed in the background.
    const stored = await memory(hub);
    return [...(await rates(hub)), ...stored, ...(await wakeUps(hub))];
  } finally {
    await hub.close();
  }
}

async function rates(hub: BenchHub): Promise<Row[]> {
  await hub.call('PUT', '/queues/sends');
  await hub.call('PUT', '/queues/empty');
  await hub.call('PUT', '/queues/full');
  await fill(hub, 'full', BACKLOG);
  const lanes = await hub.connect(CONNECTIONS);
  const empty = Buffer.from(
    `POST /bench/empty HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\nContent-Length: ${Buffer.byteLength(MESSAGE)}\r\n\r\n${MESSAGE}`,
  );
  const send = repeatedRequest(hub.credentials, 'POST', '/queues/sends/messages', MESSAGE);
  const results = await interleaved(ROUNDS, {
    route: () => throughput(lanes, SECONDS, (lane) => expectStatus(lane, empty, 201)),
    redis: () => throughput(lanes, SECONDS, async () => void (await hub.redis.hset(`bare:${randomBytes(2).toString('hex')}`, randomBytes(4), BODY))),
    send: () => throughput(lanes, SECONDS, (lane) => expectStatus(lane, send(), 201)),
    cycle: () => throughput(lanes, SECONDS, cycleOn(hub, 'empty')),
    full: () => throughput(lanes, SECONDS, cycleOn(hub, 'full')),
  });
  for (const lane of lanes) lane.close();
  await hub.call('DELETE', '/queues/sends');
  await hub.call('DELETE', '/queues/full');
  const { route, redis, send: sends, cycle, full } = results as Record<'route' | 'redis' | 'send' | 'cycle' | 'full', number>;
  return [
    { what: 'empty route (201, unsigned, same body)', value: `${Math.round(route)}/s`, ratio: '1' },
    { what: 'bare Redis, one HSET of the body each', value: `${Math.round(redis)}/s`, ratio: ratio(redis, route) },
    { what: 'SendMessage / empty route', value: `${Math.round(sends)}/s`, ratio: ratio(sends, route), goal: '≥ 0.35' },
    { what: 'send + receive + delete, empty queue', value: `${Math.round(cycle)}/s`, ratio: ratio(cycle, route) },
    { what: `the same with ${BACKLOG} ready messages / empty queue`, value: `${Math.round(full)}/s`, ratio: ratio(full, cycle), goal: '≥ 0.9' },
  ];
}

function cycleOn(hub: BenchHub, queue: string): (lane: RawConnection) => Promise<void> {
  const send = repeatedRequest(hub.credentials, 'POST', `/queues/${queue}/messages`, MESSAGE);
  const receive = repeatedRequest(hub.credentials, 'GET', `/queues/${queue}/messages`);
  return async (lane) => {
    await expectStatus(lane, send(), 201);
    const { status, body } = await lane.request(receive());
    if (status !== 200) throw new Error(`receive answered ${status}: ${body}`);
    const handle = /<ReceiptHandle>([^<]+)</.exec(body)![1]!;
    await expectStatus(lane, signedRequest(hub.credentials, 'DELETE', `/queues/${queue}/messages?ReceiptHandle=${handle}`), 204);
  };
}

async function fill(hub: BenchHub, queue: string, count: number): Promise<void> {
  const lanes = await hub.connect(16);
  const batch = `<Messages>${MESSAGE.repeat(16)}</Messages>`;
  const send = repeatedRequest(hub.credentials, 'POST', `/queues/${queue}/messages`, batch);
  let left = Math.ceil(count / 16);
  await Promise.all(
    lanes.map(async (lane) => {
      while (left-- > 0) await expectStatus(lane, send(), 201);
      lane.close();
    }),
  );
}

async function memory(hub: BenchHub): Promise<Row[]> {
  const count = 50_000;
  await hub.call('PUT', '/queues/memory');
  const before = { bytes: await usedMemory(hub), keys: await hub.redis.dbsize() };
  await fill(hub, 'memory', count);
  const bytes = ((await usedMemory(hub)) - before.bytes) / count;
  await drain(hub, 'memory');
  const keys = (await hub.redis.dbsize()) - before.keys;
  return [
    { what: 'Redis memory of a 1 KB message', value: `${Math.round(bytes)} B`, goal: '≤ 1,600 B' },
    { what: 'keys left after everything was consumed', value: String(keys), goal: '0' },
  ];
}

async function usedMemory(hub: BenchHub): Promise<number> {
  const info = String(await hub.redis.call('INFO', 'memory'));
  return Number(/used_memory:(\d+)/.exec(info)![1]);
}

async function drain(hub: BenchHub, queue: string): Promise<void> {
  const lanes = await hub.connect(16);
  const receive = repeatedRequest(hub.credentials, 'GET', `/queues/${queue}/messages?numOfMessages=16`);
  await Promise.all(
    lanes.map(async (lane) => {
      for (;;) {
        const { status, body } = await lane.request(receive());
        if (status === 404) break;
        const handles = [...body.matchAll(/<ReceiptHandle>([^<]+)</g)].map(([, handle]) => `<ReceiptHandle>${handle!}</ReceiptHandle>`);
        const list = `<ReceiptHandles>${handles.join('')}</ReceiptHandles>`;
        await expectStatus(lane, signedRequest(hub.credentials, 'DELETE', `/queues/${queue}/messages`, list), 204);
      }
      lane.close();
    }),
  );
}

/** How long after a send's answer its waiting poll is answered, while a thousand others wait on other queues. */
async function wakeUps(hub: BenchHub): Promise<Row[]> {
  const others = await hub.connect(WAITERS);
  for (let n = 0; n < 100; n++) await hub.call('PUT', `/queues/idle-${n}`);
  await hub.call('PUT', '/queues/watched');
  const waits = others.map((lane, n) => lane.request(signedRequest(hub.credentials, 'GET', `/queues/idle-${n % 100}/messages?waitseconds=30`)));
  for (const wait of waits) wait.catch(() => undefined);
  const [receiver] = await hub.connect(1);
  const delays: number[] = [];
  for (let i = 0; i < 300; i++) {
    const answer = receiver!.request(signedRequest(hub.credentials, 'GET', '/queues/watched/messages?waitseconds=30')).then((response) => ({ response, at: performance.now() }));
    await new Promise((resolve) => setTimeout(resolve, 10));
    const sent = await hub.call('POST', '/queues/watched/messages', MESSAGE).then(() => performance.now());
    const { response, at } = await answer;
    delays.push(Math.max(0, at - sent));
    const handle = /<ReceiptHandle>([^<]+)</.exec(response.body)![1]!;
    await receiver!.request(signedRequest(hub.credentials, 'DELETE', `/queues/watched/messages?ReceiptHandle=${handle}`));
  }
  for (const lane of [...others, receiver!]) lane.close();
  return [
    { what: `send answered → waiting poll answered, p50, ${WAITERS} others waiting`, value: `${percentile(delays, 0.5).toFixed(1)} ms` },
    { what: 'the same, p99', value: `${percentile(delays, 0.99).toFixed(1)} ms`, goal: '≤ 10 ms' },
  ];
}

async function expectStatus(lane: RawConnection, request: Buffer, expected: number): Promise<void> {
  const { status, body } = await lane.request(request);
  if (status !== expected) throw new Error(`expected ${expected}, got ${status}: ${body}`);
}

function ratio(one: number, other: number): string {
  return (one / other).toFixed(2);
}
