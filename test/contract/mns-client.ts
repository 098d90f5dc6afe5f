import { createHmac } from 'node:crypto';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';

/** A response with its headers exactly as they came over the wire. */
export interface MnsResponse {
  readonly status: number;
  /** Name and value in order and casing of the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

export interface MnsRequest {
  readonly body?: string | Buffer;
  /** Sent as well; `x-mns-*` are signed. A value of undefined removes a header that would be sent otherwise. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Send the body in chunks, without Content-Length. */
  readonly chunked?: boolean;
  /** Replaces the Authorization header. */
  readonly authorization?: string;
  /** What is signed in place of the request target. */
  readonly signedTarget?: string;
  /** V2 when absent. */
  readonly signatureVersion?: SignatureVersion;
  readonly signal?: AbortSignal;
}

export type SignatureVersion = 'V2' | 'V4';

export interface MnsCredentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** Speaks MNS with plain sockets: what it sends and gets is what is on the wire. One kept-alive connection per concurrent request. */
export class MnsClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1_000 });

  constructor(
    readonly port: number,
    readonly credentials: MnsCredentials,
    /** Value of the Host header. */
    readonly host = `127.0.0.1:${port}`,
  ) {}

  async request(method: string, target: string, options: MnsRequest = {}): Promise<MnsResponse> {
    const headers = this.headersFor(method, target, options);
    const request = httpRequest({
      host: '127.0.0.1',
      port: this.port,
      method,
      path: target,
      headers,
      agent: this.#agent,
      setHost: false,
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve).once('error', reject);
      request.end(options.body);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, headers: pairs(response.rawHeaders), body: Buffer.concat(chunks).toString('utf8') };
  }

  /** The headers of a signed request, for tests that write the request themselves. */
  headersFor(method: string, target: string, options: MnsRequest = {}): Record<string, string> {
    const { body } = options;
    const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const headers: Record<string, string | undefined> = {
      Host: this.host,
      Date: new Date().toUTCString(),
      'x-mns-version': '2015-06-06',
      ...(body !== undefined && { 'Content-Type': 'text/xml;charset=utf-8' }),
      ...(options.chunked === true ? { 'Transfer-Encoding': 'chunked' } : length),
      ...options.headers,
    };
    const present = Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined));
    const signedTarget = options.signedTarget ?? target;
    const sign = options.signatureVersion === 'V4' ? this.signV4 : this.signV2;
    const authorization = options.authorization ?? sign.call(this, method, signedTarget, present);
    return authorization === '' ? present : { ...present, Authorization: authorization };
  }

  private signV2(method: string, target: string, headers: Readonly<Record<string, string>>): string {
    const { lower, mnsHeaders } = signedHeaders(headers);
    const stringToSign = [
      method,
      lower.get('content-md5') ?? '',
      lower.get('content-type') ?? '',
      lower.get('x-mns-date') ?? lower.get('date') ?? '',
      ...mnsHeaders,
      target,
    ].join('\n');
    const signature = createHmac('sha1', this.credentials.accessKeySecret).update(stringToSign, 'latin1').digest('base64');
    return `MNS ${this.credentials.accessKeyId}:${signature}`;
  }

  /** For paths and queries that need no escaping but in the values of the query. */
  private signV4(method: string, target: string, headers: Readonly<Record<string, string>>): string {
    const { lower, mnsHeaders } = signedHeaders(headers);
    // A date that cannot be read is refused before the signature is looked at.
    const date = new Date(Date.parse(lower.get('x-mns-date') ?? lower.get('date') ?? '') || 0);
    const time = date.toISOString().replace(/[-:]|\.\d+/g, '');
    const scope = [time.slice(0, 8), 'cn-test', 'mns', 'aliyun_v4_request'];
    const [path = '', query = ''] = target.split(/\?(.*)/s);
    const parameters = Array.from(new URLSearchParams(query.replaceAll('+', '%2B')), ([name, value]) =>
      value === '' ? name.toLowerCase() : `${name.toLowerCase()}=${encodeURIComponent(value)}`,
    );
    const others = ['content-md5', 'content-type'].filter((name) => lower.has(name)).map((name) => `${name}:${lower.get(name)?.trim()}`);
    const canonical = [method, path, parameters.sort().join('&'), ...others, ...mnsHeaders, '', ''];
    const text = ['MNS4-HMAC-SHA256', time, scope.join('/'), ...canonical].join('\n');
    const key = scope.reduce<string | Buffer>(
      (from, part) => createHmac('sha256', from).update(part).digest(),
      `aliyun_v4${this.credentials.accessKeySecret}`,
    );
    const signature = createHmac('sha256', key).update(text, 'latin1').digest('hex');
    return `MNS4-HMAC-SHA256 Credential=${this.credentials.accessKeyId}/${scope.join('/')},Signature=${signature}`;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function signedHeaders(headers: Readonly<Record<string, string>>) {
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const mns = [...lower].filter(([name]) => name.startsWith('x-mns-')).sort(([one], [other]) => (one < other ? -1 : 1));
  return { lower, mnsHeaders: mns.map(([name, value]) => `${name}:${value}`) };
}

function pairs(rawHeaders: readonly string[]): [string, string][] {
  return Array.from({ length: rawHeaders.length / 2 }, (_, index) => [rawHeaders[2 * index]!, rawHeaders[2 * index + 1]!]);
}

/** Value of a header whose name is written exactly so. */
export function exactHeader(response: MnsResponse, name: string): string | undefined {
  return response.headers.find(([candidate]) => candidate === name)?.[1];
}

/** Text of the first element of that name; undefined when there is none. */
export function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}

/** Writes bytes to the port and returns everything that comes back until the server closes or `quietMillis` pass without a byte. */
export function exchangeBytes(port: number, bytes: string | Buffer, quietMillis = 1_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const chunks: Buffer[] = [];
    const finish = (): void => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    socket.setTimeout(quietMillis, finish);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('close', finish);
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (code === 'ECONNRESET' || code === 'EPIPE') finish();
      else reject(new Error(message));
    });
  });
}
