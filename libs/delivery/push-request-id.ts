import { randomFillSync } from 'node:crypto';

const BYTES = 12;
/** Random bytes are drawn from the system in large portions: one call for each push would cost more than its headers. */
const pool = Buffer.allocUnsafe(BYTES * 512);
let at = pool.length;

/** 24 upper-case hexadecimal digits, new for each attempt. */
export function newPushRequestId(): string {
  if (at === pool.length) {
    randomFillSync(pool);
    at = 0;
  }
  at += BYTES;
  return pool.toString('hex', at - BYTES, at).toUpperCase();
}
