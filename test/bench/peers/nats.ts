import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RequestSocket, type Parsed } from '../request-socket.js';
import { goProgram } from './go-program.js';
import { startPeer } from './peer-process.js';

const VERSION = 'v2.12.15';
const STREAM = 'bench';
const CONSUMER = 'cycles';

/** What a connection received on its own subject. */
interface Delivery {
  /** Where an acknowledgement goes; empty when none is wanted. */
  readonly reply: string;
  readonly payload: string;
}

/** One connection with an inbox of its own: one request at a time, as all contenders have it. */
export interface NatsLane {
  readonly socket: RequestSocket<Delivery>;
  readonly inbox: string;
}

/**
 * NATS with a JetStream work queue in files, synced on every write. It syncs one write after another, so connections make no
 * difference: 8 are as fast as 64, and one with 64 requests under way would not be faster.
 */
export interface Nats {
  readonly name: string;
  connect(count: number): Promise<NatsLane[]>;
  cycle(lane: NatsLane): Promise<void>;
  stop(): Promise<void>;
}

/** @throws Error that says in one line why it cannot run here. */
export async function startNats(body: string): Promise<Nats> {
  const program = await goProgram({ name: 'nats-server', module: 'github.com/nats-io/nats-server/v2', version: VERSION, go: '1.25.0' });
  const { port, stop } = await startPeer(program, async (dir, free) => {
    const settings = join(dir, 'nats.conf');
    await writeFile(settings, `listen: 127.0.0.1:${free}\njetstream { store_dir: ${JSON.stringify(join(dir, 'store'))}, sync_interval: always }\n`);
    return ['-c', settings];
  });
  const nats: Nats = {
    name: `NATS JetStream ${VERSION.slice(1)}`,
    connect: (count) => Promise.all(Array.from({ length: count }, (_, n) => openLane(port, `lane.${n}`))),
    cycle: (lane) => cycle(lane, body),
    stop,
  };
  const lane = await openLane(port, 'setup');
  await createWorkQueue(lane);
  lane.socket.close();
  return nats;
}

async function openLane(port: number, inbox: string): Promise<NatsLane> {
  const socket = await RequestSocket.open('127.0.0.1', port, parseProtocol);
  socket.tell(`CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\nSUB ${inbox} 1\r\n`);
  return { socket, inbox };
}

/** Acknowledged messages are gone, as deleted ones are; what is not acknowledged within 30 s comes again. */
async function createWorkQueue(lane: NatsLane): Promise<void> {
  const stream = { name: STREAM, subjects: [STREAM], retention: 'workqueue', storage: 'file', num_replicas: 1 };
  await request(lane, `$JS.API.STREAM.CREATE.${STREAM}`, JSON.stringify(stream));
  const config = { durable_name: CONSUMER, ack_policy: 'explicit', ack_wait: 30_000_000_000 };
  await request(lane, `$JS.API.CONSUMER.DURABLE.CREATE.${STREAM}.${CONSUMER}`, JSON.stringify({ stream_name: STREAM, config }));
}

/** Publish, fetch one and acknowledge, each a round trip of its own: the acknowledgement asks for an answer, as a deletion has one. */
async function cycle(lane: NatsLane, body: string): Promise<void> {
  await request(lane, STREAM, body);
  const { reply, payload } = await request(lane, `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${CONSUMER}`, '{"batch":1,"expires":5000000000}');
  if (payload !== body) throw new Error(`NATS handed out something else: ${payload}`);
  await request(lane, reply, '+ACK');
}

async function request({ socket, inbox }: NatsLane, subject: string, payload: string): Promise<Delivery> {
  const delivery = await socket.request(`PUB ${subject} ${inbox} ${payload.length}\r\n${payload}\r\n`);
  if (delivery.payload.includes('"error":')) throw new Error(`NATS answered ${delivery.payload}`);
  return delivery;
}

/** The server's side of NATS's text protocol, as far as it is heard here. */
function parseProtocol(bytes: Buffer): Parsed<Delivery> | undefined {
  const lineEnd = bytes.indexOf('\r\n');
  if (lineEnd === -1) return undefined;
  const line = bytes.toString('latin1', 0, lineEnd);
  const end = lineEnd + 2;
  if (line.startsWith('MSG ')) return parseMessage(bytes, line, end);
  if (line.startsWith('INFO ') || line.startsWith('+OK')) return { end };
  if (line.startsWith('PING')) return { end, reply: 'PONG\r\n' };
  // Among them HMSG: messages with headers are refusals of the server, for nobody else sends any here.
  throw new Error(`NATS said ${bytes.toString('latin1', 0, 200)}`);
}

/** `MSG <subject> <subscription> [reply] <bytes>`, then the payload. */
function parseMessage(bytes: Buffer, line: string, start: number): Parsed<Delivery> | undefined {
  const fields = line.split(' ');
  const end = start + Number(fields.at(-1)) + 2;
  if (bytes.length < end) return undefined;
  return { end, answer: { reply: fields.length === 5 ? fields[3]! : '', payload: bytes.toString('latin1', start, end - 2) } };
}
