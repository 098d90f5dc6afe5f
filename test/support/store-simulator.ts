import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SimulatedBuckets, type NewObject, type Removal, type SimulatedBucket, type SimulatedVersion } from './store-simulator/simulated-buckets.js';
import { SimulatedListeners } from './store-simulator/simulated-listeners.js';
import { writeMetrics } from './store-simulator/simulated-metrics.js';
import { RecordWriter, type SimulatedEvent, type StoreFlavour } from './store-simulator/simulated-record.js';
import { answerS3, fail } from './store-simulator/simulated-requests.js';
import { signatureProblem } from './store-simulator/simulated-signature.js';
import { SimulatedTarget, type SimulatedTargetOptions } from './store-simulator/simulated-targets.js';

export interface StoreSimulatorOptions {
  readonly flavour?: StoreFlavour;
  readonly targets?: readonly SimulatedTargetOptions[];
  /** What requests must be signed with; `us-east-1` unless given. */
  readonly region?: string;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Whether there are MinIO's metrics and health; true unless given. */
  readonly metrics?: boolean;
}

/**
 * An object store in this process, for faults that a real server does not show on demand. Requests must be signed. What is done
 * through `buckets` makes no event: such are the writes that a store kept and never told.
 */
export class StoreSimulator {
  readonly accessKey = 'simulator';
  readonly secretKey = 'simulated-secret';
  readonly buckets: SimulatedBuckets;
  readonly listeners: SimulatedListeners;
  readonly targets: readonly SimulatedTarget[];
  readonly region: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** Events dropped before any target saw them. */
  skipped = 0;
  /** Requests are answered 503. */
  unavailable = false;
  /** Requests are taken and not answered. */
  hanging = false;
  /** While true, as a store that has not read its rules yet: webhooks are told nothing. */
  inBootWindow = false;
  /** Method and path, without queries, of requests that were answered. */
  readonly requests: string[] = [];
  readonly #records: RecordWriter;
  readonly #clock: () => number;
  readonly #server: Server;

  private constructor(private readonly options: StoreSimulatorOptions) {
    const flavour = options.flavour ?? 'minio';
    this.#clock = options.clock ?? Date.now;
    this.region = options.region ?? 'us-east-1';
    this.startedAt = this.#clock();
    this.buckets = new SimulatedBuckets(this.#clock);
    this.#records = new RecordWriter(flavour, this.#clock);
    this.listeners = new SimulatedListeners(this.#records, flavour);
    this.targets = (options.targets ?? []).map((target) => new SimulatedTarget(target));
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
    });
  }

  static async start(options: StoreSimulatorOptions = {}): Promise<StoreSimulator> {
    const simulator = new StoreSimulator(options);
    await new Promise<void>((resolve) => simulator.#server.listen(0, '127.0.0.1', resolve));
    return simulator;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    for (const target of this.targets) target.stop();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Writes an object and tells of it, as a request would. */
  async put(bucket: string, key: string, content: Buffer | string = 'x', options: NewObject & { readonly event?: string } = {}): Promise<SimulatedVersion> {
    const version = this.buckets.put(this.#bucket(bucket), key, content, options);
    await this.tell(this.#records.created(options.event ?? 'Put', bucket, version));
    return version;
  }

  async remove(bucket: string, key: string, versionId?: string): Promise<Removal> {
    const removal = this.buckets.remove(this.#bucket(bucket), key, versionId);
    await this.tell(this.#records.removed(bucket, removal));
    return removal;
  }

  /** Tells listeners, and the targets that the bucket's rules name. */
  async tell(event: SimulatedEvent): Promise<void> {
    this.listeners.publish(event);
    if (this.inBootWindow) return;
    const rules = this.buckets.get(event.bucket)?.notification ?? '';
    const group = event.name.slice(0, event.name.lastIndexOf(':'));
    const entries = [...rules.matchAll(/<QueueConfiguration>(.*?)<\/QueueConfiguration>/gs)].map((match) => match[1]!);
    const wanted = entries.filter((entry) => [event.name, `${group}:*`].some((name) => entry.includes(`<Event>${name}</Event>`)));
    const named = this.targets.filter(({ arn }) => wanted.some((entry) => entry.includes(`<Queue>${arn}</Queue>`)));
    const body = this.#records.webhookBody(event);
    await Promise.all(named.map((target) => target.save(body)));
  }

  /** As a process that ended and came back: streams are cut, counters begin anew, queues on disk stay. */
  restart(): void {
    this.#server.closeAllConnections();
    this.startedAt = Math.max(this.#clock(), this.startedAt + 1_000);
    this.skipped = 0;
    for (const target of this.targets) target.resetCounters();
  }

  #bucket(name: string): SimulatedBucket {
    const bucket = this.buckets.get(name);
    if (bucket === undefined) throw new Error(`no bucket ${name}`);
    return bucket;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/', queryText = ''] = (request.url ?? '/').split('?');
    response.setHeader('server', this.options.flavour === 'rustfs' ? 'RustFS' : 'MinIO');
    const body = await readBody(request);
    this.requests.push(`${request.method} ${path}`);
    if (this.hanging) return;
    if (this.unavailable) return fail({ request, response }, 503, 'SlowDown');
    if (path.startsWith('/minio/')) return this.#answerOwn(path, request, response);
    const problem = signatureProblem(request, body, this);
    if (problem !== undefined) return fail({ request, response }, 403, problem);
    const query = new URLSearchParams(queryText);
    if (query.has('events') && this.listeners.answer(request, response, query)) return;
    const { buckets, region } = this;
    const parts = { buckets, region, records: this.#records, onEvent: (event: SimulatedEvent) => this.tell(event), arns: () => this.targets.map(({ arn }) => arn) };
    await answerS3(parts, { request, response, query, body });
  }

  #answerOwn(path: string, request: IncomingMessage, response: ServerResponse): void {
    if (this.options.metrics === false) return fail({ request, response }, 403, 'AccessDenied');
    if (path.startsWith('/minio/health/')) return void response.writeHead(200).end();
    response.writeHead(200, { 'content-type': 'text/plain' }).end(writeMetrics(path, this));
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
