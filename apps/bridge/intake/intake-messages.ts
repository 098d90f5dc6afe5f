import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { TokenDigests } from './intake-token.js';

/** What the thread that owns the socket and the main thread tell each other. */

export type IntakeWay = 'durable' | 'fast';

/** A body that a sender posted, its token checked. */
export interface IntakePost {
  /** Names it in the answer. */
  readonly id: number;
  readonly way: IntakeWay;
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly bytes: Uint8Array;
  /** Bytes that were posted, where that is more than an event can have: `bytes` are the first ones of them. */
  readonly tooLong?: number;
}

/** A request for anything but the intake. */
export interface OtherRequest {
  readonly id: number;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Uint8Array;
}

/** What became of a post that came the durable way: stored, or why not. */
export interface IntakeAnswer {
  readonly id: number;
  readonly refused?: string;
}

export interface OtherAnswer {
  readonly id: number;
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly bytes: Uint8Array;
}

export type FromThread =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'posts'; readonly posts: readonly IntakePost[] }
  | { readonly kind: 'request'; readonly request: OtherRequest }
  /** Somebody posts to a source without its token; not told more often than once a second for a source. */
  | { readonly kind: 'unauthorized'; readonly source: string; readonly remote: string }
  /** Somebody asks the intake of a source for something: the mark of a redirect on the way. As seldom. */
  | { readonly kind: 'wrong-method'; readonly source: string }
  | { readonly kind: 'stopped' };

export type ToThread =
  | { readonly kind: 'answers'; readonly answers: readonly IntakeAnswer[] }
  | { readonly kind: 'answer'; readonly answer: OtherAnswer }
  | { readonly kind: 'tokens'; readonly digests: TokenDigests }
  | { readonly kind: 'stop'; readonly times: StopTimes };

/** Milliseconds. */
export interface StopTimes {
  /** In which connections are not cut, because a request may be on its way. */
  readonly linger: number;
  /** After which everything is cut. */
  readonly deadline: number;
}
