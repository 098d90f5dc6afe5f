import { createHash } from 'node:crypto';

/** Bytes that a sender posted, as they came, and what we know about how they came. */
export interface Body {
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly bytes: Buffer;
}

/** A body that nobody can read, for the operator to look at. */
export interface UnreadableBody extends Body {
  readonly problems: readonly string[];
  /** Bytes of the whole body, where `bytes` are a part of it. */
  readonly length?: number;
}

/** First byte of a head: the format. A release reads the formats of the one before it. */
const FORMAT = 1;
/** Bytes of an unreadable body that are kept; the rest is named by length and digest. */
const EXCERPT = 16_384;

export function encodeHead({ source, receivedAt }: Body): Buffer {
  const head = Buffer.alloc(7 + Buffer.byteLength(source));
  head.writeUInt8(FORMAT, 0);
  head.writeUIntBE(receivedAt, 1, 6);
  head.write(source, 7);
  return head;
}

/** Undefined for a format that only a newer release knows: such an entry is left to the processes of that release. */
export function decodeHead(head: Buffer): Omit<Body, 'bytes'> | undefined {
  if (head[0] !== FORMAT) return undefined;
  return { receivedAt: head.readUIntBE(1, 6), source: head.toString('utf8', 7) };
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
