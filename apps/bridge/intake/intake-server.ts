import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server as TcpServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { isSourceName } from '#event-rule/event-rule.js';
import { IntakeCounters } from './intake-counters.js';
import type { FromThread, IntakeAnswer, IntakePost, IntakeWay, OtherAnswer, StopTimes, ToThread } from './intake-messages.js';
import { judge, type TokenDigests } from './intake-token.js';
import { readRequestBytes, type BytesLimits, type RequestBytes } from './request-bytes.js';

/** Plain data and what can be handed to a thread. */
export interface IntakeServerOptions {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  readonly digests: TokenDigests;
  readonly counters: SharedArrayBuffer;
  /** Leads to the main thread. */
  readonly main: MessagePort;
}

/** Bytes. No event is longer than the first; nobody is listened to for longer than the last. */
const LIMITS: BytesLimits = { most: 4 * 1_048_576, excerpt: 16_384, end: 64 * 1_048_576 };
/** What the main thread has not handed over yet of what came the fast way: for some seconds in which it does something else. */
const MOST_FAST = { bodies: 10_000, bytes: 32 * 1_048_576 };
/** Bytes of bodies that wait for the journal. */
const MOST_WAITING = 64 * 1_048_576;
/**
 * Milliseconds. Senders drop connections that were idle for 15 s; closing them earlier ourselves would race with an event that is
 * on its way, and cost it 3 s or its life.
 */
const TIMES = { keepAliveTimeout: 75_000, headersTimeout: 80_000, requestTimeout: 120_000 };
/** Seconds after which a sender that was turned away may come again; senders that know better ignore it. */
const RETRY_AFTER = 3;
/** Milliseconds between two reports of the same kind about a source, and how many are kept apart. */
const REPORT_INTERVAL = 1_000;
const MOST_REPORTED = 256;

const NO_SOURCE = 'not the name of a source: letters, digits, dots, hyphens and underscores, 64 at the most';

/**
 * The bridge's socket, in a thread of its own: whatever the main thread is busy with, a store that posts the fast way has its answer
 * at once, and every store has its connections. Bodies go to the main thread; those that come the durable way are answered when it
 * says that they are stored. Requests for anything else are answered by the main thread altogether.
 *
 * Never redirects, and answers 2xx to nothing but POST. What is stored is answered 200, readable or not: a sender repeats anything else
 * for ever and sends nothing behind it.
 */
export class IntakeServer {
  readonly #server = createServer(TIMES, (request, response) => this.#route(request, response));
  readonly #main: MessagePort;
  readonly #counters: IntakeCounters;
  #digests: TokenDigests;
  /** What the main thread has not answered yet, by id. */
  readonly #open = new Map<number, { readonly response: ServerResponse; readonly bytes: number }>();
  #openBytes = 0;
  #lastId = 0;
  #outbox: IntakePost[] = [];
  readonly #reported = new Map<string, number>();

  constructor(options: IntakeServerOptions) {
    this.#main = options.main;
    this.#counters = new IntakeCounters(options.counters);
    this.#digests = options.digests;
    this.#main.on('message', (message: ToThread) => this.#hear(message));
    this.#server.once('error', (error) => this.#tell({ kind: 'failed', reason: error.message }));
    this.#server.listen(options.port, options.host, () => this.#tell({ kind: 'listening', port: (this.#server.address() as AddressInfo).port }));
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    // A sender that goes away in the middle is no error of ours.
    request.on('error', () => undefined);
    const path = (request.url ?? '/').split('?', 1)[0]!;
    if (!/^\/intake\//.test(path)) return this.#forward(request, response);
    // A slash too many must not become a redirect: senders follow it with a GET and take that for an acknowledgement.
    const [, name, fast] = /^\/intake\/s3\/([^/]+)(\/fast)?\/?$/.exec(path) ?? [];
    if (request.method !== 'POST') return this.#refuseMethod(response, name);
    if (name === undefined) return refuse(response, 404, 'no intake here: POST /intake/s3/<source>');
    if (!isSourceName(name)) return refuse(response, 404, NO_SOURCE);
    const verdict = judge(this.#digests, request.headers.authorization, name);
    if (verdict === 'unknown') return refuse(response, 503, 'the tokens of the sources are not known yet');
    if (verdict === 'refused') return this.#refuseToken(request, response, name);
    this.#take(request, response, name, fast === undefined ? 'durable' : 'fast');
  }

  #take(request: IncomingMessage, response: ServerResponse, source: string, way: IntakeWay): void {
    readRequestBytes(request, LIMITS, (read) => {
      if (read === 'endless') return refuse(response.setHeader('connection', 'close'), 413, 'no event is that long');
      const post = { id: ++this.#lastId, way, source, receivedAt: Date.now(), ...read };
      if (way === 'fast') this.#takeFast(response, post);
      else this.#takeDurable(response, post);
    });
  }

  /** Answered before anybody has looked at it. */
  #takeFast(response: ServerResponse, post: IntakePost): void {
    const counters = this.#counters;
    if (!counters.fastOpen || counters.fastBodies >= MOST_FAST.bodies || counters.fastBytes >= MOST_FAST.bytes) {
      counters.fastRefused();
      return refuse(response, 503, 'too much is under way');
    }
    counters.fastTaken(post.bytes.length);
    response.writeHead(200, { 'content-length': 0 }).end();
    this.#post(post);
  }

  #takeDurable(response: ServerResponse, post: IntakePost): void {
    if (this.#openBytes >= MOST_WAITING) return refuse(response, 503, 'too much is under way');
    this.#await(post.id, response, post.bytes.length);
    this.#post(post);
  }

  #refuseToken(request: IncomingMessage, response: ServerResponse, source: string): void {
    this.#counters.unauthorized();
    refuse(response.setHeader('www-authenticate', 'Bearer'), 401, 'wrong token');
    if (this.#isReportDue(source)) this.#tell({ kind: 'unauthorized', source, remote: request.socket.remoteAddress ?? '' });
  }

  #refuseMethod(response: ServerResponse, source: string | undefined): void {
    refuse(response.setHeader('allow', 'POST'), 405, 'only POST');
    if (source !== undefined && isSourceName(source) && this.#isReportDue(`method ${source}`)) this.#tell({ kind: 'wrong-method', source });
  }

  #isReportDue(what: string): boolean {
    const now = performance.now();
    if (now - (this.#reported.get(what) ?? -Infinity) < REPORT_INTERVAL) return false;
    if (this.#reported.size >= MOST_REPORTED) this.#reported.clear();
    this.#reported.set(what, now);
    return true;
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    readRequestBytes(request, LIMITS, (read: RequestBytes | 'endless') => {
      if (read === 'endless' || read.tooLong !== undefined) return refuse(response.setHeader('connection', 'close'), 413, 'too long');
      const { method = '', url = '', headers } = request;
      const id = ++this.#lastId;
      this.#await(id, response, 0);
      this.#tell({ kind: 'request', request: { id, method, url, headers, bytes: read.bytes } });
    });
  }

  #await(id: number, response: ServerResponse, bytes: number): void {
    this.#open.set(id, { response, bytes });
    this.#openBytes += bytes;
  }

  #answered(id: number): ServerResponse | undefined {
    const open = this.#open.get(id);
    if (open === undefined) return undefined;
    this.#open.delete(id);
    this.#openBytes -= open.bytes;
    return open.response;
  }

  /** Posts that are read in one turn of the event loop go together. */
  #post(post: IntakePost): void {
    if (this.#outbox.length === 0) setImmediate(() => this.#flush());
    this.#outbox.push(post);
  }

  #flush(): void {
    const posts = this.#outbox;
    this.#outbox = [];
    this.#main.postMessage({ kind: 'posts', posts } satisfies FromThread, posts.map(({ bytes }) => bytes.buffer as ArrayBuffer));
  }

  #hear(message: ToThread): void {
    if (message.kind === 'answers') message.answers.forEach((answer) => this.#answer(answer));
    else if (message.kind === 'answer') this.#answerOther(message.answer);
    else if (message.kind === 'tokens') this.#digests = message.digests;
    else void this.#stop(message.times);
  }

  #answer({ id, refused }: IntakeAnswer): void {
    const response = this.#answered(id);
    if (response === undefined) return;
    if (refused === undefined) response.writeHead(200, { 'content-length': 0 }).end();
    else refuse(response, 503, refused);
  }

  #answerOther({ id, status, headers, bytes }: OtherAnswer): void {
    this.#answered(id)?.writeHead(status, headers).end(bytes);
  }

  /** Stops accepting, tells clients to go elsewhere, lets requests finish, and cuts what is left after the deadline. */
  async #stop({ linger, deadline }: StopTimes): Promise<void> {
    const server = this.#server;
    server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'));
    const finished = new AbortController();
    const until = (millis: number) => sleep(millis, undefined, { signal: finished.signal }).catch(() => undefined);
    // http.Server.close would cut idle connections at once, on which a request may be on its way.
    const closed = new Promise<void>((resolve) => TcpServer.prototype.close.call(server, () => resolve()));
    await Promise.race([closed, until(linger)]);
    server.closeIdleConnections();
    await Promise.race([closed, until(deadline - linger)]);
    server.closeAllConnections();
    finished.abort();
    this.#tell({ kind: 'stopped' });
    this.#main.close();
  }

  #tell(message: FromThread): void {
    this.#main.postMessage(message);
  }
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  if (status === 503) response.setHeader('retry-after', String(RETRY_AFTER));
  const text = Buffer.from(`${reason}\n`);
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': text.length }).end(text);
}
