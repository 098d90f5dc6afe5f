import * as http from 'node:http';
import * as https from 'node:https';
import { isObject } from '#event-rule/s3-record.js';
import type { StoreCredentials } from '#event-source/event-source.js';
import { signStoreRequest, storeUrl } from '#event-source/store-signature.js';
import { LineReader } from './line-reader.js';

export interface ListenStreamOptions {
  readonly endpoint: string;
  readonly credentials: StoreCredentials;
  readonly region: string;
  /** Absent: all buckets, which takes a permission of its own. */
  readonly bucket?: string;
  /** Names with `s3:`. */
  readonly events: readonly string[];
  /** Milliseconds until the first byte must be there. */
  readonly firstByte: number;
  /** Milliseconds without a byte after which the stream counts as dead. */
  readonly stall: number;
  readonly signal: AbortSignal;
  /** The first byte is there: the store sends events from now on. Before it, not even the headers come. */
  readonly onUp: () => void;
  /** Anything came, a ping for example. */
  readonly onAlive: () => void;
  readonly onRecord: (record: object) => void;
  readonly onBadLine: (reason: string) => void;
}

/**
 * Why a stream ended. `silent`: not one byte came; `refused`: the store answered, but not with a stream; `lost`: it broke, stalled or
 * was ended by the other side.
 */
export interface StreamEnd {
  readonly kind: 'stopped' | 'silent' | 'refused' | 'lost';
  readonly reason: string;
  /** Of a refusal. */
  readonly status?: number;
}

/** Seconds between two pings that the store is asked for. */
export const PING = 1;
/** Bytes of a line: more than MinIO's own clients take. */
const LONGEST_LINE = 4 * 1_048_576;
/** Bytes of an error document that are read. */
const EXCERPT = 4_096;

/**
 * Reads MinIO's listen stream once, until it ends. The response is never paused: a store does not wait for a slow reader, it drops
 * events without a word. Each stream has a connection, and a look-up of the name, of its own.
 */
export function readListenStream(options: ListenStreamOptions): Promise<StreamEnd> {
  return new Promise((resolve) => {
    const request = openStream(options);
    if (request instanceof Error) return resolve({ kind: 'refused', reason: request.message });
    const finish = (end: StreamEnd): void => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', stop);
      request.destroy();
      resolve(end);
    };
    const stop = (): void => finish({ kind: 'stopped', reason: 'stopped' });
    let timer = setTimeout(() => finish({ kind: 'silent', reason: `no byte within ${options.firstByte} ms` }), options.firstByte);
    const onByte = (first: boolean): void => {
      clearTimeout(timer);
      timer = setTimeout(() => finish({ kind: 'lost', reason: `no byte for ${options.stall} ms` }), options.stall);
      if (first) options.onUp();
      options.onAlive();
    };
    options.signal.addEventListener('abort', stop, { once: true });
    request.on('error', (error) => finish({ kind: 'lost', reason: error.message }));
    request.on('response', (response) => {
      const isStream = response.statusCode === 200 && /event-stream/.test(response.headers['content-type'] ?? '');
      if (isStream) readLines(response, options, onByte, finish);
      else readRefusal(response, finish);
    });
    if (options.signal.aborted) stop();
  });
}

/** @returns an error for what no request can be made of */
function openStream({ endpoint, credentials, region, bucket, events }: ListenStreamOptions): http.ClientRequest | Error {
  const query: [string, string][] = [['ping', String(PING)], ['prefix', ''], ['suffix', ''], ...events.map((name): [string, string] => ['events', name])];
  try {
    const url = storeUrl(endpoint, bucket === undefined ? '/' : `/${bucket}/`, query);
    const headers = signStoreRequest({ method: 'GET', url, credentials, region, now: new Date() });
    const request = url.protocol === 'https:' ? https.request : http.request;
    return request(url, { headers, agent: false }).end();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function readLines(response: http.IncomingMessage, options: ListenStreamOptions, onByte: (first: boolean) => void, finish: (end: StreamEnd) => void): void {
  const reader = new LineReader(
    LONGEST_LINE,
    (line) => readLine(line, options),
    () => options.onBadLine(`a line of more than ${LONGEST_LINE} bytes`),
  );
  let first = true;
  response.on('data', (chunk: Buffer) => {
    onByte(first);
    first = false;
    reader.push(chunk);
  });
  const lost = (reason: string): void => finish({ kind: 'lost', reason: reader.begun > 0 ? `${reason}, in the middle of a line` : reason });
  response.on('end', () => lost('ended by the store'));
  response.on('error', (error) => lost(error.message));
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Blank lines keep a connection alive; a line without records is a ping. */
function readLine(line: Buffer, { onRecord, onBadLine }: ListenStreamOptions): void {
  let parsed: unknown;
  try {
    const text = UTF8.decode(line).trim();
    if (text === '') return;
    parsed = JSON.parse(text);
  } catch (error) {
    onBadLine(error instanceof SyntaxError ? `not JSON: ${error.message.slice(0, 200)}` : 'not UTF-8');
    return;
  }
  const records = isObject(parsed) ? parsed['Records'] : undefined;
  if (records === undefined) onBadLine('no Records');
  for (const record of Array.isArray(records) ? (records as unknown[]) : []) if (isObject(record)) onRecord(record);
}

/** Other stores answer with an error, or with a listing of the bucket. */
function readRefusal(response: http.IncomingMessage, finish: (end: StreamEnd) => void): void {
  let text = '';
  const status = response.statusCode ?? 0;
  const refuse = (): void => {
    const code = /<Code>([^<]{1,100})<\/Code>/.exec(text)?.[1];
    const what = status === 200 ? 'a listing, not a stream: the store does not know this interface' : `status ${status}${code === undefined ? '' : ` ${code}`}`;
    // A store that starts answers 503; 501 is a store that does not have this.
    finish({ kind: status >= 500 && status !== 501 ? 'lost' : 'refused', status, reason: what });
  };
  response.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (text.length > EXCERPT) refuse();
  });
  response.on('end', refuse);
  response.on('error', refuse);
}
