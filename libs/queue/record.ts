import { randomBytes } from 'node:crypto';

/** Record of a queue, topic or subscription as the scripts keep it; layout in `docs/redis-keys.md` and `commands/includes/record.lua`. */
export interface StoredRecord<Attributes> {
  readonly id: string;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly createTime: number;
  readonly lastModifyTime: number;
  readonly attributes: Attributes;
}

const ID_LENGTH = 11;
const RECORD_FORMAT = 1;

/** @throws Error for a record of a later release. */
export function readRecord<Attributes>(packed: Buffer): StoredRecord<Attributes> {
  const format = packed[ID_LENGTH];
  if (format !== RECORD_FORMAT) throw new Error(`record of unknown format ${format}`);
  return {
    id: packed.toString('latin1', 0, ID_LENGTH),
    version: packed.readUInt32BE(12),
    createTime: packed.readUIntBE(16, 6),
    lastModifyTime: packed.readUIntBE(22, 6),
    attributes: JSON.parse(packed.toString('utf8', 28)) as Attributes,
  };
}

/** 11 characters of base64url. */
export function newId(): string {
  return randomBytes(8).toString('base64url');
}
