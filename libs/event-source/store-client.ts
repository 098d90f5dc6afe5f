import * as http from 'node:http';
import * as https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'minio';
import type { EventSource } from './event-source.js';
import { BucketNotExist, NotAnObjectStore, StoreAccessDenied, StoreCredentialsWrong, StoreNotSet, StoreRefused, StoreUnreachable } from './store-errors.js';
import { unescapeXml } from './xml-text.js';

/** Milliseconds for one request. */
const TIME_LIMIT = 10_000;
/** Bytes of an answer that are read: the documents that are asked for here are short. */
const LONGEST_ANSWER = 1_048_576;

export interface StoreRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  readonly bucket?: string;
  readonly key?: string;
  /** Without the question mark, encoded. */
  readonly query?: string;
  readonly body?: string;
  /** The S3 action that it takes, for the message when it is not allowed. */
  readonly action: string;
}

export interface StoreAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

const CREDENTIALS = ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'InvalidClientTokenId'];

/** Single requests to the store of a source, signed and bounded in time; no answer is followed anywhere else. */
export class StoreClient {
  #server = '';

  private constructor(
    private readonly endpoint: string,
    private readonly client: Client,
    private readonly agent: http.Agent,
  ) {}

  /** The library is loaded by the first one: an idle process does not need it. @throws StoreNotSet; StoreRefused for an address that it does not take */
  static async open({ name, endpoint, credentials, storeRegion }: EventSource): Promise<StoreClient> {
    if (endpoint === undefined || credentials === undefined) throw new StoreNotSet(name);
    const { Client: StoreLibrary } = await import('minio');
    const { protocol, hostname, port } = new URL(endpoint);
    const useSSL = protocol === 'https:';
    const agent = useSSL ? new https.Agent() : new http.Agent();
    try {
      const client = new StoreLibrary({
        endPoint: hostname,
        useSSL,
        port: port === '' ? (useSSL ? 443 : 80) : Number(port),
        region: storeRegion,
        ...credentials,
        transportAgent: agent,
        retryOptions: { disableRetry: true },
      });
      return new StoreClient(endpoint, client, agent);
    } catch (error) {
      throw new StoreRefused(0, 'InvalidEndpoint', reasonOf(error));
    }
  }

  /** As the store called itself in its last answer. */
  get server(): string {
    return this.#server;
  }

  /** Ends what is under way. */
  close(): void {
    this.agent.destroy();
  }

  /** @throws StoreError for every answer but 2xx */
  async request(request: StoreRequest): Promise<StoreAnswer> {
    const answer = await this.#answer(request);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw this.#refusal(request, answer);
  }

  async #answer({ method, bucket, key, query, body }: StoreRequest): Promise<StoreAnswer> {
    const options = {
      method,
      ...(bucket !== undefined && { bucketName: bucket }),
      ...(key !== undefined && { objectName: key }),
      ...(query !== undefined && { query }),
    };
    const ended = new AbortController();
    const late = sleep(TIME_LIMIT, undefined, { signal: ended.signal }).then(() => {
      this.close();
      throw new Error(`no answer within ${TIME_LIMIT / 1_000} s`);
    });
    late.catch(() => undefined);
    try {
      const request = this.client.makeRequestAsync(options, body ?? '', ANY_STATUS);
      const response = await Promise.race([request, late]);
      this.#server = String(response.headers.server ?? '');
      return { status: response.statusCode ?? 0, headers: response.headers, text: await Promise.race([readText(response), late]) };
    } catch (error) {
      throw new StoreUnreachable(this.endpoint, reasonOf(error));
    } finally {
      ended.abort();
    }
  }

  #refusal({ method, bucket, action }: StoreRequest, { status, headers, text }: StoreAnswer): Error {
    const said = readErrorDocument(text);
    // An answer to HEAD has no document; what an S3 store sends always has a request id.
    const speaksS3 = said !== undefined || (method === 'HEAD' && headers['x-amz-request-id'] !== undefined);
    if (!speaksS3) return new NotAnObjectStore(this.endpoint, status);
    const code = said?.code ?? '';
    if (CREDENTIALS.includes(code)) return new StoreCredentialsWrong(code);
    if (code === 'NoSuchBucket' || (method === 'HEAD' && status === 404 && bucket !== undefined)) return new BucketNotExist(bucket ?? '');
    if (code === 'AccessDenied' || (method === 'HEAD' && status === 403)) return new StoreAccessDenied(action);
    return new StoreRefused(status, code === '' ? 'without a code' : code, said?.message ?? '');
  }
}

const ANY_STATUS = Array.from({ length: 500 }, (_, index) => index + 100);

function readErrorDocument(text: string): { code: string; message: string } | undefined {
  if (!text.includes('<Error>')) return undefined;
  const read = (name: string) => unescapeXml(new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? '').slice(0, 500);
  return { code: read('Code'), message: read('Message') };
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length > LONGEST_ANSWER) {
      response.destroy();
      break;
    }
  }
  return Buffer.concat(parts).toString('utf8', 0, LONGEST_ANSWER);
}

/** `connect ECONNREFUSED 127.0.0.1:9000`, without the library's own words around it. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  if (error.message !== '') return error.message;
  return typeof code === 'string' ? code : error.name;
}
