import * as http from 'node:http';
import * as https from 'node:https';
import type { EventSource, StoreCredentials } from '#event-source/event-source.js';
import { signStoreRequest, storeUrl } from '#event-source/store-signature.js';

/** The store answered, and repeating the request will not help before somebody changes something. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused';

  constructor(
    readonly status: number,
    /** S3's error code; empty when the answer has none. */
    readonly code: string,
  ) {
    super(`status ${status}${code === '' ? '' : ` ${code}`}`);
  }

  get isMissing(): boolean {
    return this.status === 404;
  }
}

/** The store did not answer, or says that it is busy: later it may. */
export class StoreUnreachable extends Error {
  override readonly name = 'StoreUnreachable';
}

export interface StoreAnswer {
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Milliseconds without a byte after which a request is given up. A large bucket may take long for the first page of a listing. */
const STALL = 60_000;
/** Answers that ask to come again. */
const BUSY = new Set([408, 409, 425, 429]);
/** More bytes than a page of 1,000 entries ever has. */
const LARGEST_BODY = 64 * 1_048_576;

type Query = readonly (readonly [name: string, value: string])[];

/** Signed requests that change nothing, over connections that are kept. */
export class StoreReader {
  readonly #agent: http.Agent;

  private constructor(
    private readonly endpoint: string,
    private readonly credentials: StoreCredentials,
    private readonly region: string,
    private readonly stall: number,
  ) {
    const options = { keepAlive: true, maxSockets: 16, timeout: stall };
    this.#agent = endpoint.startsWith('https:') ? new https.Agent(options) : new http.Agent(options);
  }

  /** @throws Error for a source without endpoint or credentials: see `isReconciled` */
  static for({ endpoint, credentials, storeRegion, name }: EventSource, stall = STALL): StoreReader {
    if (endpoint === undefined || credentials === undefined) throw new Error(`event source ${name} has no endpoint or no credentials`);
    return new StoreReader(endpoint, credentials, storeRegion, stall);
  }

  /** @param path not encoded · @throws StoreRefused · StoreUnreachable */
  get(path: string, query: Query, signal: AbortSignal): Promise<StoreAnswer> {
    return this.#send('GET', path, query, signal);
  }

  /** @throws StoreRefused · StoreUnreachable */
  head(path: string, query: Query, signal: AbortSignal): Promise<StoreAnswer> {
    return this.#send('HEAD', path, query, signal);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(method: 'GET' | 'HEAD', path: string, query: Query, signal: AbortSignal): Promise<StoreAnswer> {
    const url = storeUrl(this.endpoint, path, query);
    const headers = signStoreRequest({ method, url, credentials: this.credentials, region: this.region, now: new Date() });
    try {
      const { status, ...answer } = await this.#exchange(method, url, headers, signal);
      if (status >= 200 && status < 300) return answer;
      const code = /<Code>([^<]{1,100})<\/Code>/.exec(answer.body.toString('latin1', 0, 4_096))?.[1] ?? '';
      if (status >= 500 || BUSY.has(status)) throw new StoreUnreachable(`status ${status} ${code}`.trim());
      throw new StoreRefused(status, code);
    } catch (error) {
      if (error instanceof StoreRefused || error instanceof StoreUnreachable) throw error;
      throw new StoreUnreachable(error instanceof Error ? error.message : String(error));
    }
  }

  #exchange(method: string, url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<StoreAnswer & { readonly status: number }> {
    return new Promise((resolve, reject) => {
      const send = url.protocol === 'https:' ? https.request : http.request;
      const request = send(url, { method, headers, agent: this.#agent, signal });
      request.setTimeout(this.stall, () => request.destroy(new Error(`no byte for ${this.stall} ms`)));
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes > LARGEST_BODY) request.destroy(new Error(`an answer of more than ${LARGEST_BODY} bytes`));
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
      });
      request.end();
    });
  }
}
