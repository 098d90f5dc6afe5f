import { hash, randomFillSync } from 'node:crypto';
import type { MessageContent, MessageProperty } from './message.js';

/** Format byte of a message that holds its body itself. */
const INLINE = 1;
/** Bytes that the scripts put in front of the payload: format, priority, enqueue time, expire time. */
const HEADER = 14;
const ID = 16;
const MD5 = 16;
const FLAGS_AT = ID + MD5;

/** Sections before the body, in the order in which they are stored; the bit says that the section is there. */
const SECTION = { userProperties: 1, systemProperties: 2, messageGroupId: 4, messageTag: 8, messageAttributes: 16 } as const;

/** What a payload can carry: a message's content and, for topics, tag and channel attributes. */
export interface StoredContent extends MessageContent {
  readonly messageTag?: string;
  readonly messageAttributes?: Readonly<Record<string, string>>;
}

export interface EncodedMessage {
  /** 32 upper-case hexadecimal digits. */
  readonly messageId: string;
  readonly bodyMd5: string;
  readonly payload: Buffer;
}

export interface DecodedMessage {
  readonly messageId: string;
  readonly bodyMd5: string;
  readonly priority: number;
  /** Milliseconds since the epoch. */
  readonly enqueueTime: number;
  readonly expireTime: number;
  readonly content: StoredContent;
}

/** Random bytes are drawn from the system in large portions; one call per message would cost more than the rest of the encoding. */
const pool = Buffer.allocUnsafe(8 * 512);
let poolAt = pool.length;

/** Time in ms (6 bytes) · partition (2) · random (8): the partition and the hour of a message can be read off its id. */
export function newMessageId(now: number, partition: number): Buffer {
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const id = Buffer.allocUnsafe(ID);
  id.writeUIntBE(now, 0, 6);
  id.writeUInt16BE(partition, 6);
  pool.copy(id, 8, poolAt, poolAt + 8);
  poolAt += 8;
  return id;
}

/** Packs what a script stores behind its header. Layout in `docs/redis-keys.md`. */
export function encodePayload(id: Buffer, content: StoredContent): EncodedMessage {
  const md5 = hash('md5', content.body, 'hex').toUpperCase();
  const sections = sectionsOf(content);
  const bodyLength = Buffer.byteLength(content.body);
  const size = FLAGS_AT + 1 + sections.reduce((sum, { bytes }) => sum + 4 + bytes.length, 0) + bodyLength;
  const payload = Buffer.allocUnsafe(size);
  id.copy(payload, 0);
  payload.write(md5, ID, 'hex');
  payload[FLAGS_AT] = sections.reduce((flags, { bit }) => flags | bit, 0);
  let at = FLAGS_AT + 1;
  for (const { bytes } of sections) {
    at = payload.writeUInt32BE(bytes.length, at);
    at += bytes.copy(payload, at);
  }
  payload.write(content.body, at, 'utf8');
  return { messageId: id.toString('hex').toUpperCase(), bodyMd5: md5, payload };
}

interface Section {
  readonly bit: number;
  readonly bytes: Buffer;
}

const NONE: readonly Section[] = [];

function sectionsOf(content: StoredContent): readonly Section[] {
  const { userProperties, systemProperties, messageGroupId, messageTag, messageAttributes } = content;
  if (!userProperties && !systemProperties && !messageGroupId && !messageTag && !messageAttributes) return NONE;
  const sections: Section[] = [];
  if (userProperties?.length) sections.push({ bit: SECTION.userProperties, bytes: packProperties(userProperties) });
  if (systemProperties?.length) sections.push({ bit: SECTION.systemProperties, bytes: packProperties(systemProperties) });
  if (messageGroupId) sections.push({ bit: SECTION.messageGroupId, bytes: Buffer.from(messageGroupId) });
  if (messageTag) sections.push({ bit: SECTION.messageTag, bytes: Buffer.from(messageTag) });
  if (messageAttributes) sections.push({ bit: SECTION.messageAttributes, bytes: Buffer.from(JSON.stringify(messageAttributes)) });
  return sections;
}

function packProperties(properties: readonly MessageProperty[]): Buffer {
  return Buffer.from(JSON.stringify(properties.map(({ name, value, type }) => [name, value, type])));
}

/** @throws Error for a message of a later release. */
export function decodeMessage(packed: Buffer): DecodedMessage {
  if (packed[0] !== INLINE) throw new Error(`message of unknown format ${packed[0]}`);
  return {
    messageId: packed.toString('hex', HEADER, HEADER + ID).toUpperCase(),
    bodyMd5: packed.toString('hex', HEADER + ID, HEADER + FLAGS_AT).toUpperCase(),
    priority: packed[1]!,
    enqueueTime: packed.readUIntBE(2, 6),
    expireTime: packed.readUIntBE(8, 6),
    content: decodeContent(packed, HEADER + FLAGS_AT),
  };
}

function decodeContent(packed: Buffer, flagsAt: number): StoredContent {
  const flags = packed[flagsAt]!;
  let at = flagsAt + 1;
  if (flags === 0) return { body: packed.toString('utf8', at) };
  const next = (bit: number): string | undefined => {
    if ((flags & bit) === 0) return undefined;
    const start = at + 4;
    at = start + packed.readUInt32BE(at);
    return packed.toString('utf8', start, at);
  };
  const userProperties = next(SECTION.userProperties);
  const systemProperties = next(SECTION.systemProperties);
  const messageGroupId = next(SECTION.messageGroupId);
  const messageTag = next(SECTION.messageTag);
  const messageAttributes = next(SECTION.messageAttributes);
  return {
    body: packed.toString('utf8', at),
    ...(userProperties !== undefined && { userProperties: unpackProperties(userProperties) }),
    ...(systemProperties !== undefined && { systemProperties: unpackProperties(systemProperties) }),
    ...(messageGroupId !== undefined && { messageGroupId }),
    ...(messageTag !== undefined && { messageTag }),
    ...(messageAttributes !== undefined && { messageAttributes: JSON.parse(messageAttributes) as Record<string, string> }),
  };
}

function unpackProperties(json: string): MessageProperty[] {
  const rows = JSON.parse(json) as [string, string, MessageProperty['type']][];
  return rows.map(([name, value, type]) => ({ name, value, type }));
}

/** Bytes of a message that count against a queue's MaximumMessageSize: body and properties. */
export function messageSize(content: StoredContent): number {
  let size = Buffer.byteLength(content.body);
  for (const property of [...(content.userProperties ?? []), ...(content.systemProperties ?? [])]) {
    size += Buffer.byteLength(property.name) + Buffer.byteLength(property.value) + property.type.length;
  }
  return size;
}
