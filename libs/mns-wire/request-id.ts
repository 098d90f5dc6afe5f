import { randomBytes } from 'node:crypto';

const PROCESS = randomBytes(5).toString('hex').toUpperCase();

/** Ids of one process within one second differ up to here. */
const SEQUENCE_LIMIT = 0x100_0000;

let sequence = randomBytes(3).readUIntBE(0, 3);

/**
 * A request id in the form of MNS: 24 upper-case hexadecimal digits, the first 8 of them the Unix seconds of the request.
 * The others are 10 drawn once for the process and 6 that count: unique, and cheaper than chance for each request.
 */
export function createRequestId(nowMillis: number): string {
  sequence = (sequence + 1) % SEQUENCE_LIMIT;
  return hex(Math.floor(nowMillis / 1_000), 8) + PROCESS + hex(sequence, 6);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
