import { crc32 } from 'node:zlib';
import { canaryId } from '#event-source/canary.js';

/** What an inventory has of an object. Packed as told in `inventory.lua`. */
export interface InventoryEntry {
  /** `missing`: a listing told that it is gone; `gone`: an event did, while the bucket was walked. */
  readonly state: 'there' | 'gone' | 'missing';
  /** Microseconds since the epoch (milliseconds where a listing told it): when it was put, and for `gone` when it was removed. */
  readonly time: number;
  readonly size: number;
  readonly content: number;
  /** A listing told that the object, or the one before it, is gone: up to when that holds (microseconds since the epoch), and which event told it after that. */
  readonly told?: { readonly until: number; readonly by?: Buffer };
}

/** A change of one entry; times as there. `listed`: a page of a listing shows the object; `superfluous`: the entry of an object that is gone can go too. */
export type InventoryChange = { readonly source: string; readonly bucket: string; readonly key: string; readonly time: number } & (
  | { readonly kind: 'put' | 'listed'; readonly size: number; readonly eTag: string }
  | { readonly kind: 'removed'; readonly event: Buffer }
  | { readonly kind: 'missing'; readonly until: number }
  | { readonly kind: 'superfluous' }
);

const STATES = ['gone', 'there', 'missing'] as const;
const ENTRY = 18;
/** Bytes of a time: more than Node packs in one step, fewer than it can count. */
const TIME = 7;
const NOBODY = Buffer.alloc(8);
const LARGEST_SIZE = 2 ** 48 - 1;

/** Whether an inventory can have the key: canaries come and go, and a few keys that no store has would break its order. */
export function isKeptKey(key: string): boolean {
  return key.isWellFormed() && !key.includes('\0') && canaryId(key) === undefined;
}

/** Undefined for no entry. */
export function readEntry(packed: Buffer): InventoryEntry | undefined {
  const state = STATES[packed[0] ?? -1];
  if (state === undefined || packed.length < ENTRY) return undefined;
  const by = packed.subarray(ENTRY + TIME);
  return {
    state,
    time: readTime(packed, 1),
    size: packed.readUIntBE(1 + TIME, 6),
    content: packed.readUInt32BE(7 + TIME),
    ...(packed.length > ENTRY && { told: { until: readTime(packed, ENTRY), ...(!by.equals(NOBODY) && { by }) } }),
  };
}

/** Arguments of `noteInventory`. */
export function changeArgs(change: InventoryChange): (string | number | Buffer)[] {
  const { source, bucket, key, time } = change;
  const [operation, data] = operationOf(change);
  return [`${source}:${bucket}`, key, operation, time, data];
}

function operationOf(change: InventoryChange): [operation: string, data: Buffer | string] {
  switch (change.kind) {
    case 'put':
      return ['p', packObject(change.size, change.eTag)];
    case 'listed':
      return ['l', packObject(change.size, change.eTag)];
    case 'removed':
      return ['d', change.event];
    case 'missing':
      return ['g', packTime(change.until)];
    case 'superfluous':
      return ['x', ''];
  }
}

/** Bytes of an object as they stand in an entry: size, and what tells contents apart. */
function packObject(size: number, eTag: string): Buffer {
  const packed = Buffer.alloc(10);
  packed.writeUIntBE(keptSize(size), 0, 6);
  packed.writeUInt32BE(contentOf(eTag), 6);
  return packed;
}

function readTime(packed: Buffer, at: number): number {
  return packed.readUInt8(at) * 2 ** 48 + packed.readUIntBE(at + 1, 6);
}

function packTime(time: number): Buffer {
  const packed = Buffer.alloc(TIME);
  packed.writeUInt8(Math.floor(time / 2 ** 48), 0);
  packed.writeUIntBE(time % 2 ** 48, 1, 6);
  return packed;
}

export function keptSize(size: number): number {
  return Math.min(LARGEST_SIZE, Math.max(0, Math.floor(size)));
}

export function contentOf(eTag: string): number {
  return crc32(eTag.toLowerCase());
}
