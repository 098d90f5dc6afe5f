import { randomBytes } from 'node:crypto';
import type { BenchHub } from './bench-hub.js';
import type { RawConnection } from './raw-connection.js';
import { repeatedRequest, signedRequest } from './signed-request.js';

/** 1 KB of text, as most senders have it: base64. */
export const BODY = randomBytes(768).toString('base64');
export const MESSAGE = `<Message><MessageBody>${BODY}</MessageBody></Message>`;
/** Messages of a batch when something is only filled or emptied: the protocol's largest. */
const FILL_BATCH = 16;
const FILL_CONNECTIONS = 16;

/** A step of a load: a few requests on one connection, each answered as it must be, or the benchmark ends. */
export type Step = (lane: RawConnection) => Promise<void>;

export function sendTo(hub: BenchHub, queue: string): Step {
  const send = repeatedRequest(hub.credentials, 'POST', `/queues/${queue}/messages`, MESSAGE);
  return (lane) => expectStatus(lane, send(), 201);
}

/** Send, receive and delete one message. */
export function cycleOn(hub: BenchHub, queue: string): Step {
  const send = sendTo(hub, queue);
  const receive = repeatedRequest(hub.credentials, 'GET', `/queues/${queue}/messages`);
  return async (lane) => {
    await send(lane);
    const [handle] = await receiveHandles(lane, receive(), 1);
    await expectStatus(lane, signedRequest(hub.credentials, 'DELETE', `/queues/${queue}/messages?ReceiptHandle=${handle!}`), 204);
  };
}

/** The same with each request signed anew, on one of `queues` at random. */
export function cycleOnAny(hub: BenchHub, queues: readonly string[]): Step {
  const { credentials } = hub;
  return async (lane) => {
    const messages = `/queues/${queues[Math.floor(Math.random() * queues.length)]!}/messages`;
    await expectStatus(lane, signedRequest(credentials, 'POST', messages, MESSAGE), 201);
    const [handle] = await receiveHandles(lane, signedRequest(credentials, 'GET', messages), 1);
    await expectStatus(lane, signedRequest(credentials, 'DELETE', `${messages}?ReceiptHandle=${handle!}`), 204);
  };
}

/** Send, receive and delete `size` messages with one request each. */
export function batchCycleOn(hub: BenchHub, queue: string, size: number): Step {
  const messages = `/queues/${queue}/messages`;
  const send = repeatedRequest(hub.credentials, 'POST', messages, `<Messages>${MESSAGE.repeat(size)}</Messages>`);
  const receive = repeatedRequest(hub.credentials, 'GET', `${messages}?numOfMessages=${size}`);
  return async (lane) => {
    await expectStatus(lane, send(), 201);
    const handles = await receiveHandles(lane, receive(), size);
    await expectStatus(lane, signedRequest(hub.credentials, 'DELETE', messages, handleList(handles)), 204);
  };
}

/** Receives and deletes all there is. */
export async function drain(hub: BenchHub, queue: string): Promise<void> {
  const messages = `/queues/${queue}/messages`;
  const receive = repeatedRequest(hub.credentials, 'GET', `${messages}?numOfMessages=${FILL_BATCH}`);
  await Promise.all(
    (await hub.connect(FILL_CONNECTIONS)).map(async (lane) => {
      for (;;) {
        const { status, body } = await lane.request(receive());
        if (status === 404) break;
        await expectStatus(lane, signedRequest(hub.credentials, 'DELETE', messages, handleList(handlesOf(body))), 204);
      }
      lane.close();
    }),
  );
}

/** Queues `<prefix>-0` to `<prefix>-<count - 1>`. */
export async function createQueues(hub: BenchHub, prefix: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
  let next = 0;
  await Promise.all(
    (await hub.connect(FILL_CONNECTIONS)).map(async (lane) => {
      while (next < count) await expectStatus(lane, signedRequest(hub.credentials, 'PUT', `/queues/${names[next++]!}`), 201);
      lane.close();
    }),
  );
  return names;
}

/** @throws Error when the answer has another status. */
export async function expectStatus(lane: RawConnection, request: Buffer, expected: number): Promise<void> {
  const { status, body } = await lane.request(request);
  if (status !== expected) throw new Error(`expected ${expected}, got ${status}: ${body}`);
}

async function receiveHandles(lane: RawConnection, request: Buffer, count: number): Promise<string[]> {
  const { status, body } = await lane.request(request);
  const handles = handlesOf(body);
  if (status !== 200 || handles.length !== count) throw new Error(`expected ${count} messages, got ${handles.length}, ${status}: ${body}`);
  return handles;
}

function handlesOf(body: string): string[] {
  return Array.from(body.matchAll(/<ReceiptHandle>([^<]+)</g), ([, handle]) => handle!);
}

function handleList(handles: readonly string[]): string {
  return `<ReceiptHandles>${handles.map((handle) => `<ReceiptHandle>${handle}</ReceiptHandle>`).join('')}</ReceiptHandles>`;
}
