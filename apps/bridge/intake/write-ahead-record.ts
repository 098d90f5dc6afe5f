import { crc32 } from 'node:zlib';
import { decodeHead, encodeHead, type Body } from '../journal/journal-entry.js';

/** In front of every record, so that reading finds its way again behind a damaged one. */
const MAGIC = Buffer.from('MGPW');
/** Magic, length of what follows, its CRC-32. */
const FRAME = MAGIC.length + 4 + 4;
/** No record is longer: what claims to be is damage. */
const LONGEST = 5 * 1_048_576;

export function encodeRecord(body: Body): Buffer {
  const head = encodeHead(body);
  const payload = Buffer.concat([Buffer.from([head.length >> 8, head.length & 0xff]), head, body.bytes]);
  const frame = Buffer.alloc(FRAME);
  MAGIC.copy(frame);
  frame.writeUInt32BE(payload.length, 4);
  frame.writeUInt32BE(crc32(payload), 8);
  return Buffer.concat([frame, payload]);
}

/** All records that are whole. A torn end (the power failed inside a write) was never acknowledged; other damage is counted and skipped. */
export function decodeRecords(file: Buffer): { bodies: Body[]; damaged: number } {
  const bodies: Body[] = [];
  let damaged = 0;
  let at = 0;
  while (at < file.length) {
    const record = recordAt(file, at);
    if (record !== undefined) {
      bodies.push(record.body);
      at = record.end;
      continue;
    }
    const next = file.indexOf(MAGIC, at + 1);
    if (next === -1) break;
    damaged += 1;
    at = next;
  }
  return { bodies, damaged };
}

function recordAt(file: Buffer, at: number): { body: Body; end: number } | undefined {
  if (at + FRAME > file.length || !file.subarray(at, at + MAGIC.length).equals(MAGIC)) return undefined;
  const length = file.readUInt32BE(at + 4);
  const end = at + FRAME + length;
  if (length > LONGEST || length < 2 || end > file.length) return undefined;
  const payload = file.subarray(at + FRAME, end);
  if (crc32(payload) !== file.readUInt32BE(at + 8)) return undefined;
  const headLength = payload.readUInt16BE(0);
  const head = decodeHead(payload.subarray(2, 2 + headLength));
  return head && { body: { ...head, bytes: payload.subarray(2 + headLength) }, end };
}
