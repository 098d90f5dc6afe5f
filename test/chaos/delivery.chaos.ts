import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startHub, type TestHub } from '../support/hub.js';
import { childrenOf } from '../support/running-processes.js';
import { RawConnection } from '../bench/raw-connection.js';
import { signedRequest } from '../bench/signed-request.js';

const SUBSCRIPTIONS = 20;
/** Seconds that are left for the last deliveries after the load has ended; the sweep finds what a kill left within this. */
const SETTLE = 60;

export const title = `delivery: ${SUBSCRIPTIONS} HTTP subscriptions under load, the worker and the API killed (SIGKILL) again and again`;

/** Every message that was acknowledged must reach every subscription. */
export async function run(seconds: number): Promise<boolean> {
  const arrivals = new Map<string, number>();
  const receiver = createServer((request, response) => {
    const key = `${request.headers['x-mns-message-id'] as string} ${request.url ?? ''}`;
    arrivals.set(key, (arrivals.get(key) ?? 0) + 1);
    request.resume();
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const hub = await startHub({ MAGPIE_LOG_LEVEL: 'silent' });
  try {
    await furnish(hub, (receiver.address() as AddressInfo).port);
    const end = Date.now() + seconds * 1_000;
    const killing = killChildren(hub, end);
    const published = await publish(hub, end);
    const kills = await killing;
    const expected = published.flatMap((id) => Array.from({ length: SUBSCRIPTIONS }, (_, n) => `${id} /s${n}`));
    const settled = Date.now() + SETTLE * 1_000;
    while (Date.now() < settled && expected.some((key) => !arrivals.has(key))) await sleep(200);
    const lost = expected.filter((key) => !arrivals.has(key)).length;
    const doubled = expected.reduce((sum, key) => sum + Math.max(0, (arrivals.get(key) ?? 0) - 1), 0);
    console.log(`published ${published.length} · deliveries expected ${expected.length} · lost ${lost} · doubled ${doubled} · kills ${kills}`);
    return lost === 0;
  } finally {
    await hub.stop();
    receiver.closeAllConnections();
    receiver.close();
  }
}

async function furnish(hub: TestHub, port: number): Promise<void> {
  const call = caller(hub);
  await call('PUT', '/topics/chaos');
  for (let n = 0; n < SUBSCRIPTIONS; n++) {
    const endpoint = `http://127.0.0.1:${port}/s${n}`;
    const format = '<NotifyContentFormat>SIMPLIFIED</NotifyContentFormat><NotifyStrategy>EXPONENTIAL_DECAY_RETRY</NotifyStrategy>';
    await call('PUT', `/topics/chaos/subscriptions/s${n}`, `<Subscription><Endpoint>${endpoint}</Endpoint>${format}</Subscription>`);
  }
}

/** Publishes until `end`. @returns ids of the messages that were acknowledged; what was not may or may not have been stored */
async function publish(hub: TestHub, end: number): Promise<string[]> {
  const call = caller(hub);
  const ids: string[] = [];
  while (Date.now() < end) {
    try {
      const answer = await call('POST', '/topics/chaos/messages', '<Message><MessageBody>x</MessageBody></Message>');
      ids.push(/<MessageId>(\w+)</.exec(answer)![1]!);
    } catch {
      await sleep(100);
    }
    await sleep(5);
  }
  return ids;
}

/** Kills a child of the hub every one to three seconds; the hub starts it again. Redis is not among them. */
async function killChildren(hub: TestHub, end: number): Promise<number> {
  let kills = 0;
  while (Date.now() < end - 3_000) {
    await sleep(1_000 + Math.random() * 2_000);
    const victims = (await childrenOf(hub.pid)).filter(({ args }) => /apps\/(worker|api)\/main\.js/.test(args));
    const victim = victims[Math.floor(Math.random() * victims.length)];
    if (victim === undefined) continue;
    process.kill(victim.pid, 'SIGKILL');
    kills += 1;
  }
  return kills;
}

/** Calls the API, on a new connection after each failure. */
function caller(hub: TestHub): (method: string, target: string, body?: string) => Promise<string> {
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
