import { createHash } from 'node:crypto';

/** Bytes that a sender posted, as they came, and what we know about how they came. */
export interface Body {
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly bytes: Buffer;
  /**
   * Set for a body of our own, the JSON of a `BucketEvent` that a listing showed. It stands in the head of the entry, where nothing that
   * is posted to the intake can put it.
   */
  readonly listed?: true;
}

/** A body that nobody can read, for the operator to look at. */
export interface UnreadableBody extends Body {
  readonly problems: readonly string[];
  /** Bytes of the whole body, where `bytes` are a part of it. */
  readonly length?: number;
}

/** First byte of a head: the format. A release reads the formats of the one before it. The second is for bodies of our own. */
const POSTED = 1;
const LISTED = 2;
/** Bytes of an unreadable body that are kept; the rest is named by length and digest. */
const EXCERPT = 16_384;

export function encodeHead({ source, receivedAt, listed }: Body): Buffer {
  const head = Buffer.alloc(7 + Buffer.byteLength(source));
  head.writeUInt8(listed ? LISTED : POSTED, 0);
  head.writeUIntBE(receivedAt, 1, 6);
  head.write(source, 7);
  return head;
}

/** Undefined for a format that only a newer release knows: such an entry is left to the processes of that release. */
export function decodeHead(head: Buffer): Omit<Body, 'bytes'> | undefined {
  if (head[0] !== POSTED && head[0] !== LISTED) return undefined;
  return { receivedAt: head.readUIntBE(1, 6), source: head.toString('utf8', 7), ...(head[0] === LISTED && { listed: true }) };
}

export function encodeUnreadable({ source, receivedAt, bytes, problems, length = bytes.length }: UnreadableBody): string {
  return JSON.stringify({
    source,
    receivedAt: new Date(receivedAt).toISOString(),
    problems,
    length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    // Bytes that are not UTF-8 show as replacement characters; the excerpt is for people.
    excerpt: bytes.toString('utf8', 0, EXCERPT),
  });
}
