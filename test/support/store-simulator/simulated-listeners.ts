import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RecordWriter, SimulatedEvent, StoreFlavour } from './simulated-record.js';

/**
 * How the stream misbehaves. `black-hole`: the request is taken and never answered; `unflushed`: as in MinIO since October 2025,
 * nothing is sent until 4 KiB have piled up; `spaces`: blanks instead of pings, as without `ping`; `stalled`: nothing more is sent;
 * `plain`: the store does not know the interface and lists the bucket instead; `refused`: 403.
 */
export type ListenFault = 'none' | 'black-hole' | 'unflushed' | 'spaces' | 'stalled' | 'plain' | 'refused';

interface Listener {
  readonly response: ServerResponse;
  readonly bucket: string;
  readonly events: readonly string[];
  readonly ping: NodeJS.Timeout;
  held: Buffer[];
}

/** Names that MinIO lets a listener ask for; any other makes it answer 400. */
const KNOWN = /^s3:(ObjectCreated|ObjectRemoved|ObjectAccessed|ObjectTransition|ObjectRestore|Replication|BucketCreated|BucketRemoved|LifecycleDelMarkerExpiration):(\*|\w+)$/;
const LUMP = 4_096;
const REPLAYED = 1_024;

/** The listen stream of the simulated store. */
export class SimulatedListeners {
  readonly #listeners = new Set<Listener>();
  readonly #recent: SimulatedEvent[] = [];
  fault: ListenFault = 'none';
  /** Only the two groups of names that old servers know; others are answered 400. */
  oldServer = false;
  /** Every byte is a chunk of its own. */
  byteByByte = false;
  /** Milliseconds that stand for one second of `ping`. */
  second = 1_000;
  /** Requests so far, refused ones too. */
  requests = 0;

  constructor(
    private readonly records: RecordWriter,
    private readonly flavour: StoreFlavour,
  ) {}

  get count(): number {
    return this.#listeners.size;
  }

  /** @returns false where the store does not know the interface: the request is an ordinary one then */
  answer(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): boolean {
    this.requests += 1;
    if (this.fault === 'plain') return false;
    const events = query.getAll('events');
    const unknown = events.some((name) => !KNOWN.test(name) || (this.oldServer && !/^s3:Object(Created|Removed):/.test(name)));
    if (unknown || !/^[1-9]\d*$/.test(query.get('ping') ?? '')) {
      response.writeHead(400).end('<Error><Code>InvalidArgument</Code></Error>');
      return true;
    }
    if (this.fault === 'refused') {
      response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
      return true;
    }
    if (this.fault === 'black-hole') return true;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    const bucket = (request.url ?? '/').split('?')[0]!.replaceAll('/', '');
    const ping = setInterval(() => this.#ping(listener), Number(query.get('ping')) * this.second);
    const listener: Listener = { response, bucket, events, ping, held: [] };
    this.#listeners.add(listener);
    response.on('close', () => {
      clearInterval(ping);
      this.#listeners.delete(listener);
    });
    if (this.flavour === 'rustfs') for (const event of this.#recent) this.#tell(listener, event);
    return true;
  }

  publish(event: SimulatedEvent): void {
    this.#recent.push(event);
    if (this.#recent.length > REPLAYED) this.#recent.shift();
    for (const listener of this.#listeners) this.#tell(listener, event);
  }

  /** Whatever is given, to everybody who listens. */
  sendRaw(text: string): void {
    for (const listener of this.#listeners) this.#write(listener, text);
  }

  /** As a store that stops: connections are cut, without an end of the answer. With `text`, a piece of a line comes first. */
  cut(text = ''): void {
    for (const listener of this.#listeners) {
      if (text !== '') listener.response.write(text);
      listener.response.socket?.end();
      setTimeout(() => listener.response.socket?.destroy(), 20).unref();
    }
  }

  /** A clean end of the answer, as a proxy with a time limit makes it. */
  end(): void {
    for (const listener of this.#listeners) listener.response.end();
  }

  #tell(listener: Listener, event: SimulatedEvent): void {
    const [group] = event.name.split(/:[^:]*$/);
    const wanted = listener.events.includes(event.name) || listener.events.includes(`${group}:*`);
    if (wanted && (listener.bucket === '' || listener.bucket === event.bucket)) this.#write(listener, `${this.records.listenLine(event)}\n`);
  }

  #ping(listener: Listener): void {
    const line = this.flavour === 'rustfs' ? '{"Records":[]}\n' : '{"Records":null}\n';
    this.#write(listener, this.fault === 'spaces' ? '   \n' : line);
  }

  #write(listener: Listener, text: string): void {
    if (this.fault === 'stalled') return;
    const bytes = Buffer.from(text);
    if (this.fault === 'unflushed') {
      listener.held.push(bytes);
      const held = Buffer.concat(listener.held);
      if (held.length < LUMP) return;
      listener.held = [];
      listener.response.write(held);
      return;
    }
    if (!this.byteByByte) listener.response.write(bytes);
    else for (const byte of bytes) listener.response.write(Buffer.of(byte));
  }
}
