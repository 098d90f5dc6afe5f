import { readXml } from '#mns-wire/xml-reader.js';
import { MNS_ERRORS } from '#mns-wire/mns-error.js';
import type { ApiProcess } from '../../support/api-process.js';
import { MnsClient } from '../mns-client.js';
import { exchange, type Outcome } from './exchange.js';
import { openIdle, startSlowSender, type SlowSender } from './idle-connections.js';
import { Neighbour, type NeighbourReport } from './neighbour.js';
import { oddRequest, type OddRequest } from './odd-requests.js';
import { Random } from './random.js';

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  readonly idleConnections: number;
  readonly slowSenders: number;
  /** Wait until the server has ended those that send a body slowly, too: a minute more. */
  readonly waitForBodies: boolean;
}

export interface FuzzReport {
  /** How often each status came, and `closed` and `silence` for requests that were not complete. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** What must not be, with the number of the request, by which the seed makes it again. */
  readonly violations: readonly string[];
  readonly slowestMillis: number;
  readonly neighbour: NeighbourReport;
  /** Milliseconds after which the server ended each slow sender. */
  readonly slowSenders: readonly { readonly what: string; readonly endedAfter: number | undefined }[];
  /** Bytes of the API's process. */
  readonly memory: { readonly before: Memory; readonly after: Memory };
}

export interface Memory {
  readonly resident: number;
  readonly heap: number;
}

/** Milliseconds. No request of these polls longer than a second. */
const ANSWER_LIMIT = 10_000;
/** Milliseconds for a header and a whole request, as docs/protocol.md has them, and the interval in which they are looked for. */
export const SLOW_LIMITS = { header: 20_000 + 7_000, body: 60_000 + 7_000 } as const;
const CONCURRENCY = 24;

/** Plays random requests against an API, with idle and slow connections beside them and one client that behaves. */
export async function runFuzz(api: ApiProcess, options: FuzzOptions): Promise<FuzzReport> {
  const client = new MnsClient(api.port, api.credentials);
  await prepare(client);
  const neighbour = new Neighbour(api.port, api.credentials);
  const before = await memoryOf(client);
  const idle = await openIdle(api.port, options.idleConnections);
  const slow = startSlowSenders(client, options.slowSenders);
  const { outcomes, violations, slowestMillis } = await playAll(api, client, options);
  const slowSenders = await endsOf(slow, options.waitForBodies);
  for (const socket of idle) socket.destroy();
  for (const sender of slow) sender.stop();
  const report = await neighbour.stop();
  const after = await memoryOf(client);
  client.close();
  return { outcomes, violations, slowestMillis, neighbour: report, slowSenders, memory: { before, after } };
}

/** What the names in the requests mostly stand for. */
async function prepare(client: MnsClient): Promise<void> {
  for (const number of [0, 1, 2, 3]) {
    await client.request('PUT', `/queues/fuzz-${number}`);
    await client.request('PUT', `/topics/fuzz-${number}`);
  }
}

async function playAll(
  api: ApiProcess,
  client: MnsClient,
  { seed, requests }: FuzzOptions,
): Promise<Pick<FuzzReport, 'outcomes' | 'violations' | 'slowestMillis'>> {
  const random = new Random(seed);
  const outcomes: Record<string, number> = {};
  const violations: string[] = [];
  const waits = new QueueWaits(client);
  let next = 0;
  let slowestMillis = 0;
  const play = async (): Promise<void> => {
    while (next < requests && violations.length < 20) {
      const number = next++;
      const request = oddRequest(random.fork(number), client);
      const outcome = await exchange(api.port, request, ANSWER_LIMIT);
      const name = outcome.kind === 'answer' ? String(outcome.status) : outcome.kind;
      outcomes[name] = (outcomes[name] ?? 0) + 1;
      if (outcome.kind === 'answer') slowestMillis = Math.max(slowestMillis, outcome.millis);
      const violation = outcome.kind === 'silence' && (await waits.explain(request)) ? undefined : violationIn(request, outcome);
      if (violation !== undefined) violations.push(`#${number} ${violation}: ${JSON.stringify(request.what)}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, play));
  if (!api.running) violations.push('the API ended');
  violations.push(...api.log.filter((line) => line.includes('by a defect')).map((line) => `logged: ${line.slice(0, 600)}`));
  return { outcomes, violations, slowestMillis };
}

/** Random attributes make queues whose polls wait by themselves, up to 30 s as documented: no hang, and ended when it is noticed. */
class QueueWaits {
  readonly #endedAt = new Map<string, number>();

  constructor(private readonly client: MnsClient) {}

  /** Whether the queue that this request polls waits by itself, or did while the request was under way. */
  async explain({ what }: OddRequest): Promise<boolean> {
    const queue = /^GET \/queues\/([A-Za-z0-9-]+)\/messages/i.exec(what)?.[1];
    if (queue === undefined) return false;
    const { body } = await this.client.request('GET', `/queues/${queue}`);
    if (/<PollingWaitSeconds>[1-9]/.test(body)) {
      await this.client.request('PUT', `/queues/${queue}?metaoverride=true`, { body: '<Queue><PollingWaitSeconds>0</PollingWaitSeconds></Queue>' });
      this.#endedAt.set(queue, Date.now());
    }
    return Date.now() - (this.#endedAt.get(queue) ?? 0) < 2 * ANSWER_LIMIT;
  }
}

function violationIn(request: OddRequest, outcome: Outcome): string | undefined {
  if (outcome.kind !== 'answer') return request.complete ? outcome.kind : undefined;
  const { status, head, body } = outcome;
  if (status < 200 || status >= 500) return `status ${status}`;
  if (request.method === 'HEAD' || body === '') return undefined;
  return /\r\nContent-Type: text\/xml/.test(head) ? documentFault(status, body) : jsonFault(head, body);
}

/** Every document must be readable, and every error one that docs/protocol.md lists. */
function documentFault(status: number, body: string): string | undefined {
  try {
    const { name, children } = readXml(body);
    const code = children.find((child) => child.name === 'Code')?.text ?? '';
    if (status >= 400 && name === 'Error' && !(code in MNS_ERRORS)) return `unknown code ${code}`;
    return undefined;
  } catch (error) {
    return `unreadable document (${(error as Error).message})`;
  }
}

function jsonFault(head: string, body: string): string | undefined {
  if (!/\r\ncontent-type: [\w/]+\/(?:problem\+)?json/i.test(head))
    return /\r\ncontent-type: text\/plain/i.test(head) ? undefined : `unknown kind of answer (${head})`;
  try {
    JSON.parse(body);
    return undefined;
  } catch {
    return 'unreadable JSON';
  }
}

function startSlowSenders(client: MnsClient, count: number): SlowSender[] {
  const headers = client.headersFor('POST', '/queues/fuzz-1/messages', {
    headers: { 'Content-Length': '5000', 'Content-Type': 'text/xml' },
  });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`POST /queues/fuzz-1/messages HTTP/1.1\r\n${lines.join('')}\r\n`);
  return Array.from({ length: count }, (_, index) => startSlowSender(client.port, index % 2 === 0 ? 'header' : 'body', head));
}

async function endsOf(senders: readonly SlowSender[], waitForBodies: boolean): Promise<FuzzReport['slowSenders']> {
  return Promise.all(
    senders.map(async ({ what, ended }) => {
      const limit = SLOW_LIMITS[what];
      if (what === 'body' && !waitForBodies) return { what, endedAfter: undefined };
      const giveUp = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), limit).unref());
      return { what, endedAfter: (await Promise.race([ended, giveUp])) ?? Infinity };
    }),
  );
}

async function memoryOf(client: MnsClient): Promise<Memory> {
  const { body } = await client.request('GET', '/metrics');
  const gauge = (name: string): number => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.e+]+)$`, 'm').exec(body)?.[1] ?? NaN);
  return { resident: gauge('process_resident_memory_bytes'), heap: gauge('nodejs_heap_size_used_bytes') };
}
