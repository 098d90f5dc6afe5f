import { timingSafeEqual } from 'node:crypto';
import { Hmac } from '#runtime/hmac.js';
import { ReceiptHandleError } from './queue-errors.js';

/** One delivery of one message: what a receipt handle stands for. */
export interface Delivery {
  readonly queueId: string;
  /** Place of the message in its queue, `sequence · 16 + priority − 1`. */
  readonly member: number;
  /** Which delivery of the message; 0 for the handle that the sender of a delayed message gets. */
  readonly number: number;
  /** Milliseconds since the epoch; makes the handles of one delivery differ, and is not checked: Redis knows better. */
  readonly nextVisibleTime: number;
}

const VERSION = 1;
const BODY = 1 + 8 + 7 + 4 + 6;
/** Makes 36 bytes in all: base64 then has no spare bits, so that a handle can be written in one way only. */
const MAC = 10;
const TEXT_LENGTH = ((BODY + MAC) * 4) / 3;

/**
 * Receipt handles are 48 URL-safe characters: version · queue id · member · delivery · next visible time, and a MAC that tells a
 * handle of ours (perhaps a stale one) from anything else.
 */
export class ReceiptHandles {
  readonly #key: Hmac;

  constructor(secret: Buffer) {
    this.#key = new Hmac('sha256', secret);
  }

  issue({ queueId, member, number, nextVisibleTime }: Delivery): string {
    const bytes = Buffer.allocUnsafe(BODY + MAC);
    bytes[0] = VERSION;
    bytes.write(queueId, 1, 'base64url');
    bytes.writeUInt8(Math.floor(member / 2 ** 48), 9);
    bytes.writeUIntBE(member % 2 ** 48, 10, 6);
    bytes.writeUInt32BE(number, 16);
    bytes.writeUIntBE(nextVisibleTime, 20, 6);
    this.#mac(bytes).copy(bytes, BODY, 0, MAC);
    return bytes.toString('base64url');
  }

  /** @throws ReceiptHandleError for a handle that this deployment never issued. */
  read(handle: string): Delivery {
    if (handle.length !== TEXT_LENGTH) throw new ReceiptHandleError();
    const bytes = Buffer.from(handle, 'base64url');
    if (bytes.length !== BODY + MAC || bytes[0] !== VERSION) throw new ReceiptHandleError();
    if (!timingSafeEqual(this.#mac(bytes).subarray(0, MAC), bytes.subarray(BODY))) throw new ReceiptHandleError();
    return {
      queueId: bytes.toString('base64url', 1, 9),
      member: bytes.readUInt8(9) * 2 ** 48 + bytes.readUIntBE(10, 6),
      number: bytes.readUInt32BE(16),
      nextVisibleTime: bytes.readUIntBE(20, 6),
    };
  }

  #mac(bytes: Buffer): Buffer {
    return this.#key.digest(bytes.subarray(0, BODY));
  }
}
